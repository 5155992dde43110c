// SPDX-License-Identifier: Apache-2.0
// The vocabulary of HTTP/2 (RFC 9113): codes, field lists, limits, and who is told what happens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/time.h"

namespace sallyport {

enum class Http2Role : std::uint8_t { client, server };

/// Http2Code is an error code of RFC 9113 section 7. A peer may send numbers that have no name here.
enum class Http2Code : std::uint32_t {
  no_error = 0x0,
  protocol_error = 0x1,
  internal_error = 0x2,
  flow_control_error = 0x3,
  settings_timeout = 0x4,
  stream_closed = 0x5,
  frame_size_error = 0x6,
  refused_stream = 0x7,
  cancel = 0x8,
  compression_error = 0x9,
  connect_error = 0xa,
  enhance_your_calm = 0xb,
  inadequate_security = 0xc,
  http_1_1_required = 0xd,
};

/// name_of returns the code's spelling in RFC 9113, "UNKNOWN" for a number without one.
std::string_view name_of(Http2Code code) noexcept;

using Http2StreamId = std::int32_t;

/// Http2End says whether this is the last that our side sends, or the peer sent, on a stream.
enum class Http2End : std::uint8_t { no, yes };

/// Http2Part says what a field section is.
enum class Http2Part : std::uint8_t { head, interim, trailers };

/// Http2Indexing says whether HPACK may remember the field (RFC 7541 section 7.1.3). Authorization, cookies
/// and the like are never indexed, whatever is asked.
enum class Http2Indexing : std::uint8_t { allowed, never };

/// Http2Field is one field to send. The text must live for the call that it is passed to.
struct Http2Field {
  std::string_view name;  ///< lower case
  std::string_view value;
  Http2Indexing indexing = Http2Indexing::allowed;
};

/// Http2Fields is a received field section, in order: one block of text and where things lie in it. A value.
class Http2Fields {
 public:
  void add(std::string_view name, std::string_view value);
  void clear() noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return places_.size(); }
  [[nodiscard]] std::string_view name(std::size_t i) const noexcept;
  [[nodiscard]] std::string_view value(std::size_t i) const noexcept;
  /// find gives the first value of `name` (lower case), none where there is none.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept;
  /// bytes is the size as RFC 9113 section 6.5.2 counts it: 32 more than name and value, for each field.
  [[nodiscard]] std::size_t bytes() const noexcept { return text_.size() + places_.size() * 32; }

 private:
  struct Place {
    std::uint32_t at;
    std::uint32_t name_bytes;
    std::uint32_t value_bytes;
  };
  std::string text_;
  std::vector<Place> places_;
};

/// Http2Rate is how often a peer may do something: `burst` times at once, and `per_second` in the long run.
struct Http2Rate {
  std::uint32_t burst = 0;
  std::uint32_t per_second = 0;
};

/// Http2Limits are what one connection may cost. Windows bound what is received and not yet consumed.
struct Http2Limits {
  Http2Limits() = default;
  std::uint32_t streams_max = 256;  ///< that the peer may have open at once
  std::uint32_t stream_window_bytes = 1024 * 1024;
  std::uint32_t connection_window_bytes = 4 * 1024 * 1024;
  std::uint32_t frame_bytes_max = 16 * 1024;   ///< RFC 9113 section 4.2: 16 KiB to 16 MiB - 1
  std::uint32_t fields_bytes_max = 32 * 1024;  ///< of one section, as Http2Fields::bytes() counts
  std::uint32_t fields_max = 256;              ///< of one section
  std::uint32_t unacknowledged_max = 256;      ///< SETTINGS and PING answers that wait to be written
  std::size_t settings_in_frame_max = 32;
  // What a peer may do that costs us more than it costs the peer. Beyond: GOAWAY(ENHANCE_YOUR_CALM), closed.
  Http2Rate resets{512, 128};  ///< streams that it opens and resets unanswered (CVE-2023-44487)
  Http2Rate faults{64, 8};     ///< stream errors that it makes us answer with RST_STREAM (CVE-2025-8671)
  Http2Rate pings{256, 4};     ///< without DATA or HEADERS of either side in between
  Http2Rate settings{32, 2};
  Http2Rate empty_data{1024, 128};  ///< DATA of no bytes that does not end the stream
  Http2Rate priorities{2048, 512};  ///< PRIORITY, which means nothing here
};

/// Http2Counters are for tests and metrics.
struct Http2Counters {
  std::uint64_t streams = 0;          ///< opened by the peer
  std::uint64_t resets_received = 0;  ///< of streams that were not answered in full
  std::uint64_t faults = 0;           ///< stream errors of the peer
  std::uint64_t fields_too_large = 0;
  std::uint64_t floods = 0;  ///< 1 where a rate was exceeded
};

/// Http2Events is told what happens on a connection, from within Http2Session::receive() and collect(). It
/// may send, consume, reset and go away from there, and must not call receive(), collect() or destroy the
/// session.
class Http2Events {
 public:
  virtual ~Http2Events() = default;
  /// on_fields: a field section is whole. On a server the first one opens the stream. Pseudo fields come
  /// first, and are checked (RFC 9113 section 8.3), as are names, values and content-length.
  virtual void on_fields(Http2StreamId stream, Http2Fields&& fields, Http2Part part, Http2End end) = 0;
  /// on_data: bytes that count against the windows until consume() is called.
  virtual void on_data(Http2StreamId stream, std::string_view bytes) = 0;
  /// on_end: the peer's side is over, in order. Follows the last on_fields or on_data.
  virtual void on_end(Http2StreamId stream) = 0;
  /// on_sent: what was to be sent on the stream has shrunk to `unsent_bytes`.
  virtual void on_sent(Http2StreamId stream, std::size_t unsent_bytes) = 0;
  /// on_closed: the stream is over, and its number means nothing any more. no_error: both sides ended in
  /// order, or RST_STREAM(NO_ERROR).
  virtual void on_closed(Http2StreamId stream, Http2Code code) = 0;
  /// on_goaway: the peer takes no more streams; those above `last` were not looked at.
  virtual void on_goaway(Http2StreamId last, Http2Code code, std::string_view debug) = 0;
  /// on_pong: the answer to one of our pings.
  virtual void on_pong() {}
};

}  // namespace sallyport
