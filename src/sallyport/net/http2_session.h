// SPDX-License-Identifier: Apache-2.0
// Http2Session: HTTP/2 without a socket. Bytes go in, events and bytes come out; so a fuzzer, a test or any
// transport can drive it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "sallyport/base/result.h"
#include "sallyport/net/http2.h"

namespace sallyport {

/// Http2Session is one end of one connection. It promises bounded memory: received bytes by the windows,
/// field sections, answers and faults by Http2Limits; what is to be sent is bounded by whoever calls send()
/// (see unsent_bytes()). It does not judge what requests mean, and ignores priorities (RFC 9113 section
/// 5.3.2). Push is off in both directions. One thread at a time.
class Http2Session {
 public:
  Http2Session(Http2Role role, const Http2Limits& limits, Http2Events& events);
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;
  ~Http2Session();

  /// receive takes what the peer sent. False: the connection is over; collect() what is still to be said,
  /// then close.
  [[nodiscard]] bool receive(std::string_view bytes, MonotonicTime now);
  /// collect appends what is to be written now, about `bytes_max` bytes at most, to `out`.
  void collect(std::string& out, std::size_t bytes_max);
  /// finished says that nothing will be read or written any more.
  [[nodiscard]] bool finished() const noexcept;

  /// request opens a stream (client). Where the peer allows no more at the moment, it waits its turn. Errors:
  /// unavailable (the peer or we are going away, or the numbers are used up: take a new connection),
  /// invalid_argument (a pseudo field missing, or a field that HTTP/2 forbids).
  Result<Http2StreamId> request(std::span<const Http2Field> fields, Http2End end);
  /// respond sends the final response head (server). False where the stream is over or the head was sent.
  bool respond(Http2StreamId stream, std::span<const Http2Field> fields, Http2End end);
  /// send appends body bytes. False where the stream is over or our side has ended.
  bool send(Http2StreamId stream, std::string_view bytes);
  /// send_pieces is send() for several pieces at once.
  bool send_pieces(Http2StreamId stream, std::string_view first, std::string_view second);
  /// finish ends our side, after what was sent before; with `trailers` where there are any.
  bool finish(Http2StreamId stream, std::span<const Http2Field> trailers);
  /// unsent_bytes is what send() took and the peer's windows, or the socket, did not yet: stop above a mark
  /// of yours, go on at on_sent().
  [[nodiscard]] std::size_t unsent_bytes(Http2StreamId stream) const noexcept;
  /// consume gives `bytes` of on_data() back to the windows. Without it the peer stops.
  void consume(Http2StreamId stream, std::size_t bytes);
  /// reset ends a stream at once; what was to be sent on it is dropped.
  void reset(Http2StreamId stream, Http2Code code);

  void ping();
  /// go_away takes no more streams from the peer and lets those go on that it has. With an error code the
  /// connection is over as soon as that is written.
  void go_away(Http2Code code, std::string_view debug);

  /// open_streams counts streams that are not over, those that wait their turn included.
  [[nodiscard]] std::size_t open_streams() const noexcept;
  [[nodiscard]] bool going_away() const noexcept;
  [[nodiscard]] const Http2Counters& counters() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sallyport
