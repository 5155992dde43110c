// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/internal/http2_state.h"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace sallyport {
namespace {

std::string_view text_of(const uint8_t* bytes, size_t count) noexcept {
  return {reinterpret_cast<const char*>(bytes), count};
}

Http2Code code_of(uint32_t number) noexcept { return static_cast<Http2Code>(number); }

/// is_fault: errors of a stream that the peer made; nghttp2 answers each with RST_STREAM.
bool is_fault(uint32_t code) noexcept {
  return code == NGHTTP2_PROTOCOL_ERROR || code == NGHTTP2_FLOW_CONTROL_ERROR ||
         code == NGHTTP2_STREAM_CLOSED || code == NGHTTP2_FRAME_SIZE_ERROR ||
         code == NGHTTP2_ENHANCE_YOUR_CALM;
}

}  // namespace

Http2Session::State::State(Http2Role which, const Http2Limits& of, Http2Events& to)
    : role(which),
      limits(of),
      events(to),
      resets(of.resets),
      faults(of.faults),
      pings(of.pings),
      settings(of.settings),
      empty_data(of.empty_data),
      priorities(of.priorities),
      session(make_session(*this)) {
  submit_settings();
}

NgSessionPtr Http2Session::State::make_session(State& state) {
  const NgCallbacksPtr callbacks = make_callbacks();
  nghttp2_option* raw_option = nullptr;
  if (nghttp2_option_new(&raw_option) != 0) std::abort();
  const NgOptionPtr option(raw_option);
  nghttp2_option_set_no_auto_window_update(option.get(), 1);
  nghttp2_option_set_max_outbound_ack(option.get(), state.limits.unacknowledged_max);
  nghttp2_option_set_max_settings(option.get(), state.limits.settings_in_frame_max);
  nghttp2_option_set_peer_max_concurrent_streams(option.get(), 100);
  nghttp2_option_set_max_reserved_remote_streams(option.get(), 0);
  // A field with blanks around its value is repaired by nobody and harms nobody: gRPC metadata may have them.
  nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(option.get(), 1);
  nghttp2_session* raw = nullptr;
  const int made = state.role == Http2Role::server
                       ? nghttp2_session_server_new2(&raw, callbacks.get(), &state, option.get())
                       : nghttp2_session_client_new2(&raw, callbacks.get(), &state, option.get());
  if (made != 0) std::abort();  // no memory
  return NgSessionPtr(raw);
}

void Http2Session::State::submit_settings() {
  std::vector<nghttp2_settings_entry> entries{
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.stream_window_bytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.fields_bytes_max},
      {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, limits.frame_bytes_max}};
  if (role == Http2Role::client) {
    entries.push_back({NGHTTP2_SETTINGS_ENABLE_PUSH, 0});
    entries.push_back({NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 0});
  } else {
    entries.push_back({NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.streams_max});
  }
  if (nghttp2_submit_settings(session.get(), NGHTTP2_FLAG_NONE, entries.data(), entries.size()) != 0)
    std::abort();
  const auto window =
      static_cast<int32_t>(std::min<std::uint32_t>(limits.connection_window_bytes, INT32_MAX));
  if (nghttp2_session_set_local_window_size(session.get(), NGHTTP2_FLAG_NONE, 0, window) != 0) std::abort();
}

Http2Flow* Http2Session::State::flow(Http2StreamId id) const noexcept {
  const auto found = flows.find(id);  // not nghttp2's own record: a request that waits its turn has none yet
  return found == flows.end() ? nullptr : found->second.get();
}

void Http2Session::State::open_flow(Http2StreamId id) {
  auto made = std::make_unique<Http2Flow>();
  made->id = id;
  flows[id] = std::move(made);
}

bool Http2Session::State::charge(Http2Meter& meter) noexcept {
  if (meter.take(now)) return true;
  ++counters.floods;
  phase = Phase::flooded;
  return false;
}

