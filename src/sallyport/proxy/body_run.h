// SPDX-License-Identifier: Apache-2.0
// BodyRun: what one buffer of framed bytes holds of a body, as pieces that leave with one system call in our
// own framing.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "sallyport/http/body.h"
#include "sallyport/net/stream.h"
#include "sallyport/proxy/response_head.h"

namespace sallyport {

/// BodyRun holds views: it is filled, and sent whole, before the buffers that it was filled from change.
class BodyRun {
 public:
  BodyRun() = default;
  BodyRun(const BodyRun&) = delete;  // views point into the object itself
  BodyRun& operator=(const BodyRun&) = delete;

  /// start_with drops what is in the run and begins it with `head`, which may be empty.
  void start_with(std::string_view head) noexcept;
  /// gather takes what `scanner` finds in `bytes`, in as many pieces as leave in one call, and frames it;
  /// returns how many bytes it used. At the body's end it adds what ends ours. Once per start_with().
  /// broken() where the framing of `bytes` is malformed.
  std::size_t gather(BodyScanner& scanner, std::string_view bytes, OutFraming framing) noexcept;
  /// finish adds the end of a body that ended with its connection.
  void finish(OutFraming framing) noexcept {
    if (framing == OutFraming::chunked) pieces_[count_++] = kBodyEnd;
  }

  [[nodiscard]] bool broken() const noexcept { return broken_; }
  /// data_bytes is the payload that gather() found.
  [[nodiscard]] std::size_t data_bytes() const noexcept { return data_bytes_; }
  /// try_send sends what goes; true when all is sent. Otherwise `state` is done or would_block (wait), or a
  /// failure.
  [[nodiscard]] bool try_send(Stream& to, IoState& state);
  [[nodiscard]] bool sent() const noexcept { return next_ == count_; }
  [[nodiscard]] std::span<const std::string_view> pieces() const noexcept {
    return {&pieces_[next_], count_ - next_};
  }

 private:
  static constexpr std::size_t kFramePieces = 4;  // head, chunk header, end of chunk, end of body
  void drop_sent(std::size_t bytes) noexcept;

  std::array<std::string_view, kPiecesMax> pieces_;
  std::size_t count_ = 0;
  std::size_t next_ = 0;  // first piece that is not sent whole
  std::size_t data_bytes_ = 0;
  std::optional<ChunkHeader> chunk_;
  bool broken_ = false;
};

}  // namespace sallyport
