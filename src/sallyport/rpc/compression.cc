// SPDX-License-Identifier: Apache-2.0
#include "sallyport/rpc/compression.h"

#include <zlib.h>

#include <algorithm>
#include <array>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

constexpr int kGzipWindow = 15 + 16;  // zlib: 16 more asks for gzip's header
constexpr int kMemoryLevel = 8;
constexpr std::size_t kStepBytes = 16 * 1024;

Bytef* input_of(std::string_view bytes) noexcept {
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));  // zlib does not write to it
}

struct Inflater {
  z_stream stream{};
  bool ok = inflateInit2(&stream, kGzipWindow) == Z_OK;
  Inflater() = default;
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() {
    if (ok) inflateEnd(&stream);
  }
};

struct Deflater {
  z_stream stream{};
  bool ok = deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, kMemoryLevel,
                         Z_DEFAULT_STRATEGY) == Z_OK;
  Deflater() = default;
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;
  ~Deflater() {
    if (ok) deflateEnd(&stream);
  }
};

}  // namespace

std::string_view name_of(RpcEncoding encoding) noexcept {
  return encoding == RpcEncoding::gzip ? "gzip" : "identity";
}

std::optional<RpcEncoding> rpc_encoding_of(std::string_view name) noexcept {
  if (name == "identity") return RpcEncoding::identity;
  if (name == "gzip") return RpcEncoding::gzip;
  return std::nullopt;
}

bool accepts_gzip(std::string_view list) noexcept {
  while (true) {
    const std::size_t comma = list.find(',');
    if (trimmed(list.substr(0, comma)) == "gzip") return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
}

Result<std::string> gzip_compress(std::string_view bytes) {
  Deflater deflater;
  if (!deflater.ok || bytes.size() > UINT32_MAX) return fail(Code::internal, "cannot compress this message");
  z_stream& stream = deflater.stream;
  std::string out(deflateBound(&stream, static_cast<uLong>(bytes.size())), '\0');
  stream.next_in = input_of(bytes);
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) return fail(Code::internal, "cannot compress this message");
  out.resize(stream.total_out);
  return out;
}

Result<std::string> gzip_expand(std::string_view bytes, std::size_t bytes_max) {
  Inflater inflater;
  if (!inflater.ok || bytes.size() > UINT32_MAX) return fail(Code::internal, "cannot expand this message");
  z_stream& stream = inflater.stream;
  stream.next_in = input_of(bytes);
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  std::array<char, kStepBytes> step;
  int state = Z_OK;
  while (state == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(step.data());
    stream.avail_out = static_cast<uInt>(step.size());
    state = inflate(&stream, Z_NO_FLUSH);
    const std::size_t made = step.size() - stream.avail_out;
    if (made > bytes_max - out.size()) return fail(Code::exhausted, "the message is too large when expanded");
    out.append(step.data(), made);
    if (state == Z_BUF_ERROR) break;
  }
  if (state != Z_STREAM_END || stream.avail_in != 0)
    return fail(Code::invalid_argument, "the compressed message is damaged");
  return out;
}

}  // namespace sallyport