/// Each frame costs the peer something before it costs us anything.
bool Http2Session::State::on_frame_begins(const nghttp2_frame_hd& head) noexcept {
  const bool is_ack = (head.flags & NGHTTP2_FLAG_ACK) != 0;
  const bool ends = (head.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  switch (head.type) {
    case NGHTTP2_PING:
      return is_ack || charge(pings);
    case NGHTTP2_SETTINGS:
      return is_ack || charge(settings);
    case NGHTTP2_PRIORITY:
      return charge(priorities);
    case NGHTTP2_DATA:
      if (head.length == 0 && !ends) return charge(empty_data);
      calm_down();
      return true;
    case NGHTTP2_HEADERS:
      calm_down();
      return true;
    case NGHTTP2_RST_STREAM:
      if (nghttp2_session_get_stream_local_close(session.get(), head.stream_id) == 1) return true;
      ++counters.resets_received;
      return role == Http2Role::client || charge(resets);
    default:
      return true;
  }
}

/// RFC 6585 section 5. The stream stays closed to whatever else comes on it.
void Http2Session::State::refuse_too_large(Http2Flow& of) {
  of.theirs = Http2Flow::Theirs::too_large;
  ++counters.fields_too_large;
  if (role == Http2Role::client || of.ours != Http2Flow::Ours::head_due) {
    nghttp2_submit_rst_stream(session.get(), NGHTTP2_FLAG_NONE, of.id, NGHTTP2_ENHANCE_YOUR_CALM);
    return;
  }
  static constexpr std::string_view name = ":status";
  static constexpr std::string_view value = "431";
  nghttp2_nv status{};
  status.name = const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(name.data()));
  status.value = const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(value.data()));
  status.namelen = name.size();
  status.valuelen = value.size();
  of.ours = Http2Flow::Ours::ended;
  nghttp2_submit_response(session.get(), of.id, &status, 1, nullptr);
}

void Http2Session::State::on_fields_whole(const nghttp2_frame& frame) {
  Http2Flow* const of = flow(frame.hd.stream_id);
  if (of == nullptr || of->theirs == Http2Flow::Theirs::too_large) return;
  if (incoming_bytes > limits.fields_bytes_max || incoming_count > limits.fields_max)
    return refuse_too_large(*of);
  const bool ends = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  Http2Part part = Http2Part::trailers;
  if (of->theirs == Http2Flow::Theirs::head_due) {
    const auto status = role == Http2Role::client ? incoming.find(":status") : std::nullopt;
    part = status.has_value() && status->starts_with('1') ? Http2Part::interim : Http2Part::head;
    if (part == Http2Part::head) of->theirs = Http2Flow::Theirs::open;
  }
  events.on_fields(frame.hd.stream_id, std::move(incoming), part, ends ? Http2End::yes : Http2End::no);
  incoming.clear();
}

void Http2Session::State::on_received(const nghttp2_frame& frame) {
  const auto& head = frame.hd;
  switch (head.type) {
    case NGHTTP2_HEADERS:
      on_fields_whole(frame);
      break;
    case NGHTTP2_PING:
      if ((head.flags & NGHTTP2_FLAG_ACK) != 0) events.on_pong();
      break;
    case NGHTTP2_GOAWAY:
      if (phase == Phase::open) phase = Phase::going_away;
      events.on_goaway(frame.goaway.last_stream_id, code_of(frame.goaway.error_code),
                       text_of(frame.goaway.opaque_data, frame.goaway.opaque_data_len));
      break;
    default:
      break;
  }
  const bool carries_end = head.type == NGHTTP2_HEADERS || head.type == NGHTTP2_DATA;
  if (!carries_end || (head.flags & NGHTTP2_FLAG_END_STREAM) == 0) return;
  const Http2Flow* const of = flow(head.stream_id);
  if (of != nullptr && of->theirs == Http2Flow::Theirs::open) events.on_end(head.stream_id);
}

