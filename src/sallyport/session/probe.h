// SPDX-License-Identifier: Apache-2.0
// Probe: one small HTTP request to a tool, to see whether it answers. It never blocks: its owner polls its
// descriptor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sallyport/base/address.h"
#include "sallyport/base/secret.h"
#include "sallyport/base/time.h"
#include "sallyport/env/posix/descriptor.h"

namespace sallyport {

/// One try is given this long: some tools accept their first connection long before they answer it.
inline constexpr Duration kProbeTimeout = std::chrono::seconds(2);
inline constexpr std::size_t kProbeAnswerBytesMax = 1024;

/// parse_status_line reads "HTTP/1.x NNN ..." (RFC 9112 section 4) up to its line end: the status, 0 where it
/// is none, nullopt where more bytes are needed.
std::optional<int> parse_status_line(std::string_view bytes);

/// Probe is one try. A resource; one thread.
class Probe {
 public:
  /// begin connects to `to` and will ask for `path` with `header_lines` (each ended by CRLF).
  Probe(const SocketAddress& to, std::string_view path, std::string_view header_lines, MonotonicTime now);

  struct Outcome {
    enum class Kind : std::uint8_t { pending, answered, failed } kind = Kind::pending;
    int status = 0;
    std::string why;  ///< with `failed`
  };
  /// step does what can be done now. After `answered` or `failed` the probe is spent.
  Outcome step(MonotonicTime now);

  [[nodiscard]] int descriptor() const noexcept { return socket_.get(); }
  [[nodiscard]] short poll_events() const noexcept;
  [[nodiscard]] MonotonicTime deadline() const noexcept { return deadline_; }

 private:
  Outcome connected();
  Outcome send();
  Outcome receive();
  Outcome failed(std::string why);

  Descriptor socket_;
  SecretText request_;
  std::size_t sent_ = 0;
  std::string answer_;
  MonotonicTime deadline_;
  int connect_error_ = 0;
  enum class Phase : std::uint8_t { connecting, sending, receiving } phase_ = Phase::connecting;
  SocketAddress::Family family_;
};

}  // namespace sallyport
