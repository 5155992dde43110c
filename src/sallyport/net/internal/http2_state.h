// SPDX-License-Identifier: Apache-2.0
// What an Http2Session holds: nghttp2's session, a record per stream, the meters, and nghttp2's callbacks.
#pragma once

#include <nghttp2/nghttp2.h>

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "sallyport/net/http2_session.h"
#include "sallyport/net/internal/http2_meter.h"
#include "sallyport/net/internal/openssl.h"

namespace sallyport {

using NgSessionPtr = std::unique_ptr<nghttp2_session, FreeWith<&nghttp2_session_del>>;
using NgOptionPtr = std::unique_ptr<nghttp2_option, FreeWith<&nghttp2_option_del>>;
using NgCallbacksPtr = std::unique_ptr<nghttp2_session_callbacks, FreeWith<&nghttp2_session_callbacks_del>>;

/// Http2Flow is one stream. Our side: `unsent` from `sent_bytes` on is still to go, then the trailers, then
/// the end.
struct Http2Flow {
  Http2StreamId id = 0;
  std::string unsent;
  std::size_t sent_bytes = 0;
  std::size_t unconsumed_bytes = 0;  ///< given to on_data, not yet to consume()
  std::vector<std::pair<std::string, std::string>> trailers;
  enum class Ours : std::uint8_t { head_due, open, ended } ours = Ours::head_due;
  enum class Theirs : std::uint8_t { head_due, open, too_large } theirs = Theirs::head_due;
  enum class Source : std::uint8_t { none, ready, waiting } source = Source::none;  ///< of DATA, for nghttp2

  [[nodiscard]] std::size_t left() const noexcept { return unsent.size() - sent_bytes; }
};

struct Http2Session::State {
  State(Http2Role which, const Http2Limits& of, Http2Events& to);
  static NgSessionPtr make_session(State& state);
  void submit_settings();

  /// flow is null where the stream is over.
  [[nodiscard]] Http2Flow* flow(Http2StreamId id) const noexcept;
  void open_flow(Http2StreamId id);
  /// wake_source lets nghttp2 ask for DATA again.
  void wake_source(Http2Flow& of) noexcept;
  /// charge is false where the peer did this too often; then receive() ends the connection.
  bool charge(Http2Meter& meter) noexcept;
  bool on_frame_begins(const nghttp2_frame_hd& head) noexcept;
  bool on_frame_leaves(const nghttp2_frame& frame);
  void on_fields_whole(const nghttp2_frame& frame);
  void refuse_too_large(Http2Flow& of);
  void on_received(const nghttp2_frame& frame);
  void calm_down() noexcept { pings.refill(); }

  static NgCallbacksPtr make_callbacks();
  static ssize_t read_source(nghttp2_session*, int32_t id, uint8_t*, size_t length, uint32_t* flags,
                             nghttp2_data_source*, void* self);

  Http2Role role;
  Http2Limits limits;
  Http2Events& events;
  std::unordered_map<Http2StreamId, std::unique_ptr<Http2Flow>> flows;
  Http2Fields incoming;  ///< the section that is being received
  std::size_t incoming_bytes = 0;
  std::size_t incoming_count = 0;
  Http2Counters counters;
  Http2Meter resets;
  Http2Meter faults;
  Http2Meter pings;
  Http2Meter settings;
  Http2Meter empty_data;
  Http2Meter priorities;
  MonotonicTime now{};
  std::string* out = nullptr;  ///< where collect() writes to
  enum class Phase : std::uint8_t { open, going_away, flooded, over } phase = Phase::open;
  NgSessionPtr session;  ///< last: its end calls back
};

}  // namespace sallyport