bool Http2Session::State::on_frame_leaves(const nghttp2_frame& frame) {
  const auto& head = frame.hd;
  if (head.type == NGHTTP2_DATA || head.type == NGHTTP2_HEADERS) {
    calm_down();
    const bool ends = (head.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    // RFC 9113 section 8.1: a server that has answered in full needs no more of the request.
    if (ends && role == Http2Role::server &&
        nghttp2_session_get_stream_remote_close(session.get(), head.stream_id) == 0)
      nghttp2_submit_rst_stream(session.get(), NGHTTP2_FLAG_NONE, head.stream_id, NGHTTP2_NO_ERROR);
  }
  if (head.type != NGHTTP2_RST_STREAM || role == Http2Role::client) return true;
  if (!is_fault(frame.rst_stream.error_code)) return true;
  ++counters.faults;
  return charge(faults);
}

/// nghttp2 asks how much DATA there is; the bytes themselves go from our buffer straight to the output.
ssize_t Http2Session::State::read_source(nghttp2_session* session, int32_t id, uint8_t*, size_t length,
                                         uint32_t* flags, nghttp2_data_source*, void* self) {
  auto& state = *static_cast<State*>(self);
  Http2Flow* const of = state.flow(id);
  if (of == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  const std::size_t now = std::min(of->left(), length);
  const bool is_last = now == of->left();
  if (now == 0 && of->ours != Http2Flow::Ours::ended) {
    of->source = Http2Flow::Source::waiting;
    return NGHTTP2_ERR_DEFERRED;
  }
  *flags = NGHTTP2_DATA_FLAG_NO_COPY;
  if (!is_last || of->ours != Http2Flow::Ours::ended) return static_cast<ssize_t>(now);
  *flags |= NGHTTP2_DATA_FLAG_EOF;
  if (!of->trailers.empty()) {
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    std::vector<nghttp2_nv> fields;
    for (auto& [name, value] : of->trailers) {
      fields.push_back({reinterpret_cast<uint8_t*>(name.data()), reinterpret_cast<uint8_t*>(value.data()),
                        name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
    }
    if (nghttp2_submit_trailer(session, id, fields.data(), fields.size()) != 0)
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }
  return static_cast<ssize_t>(now);
}

void Http2Session::State::wake_source(Http2Flow& of) noexcept {
  if (of.source != Http2Flow::Source::waiting) return;
  of.source = Http2Flow::Source::ready;
  nghttp2_session_resume_data(session.get(), of.id);
}

NgCallbacksPtr Http2Session::State::make_callbacks() {
  nghttp2_session_callbacks* raw = nullptr;
  if (nghttp2_session_callbacks_new(&raw) != 0) std::abort();
  NgCallbacksPtr callbacks(raw);
  nghttp2_session_callbacks_set_on_begin_frame_callback(
      raw, [](nghttp2_session*, const nghttp2_frame_hd* head, void* self) {
        return static_cast<State*>(self)->on_frame_begins(*head) ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
      });
  nghttp2_session_callbacks_set_on_begin_headers_callback(
      raw, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
        auto& state = *static_cast<State*>(self);
        state.incoming.clear();
        state.incoming_bytes = state.incoming_count = 0;
        const bool opens = state.role == Http2Role::server && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
        if (!opens) return 0;
        ++state.counters.streams;
        state.open_flow(frame->hd.stream_id);
        return 0;
      });
  nghttp2_session_callbacks_set_on_header_callback(
      raw, [](nghttp2_session*, const nghttp2_frame*, const uint8_t* name, size_t name_bytes,
              const uint8_t* value, size_t value_bytes, uint8_t, void* self) {
        auto& state = *static_cast<State*>(self);
        state.incoming_bytes += name_bytes + value_bytes + 32;
        const bool fits = state.incoming_bytes <= state.limits.fields_bytes_max &&
                          ++state.incoming_count <= state.limits.fields_max;
        if (fits) state.incoming.add(text_of(name, name_bytes), text_of(value, value_bytes));
        return 0;  // too many are decoded, for HPACK's sake, and forgotten
      });
  nghttp2_session_callbacks_set_on_frame_recv_callback(
      raw, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
        static_cast<State*>(self)->on_received(*frame);
        return 0;
      });
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
      raw, [](nghttp2_session* session, uint8_t, int32_t id, const uint8_t* bytes, size_t count, void* self) {
        auto& state = *static_cast<State*>(self);
        Http2Flow* const of = state.flow(id);
        if (of == nullptr || of->theirs != Http2Flow::Theirs::open)
          return nghttp2_session_consume(session, id, count) == NGHTTP2_ERR_NOMEM
                     ? NGHTTP2_ERR_CALLBACK_FAILURE
                     : 0;
        of->unconsumed_bytes += count;
        state.events.on_data(id, text_of(bytes, count));
        return 0;
      });
  nghttp2_session_callbacks_set_on_stream_close_callback(
      raw, [](nghttp2_session* session, int32_t id, uint32_t code, void* self) {
        auto& state = *static_cast<State*>(self);
        Http2Flow* const of = state.flow(id);
        if (of == nullptr) return 0;
        // The stream's own window is gone with it; the connection's must get back what nobody will consume.
        if (of->unconsumed_bytes != 0) nghttp2_session_consume_connection(session, of->unconsumed_bytes);
        const auto kept = state.flows.extract(id);  // lives through the last event
        state.events.on_closed(id, code_of(code));
        return 0;
      });
  nghttp2_session_callbacks_set_on_frame_send_callback(
      raw, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
        return static_cast<State*>(self)->on_frame_leaves(*frame) ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
      });
  nghttp2_session_callbacks_set_send_data_callback(
      raw, [](nghttp2_session*, nghttp2_frame* frame, const uint8_t* frame_head, size_t length,
              nghttp2_data_source*, void* self) {
        auto& state = *static_cast<State*>(self);
        Http2Flow* const of = state.flow(frame->hd.stream_id);
        if (of == nullptr || of->left() < length)
          return static_cast<int>(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE);
        state.out->append(text_of(frame_head, 9));
        state.out->append(of->unsent, of->sent_bytes, length);
        of->sent_bytes += length;
        if (of->left() == 0) {
          of->unsent.clear();
          of->sent_bytes = 0;
        }
        if (length != 0) state.events.on_sent(frame->hd.stream_id, of->left());
        return 0;
      });
  return callbacks;
}

}  // namespace sallyport
