// SPDX-License-Identifier: Apache-2.0
#include "sallyport/rpc/wire.h"

namespace sallyport {
namespace {

constexpr unsigned kVarintBytesMax = 10;

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>((value & 0x7F) | 0x80));
  out.push_back(static_cast<char>(value));
}

}  // namespace

bool WireReader::stop() noexcept {
  ok_ = false;
  bytes_ = {};
  return false;
}

std::optional<std::uint64_t> WireReader::varint() noexcept {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < kVarintBytesMax && i < bytes_.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes_[i]);
    value |= std::uint64_t{byte & 0x7FU} << (7 * i);
    if ((byte & 0x80) != 0) continue;
    bytes_.remove_prefix(i + 1);
    return value;
  }
  return std::nullopt;
}

bool WireReader::fixed(unsigned bytes) noexcept {
  if (bytes_.size() < bytes) return stop();
  number_ = 0;
  for (unsigned i = 0; i < bytes; ++i)
    number_ |= std::uint64_t{static_cast<unsigned char>(bytes_[i])} << (8 * i);
  bytes_.remove_prefix(bytes);
  return true;
}

bool WireReader::next() noexcept {
  if (bytes_.empty()) return false;
  const auto tag = varint();
  if (!tag.has_value() || *tag > UINT32_MAX || *tag >> 3 == 0) return stop();
  field_ = static_cast<std::uint32_t>(*tag >> 3);
  type_ = static_cast<std::uint32_t>(*tag & 7);
  text_ = {};
  number_ = 0;
  if (type_ == 1) return fixed(8);
  if (type_ == 5) return fixed(4);
  if (type_ != 0 && type_ != 2) return stop();
  const auto value = varint();
  if (!value.has_value()) return stop();
  number_ = *value;
  if (type_ == 0) return true;
  if (number_ > bytes_.size()) return stop();
  text_ = bytes_.substr(0, number_);
  bytes_.remove_prefix(number_);
  return true;
}

void wire_put(std::string& out, std::uint32_t field, std::uint64_t number) {
  put_varint(out, std::uint64_t{field} << 3);
  put_varint(out, number);
}

void wire_put(std::string& out, std::uint32_t field, std::string_view text) {
  put_varint(out, std::uint64_t{field} << 3 | 2);
  put_varint(out, text.size());
  out.append(text);
}

}  // namespace sallyport
