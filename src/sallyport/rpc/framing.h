// SPDX-License-Identifier: Apache-2.0
// Message framing: one flag byte, four bytes of length, the message; over and over, regardless of frames.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "sallyport/base/result.h"
#include "sallyport/rpc/compression.h"
#include "sallyport/rpc/status.h"

namespace sallyport {

inline constexpr std::size_t kRpcPrefixBytes = 5;
/// What the length can say, less one: the limit that go-plugin's hosts use for "none".
inline constexpr std::size_t kRpcMessageBytesMax = 0x7FFFFFFF;

/// rpc_prefix is what goes before a message.
std::array<char, kRpcPrefixBytes> rpc_prefix(std::size_t message_bytes, RpcEncoding encoding) noexcept;

/// RpcUnframer cuts a stream of bytes into messages. Untrusted input: a message is bounded before a byte of
/// it is kept, and memory is taken as bytes arrive, not as a length promises.
class RpcUnframer {
 public:
  /// `bytes_max` bounds one message, as sent and when expanded. `encoding`: of messages with the flag set;
  /// none: such are an error.
  explicit RpcUnframer(std::size_t bytes_max) noexcept : bytes_max_(bytes_max) {}
  void set_encoding(RpcEncoding encoding) noexcept { encoding_ = encoding; }

  /// add takes bytes; false where they break the rules: see fault().
  [[nodiscard]] bool add(std::string_view bytes);
  /// next gives the next whole message, and expands it only now: messages that wait are as small as they
  /// came. None where there is none, or where it does not expand: see fault().
  std::optional<std::string> next();
  [[nodiscard]] bool has_next() const noexcept { return !messages_.empty(); }
  /// whole says that the bytes so far end where a message ends.
  [[nodiscard]] bool whole() const noexcept { return prefix_bytes_ == 0; }
  /// fault is why add() was false: resource_exhausted (too large), internal (bad flag, or a flag without
  /// encoding, damaged compression).
  [[nodiscard]] const RpcStatus& fault() const noexcept { return fault_; }

 private:
  bool refuse(RpcCode code, std::string_view why);
  bool begin_message();
  void end_message();

  std::size_t bytes_max_;
  RpcEncoding encoding_ = RpcEncoding::identity;
  std::array<char, kRpcPrefixBytes> prefix_{};
  std::size_t prefix_bytes_ = 0;
  std::size_t message_bytes_ = 0;
  std::string message_;
  struct Message {
    std::string bytes;
    RpcEncoding encoding;
  };
  std::deque<Message> messages_;
  RpcStatus fault_ = rpc_ok();
};

}  // namespace sallyport
