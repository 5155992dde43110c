// SPDX-License-Identifier: Apache-2.0
// Where WebSocket frames end (RFC 6455 section 5.2): a tunnel relays bytes, yet a close frame of ours may
// stand only between two frames.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sallyport {

inline constexpr std::uint16_t kClosePolicyViolation = 1008;  ///< the credential was revoked or has expired
inline constexpr std::uint16_t kCloseGoingAway = 1001;        ///< the gateway is shutting down

/// FrameTracker follows one direction of a tunnel. It reads headers only; payloads are skipped unseen.
class FrameTracker {
 public:
  /// feed takes bytes as they were relayed, in any pieces.
  void feed(std::string_view bytes) noexcept;
  /// at_boundary: the last byte ended a frame, or none came yet. False for ever after a malformed header or a
  /// close frame.
  [[nodiscard]] bool at_boundary() const noexcept {
    return !broken_ && !closed_ && have_ == 0 && remaining_ == 0;
  }
  [[nodiscard]] bool broken() const noexcept { return broken_; }
  /// closed: a whole close frame's header went by; nothing may follow that frame.
  [[nodiscard]] bool closed() const noexcept { return closed_; }
  /// data_frames counts text, binary and continuation frames: activity that a ping is not.
  [[nodiscard]] std::uint64_t data_frames() const noexcept { return data_frames_; }

 private:
  [[nodiscard]] std::size_t header_size() const noexcept;
  void header_done() noexcept;
  unsigned char header_[14]{};
  std::uint8_t have_ = 0;
  bool broken_ = false;
  bool closed_ = false;
  std::uint64_t remaining_ = 0;
  std::uint64_t data_frames_ = 0;
};

/// close_frame is a server's close frame (unmasked); `reason` is cut at 123 bytes, the most a control frame
/// holds.
std::string close_frame(std::uint16_t code, std::string_view reason);

}  // namespace sallyport
