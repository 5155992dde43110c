// SPDX-License-Identifier: Apache-2.0
#include "sallyport/rpc/framing.h"

#include <algorithm>
#include <utility>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

constexpr std::size_t kReserveBytesMax = 64 * 1024;

}  // namespace

std::array<char, kRpcPrefixBytes> rpc_prefix(std::size_t message_bytes, RpcEncoding encoding) noexcept {
  const auto byte = [message_bytes](unsigned shift) {
    return static_cast<char>((message_bytes >> shift) & 0xFF);
  };
  return {encoding == RpcEncoding::identity ? '\0' : '\1', byte(24), byte(16), byte(8), byte(0)};
}

bool RpcUnframer::refuse(RpcCode code, std::string_view why) {
  fault_ = RpcStatus(code, why);
  message_.clear();
  return false;
}

bool RpcUnframer::begin_message() {
  message_bytes_ = 0;
  for (std::size_t i = 1; i < kRpcPrefixBytes; ++i)
    message_bytes_ = message_bytes_ << 8 | static_cast<unsigned char>(prefix_[i]);
  const auto flag = static_cast<unsigned char>(prefix_[0]);
  if (flag > 1) return refuse(RpcCode::internal, "a message has a flag that is neither 0 nor 1");
  if (flag == 1 && encoding_ == RpcEncoding::identity)
    return refuse(RpcCode::internal, "a message is compressed, and no grpc-encoding says how");
  if (message_bytes_ > bytes_max_) {
    return refuse(RpcCode::resource_exhausted,
                  concat("a message of ", message_bytes_, " bytes is larger than the limit of ", bytes_max_));
  }
  message_.reserve(std::min(message_bytes_, kReserveBytesMax));
  return true;
}

void RpcUnframer::end_message() {
  prefix_bytes_ = 0;
  messages_.push_back({std::exchange(message_, {}), prefix_[0] == 1 ? encoding_ : RpcEncoding::identity});
}

bool RpcUnframer::add(std::string_view bytes) {
  if (!fault_.is_ok()) return false;
  while (!bytes.empty()) {
    if (prefix_bytes_ < kRpcPrefixBytes) {
      prefix_[prefix_bytes_++] = bytes.front();
      bytes.remove_prefix(1);
      if (prefix_bytes_ < kRpcPrefixBytes) continue;
      if (!begin_message()) return false;
    }
    const std::size_t now = std::min(bytes.size(), message_bytes_ - message_.size());
    message_.append(bytes.substr(0, now));
    bytes.remove_prefix(now);
    if (message_.size() == message_bytes_) end_message();
  }
  return true;
}

std::optional<std::string> RpcUnframer::next() {
  if (messages_.empty() || !fault_.is_ok()) return std::nullopt;
  Message message = std::move(messages_.front());
  messages_.pop_front();
  if (message.encoding == RpcEncoding::identity) return std::move(message.bytes);
  Result<std::string> expanded = gzip_expand(message.bytes, bytes_max_);
  if (expanded) return *std::move(expanded);
  const bool too_large = expanded.error().code == Code::exhausted;
  refuse(too_large ? RpcCode::resource_exhausted : RpcCode::internal, expanded.error().what);
  return std::nullopt;
}

}  // namespace sallyport
