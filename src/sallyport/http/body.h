// SPDX-License-Identifier: Apache-2.0
// Where a body ends: scanners that are fed raw bytes as they arrive and hand out the data in them, without a
// copy.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sallyport/http/message.h"
#include "sallyport/http/parse_fault.h"

namespace sallyport {

inline constexpr std::size_t kChunkSizeDigitsMax = 15;        ///< 2^60 bytes; leading zeros count
inline constexpr std::size_t kChunkExtensionBytesMax = 256;   ///< per chunk
inline constexpr std::size_t kBodyExtensionBytesMax = 16384;  ///< all extensions of one body
inline constexpr std::size_t kTrailerBytesMax = 8192;         ///< all trailers of one body

/// BodyStep is what one look at the bytes found. `consumed` bytes are done with; of these, `data` (possibly
/// empty) is payload, and is to be used before the buffer moves.
struct BodyStep {
  enum class State : std::uint8_t {
    refused,  ///< malformed: close the connection; sticky
    more,     ///< call again with what follows `consumed`, or with new bytes when nothing is left
    end,      ///< the body is over; bytes after `consumed` belong to the next message
  };
  State state = State::refused;
  std::size_t consumed = 0;
  std::string_view data;
  ParseFault fault = ParseFault::none;
};

/// ChunkScanner reads a chunked body (RFC 9112 section 7.1). Extensions and trailers are checked, bounded and
/// dropped.
class ChunkScanner {
 public:
  /// next consumes up to the end of one piece of data. It makes progress on every call with at least one
  /// byte. After `end` and `refused` it consumes nothing and says the same again.
  [[nodiscard]] BodyStep next(std::string_view bytes) noexcept;
  [[nodiscard]] bool ended() const noexcept { return state_ == State::ended; }

 private:
  enum class State : std::uint8_t {
    size_first,
    size,
    extension_name_first,
    extension_name,
    extension_value_first,
    extension_value,
    extension_quoted,
    extension_escaped,
    extension_after_quoted,
    size_line_feed,
    data,
    data_return,
    data_line_feed,
    trailer_first,
    trailer_name,
    trailer_value,
    trailer_line_feed,
    last_line_feed,
    ended,
    broken,
  };
  ParseFault take(unsigned char byte) noexcept;
  ParseFault take_size(unsigned char byte) noexcept;
  ParseFault take_extension(unsigned char byte) noexcept;
  ParseFault take_trailer(unsigned char byte) noexcept;
  void size_line_done() noexcept;

  State state_ = State::size_first;
  ParseFault fault_ = ParseFault::none;
  std::uint8_t digits_ = 0;
  std::uint16_t extension_bytes_ = 0;
  std::uint32_t overhead_bytes_ = 0;  // extensions of the body so far, then its trailers
  std::uint64_t remaining_ = 0;       // of this chunk
};

/// BodyScanner follows any framing with one interface. A body of framing `none` or length 0 has ended before
/// the first byte; `until_close` never ends by itself: the connection's end is its end.
class BodyScanner {
 public:
  BodyScanner() = default;  // no body
  BodyScanner(Framing framing, std::uint64_t content_length) noexcept
      : framing_(framing), remaining_(framing == Framing::length ? content_length : 0) {}
  explicit BodyScanner(const RequestHead& head) noexcept : BodyScanner(head.framing, head.content_length) {}
  explicit BodyScanner(const ResponseHead& head) noexcept : BodyScanner(head.framing, head.content_length) {}

  [[nodiscard]] BodyStep next(std::string_view bytes) noexcept;
  [[nodiscard]] bool ended() const noexcept;
  [[nodiscard]] Framing framing() const noexcept { return framing_; }
  /// remaining is what is left of a body with a length: for splice. advance() counts bytes that went past
  /// this object.
  [[nodiscard]] std::uint64_t remaining() const noexcept { return remaining_; }
  void advance(std::uint64_t bytes) noexcept { remaining_ -= bytes < remaining_ ? bytes : remaining_; }

 private:
  Framing framing_ = Framing::none;
  std::uint64_t remaining_ = 0;
  ChunkScanner chunks_;
};

/// ChunkHeader is the line before a chunk's data: "1a\r\n", without heap.
class ChunkHeader {
 public:
  /// data_bytes > 0: a chunk of size 0 would end the body.
  explicit ChunkHeader(std::size_t data_bytes) noexcept;
  [[nodiscard]] std::string_view text() const noexcept {
    return {text_.data() + start_, text_.size() - start_};
  }

 private:
  std::array<char, 18> text_{};
  std::size_t start_;
};
/// kChunkEnd follows each chunk's data; kBodyEnd is the last chunk with no trailers.
inline constexpr std::string_view kChunkEnd = "\r\n";
inline constexpr std::string_view kBodyEnd = "0\r\n\r\n";

}  // namespace sallyport
