// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/http2_session.h"

#include <algorithm>
#include <array>
#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/net/internal/http2_state.h"

namespace sallyport {
namespace {

uint8_t* bytes_of(std::string_view text) noexcept {
  return const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(text.data()));  // nghttp2 copies, never writes
}

/// Whoever can make us send guesses next to a secret can measure what HPACK made of it (RFC 7541
/// section 7.1).
bool is_secret(std::string_view name) noexcept {
  return name == "authorization" || name == "proxy-authorization" || name == "cookie" || name == "set-cookie";
}

/// FieldBlock is a field section as nghttp2 takes it; on the stack where it is small.
class FieldBlock {
 public:
  explicit FieldBlock(std::span<const Http2Field> fields) : count_(fields.size()) {
    if (count_ > few_.size()) many_.resize(count_);
    nghttp2_nv* at = data();
    for (const Http2Field& field : fields) {
      const bool never = field.indexing == Http2Indexing::never || is_secret(field.name);
      *at++ = {bytes_of(field.name), bytes_of(field.value), field.name.size(), field.value.size(),
               static_cast<uint8_t>(never ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE)};
    }
  }
  nghttp2_nv* data() noexcept { return many_.empty() ? few_.data() : many_.data(); }
  [[nodiscard]] std::size_t size() const noexcept { return count_; }

 private:
  std::size_t count_;
  std::array<nghttp2_nv, 16> few_;
  std::vector<nghttp2_nv> many_;
};

/// drop_sent keeps a slow stream's buffer from growing at its end while its start is long gone.
void drop_sent(Http2Flow& of) {
  if (of.sent_bytes < of.unsent.size() / 2 || of.sent_bytes < 64 * 1024) return;
  of.unsent.erase(0, of.sent_bytes);
  of.sent_bytes = 0;
}

}  // namespace

Http2Session::Http2Session(Http2Role role, const Http2Limits& limits, Http2Events& events)
    : state_(std::make_unique<State>(role, limits, events)) {}
Http2Session::~Http2Session() = default;

bool Http2Session::receive(std::string_view bytes, MonotonicTime now) {
  if (finished()) return false;
  state_->now = now;
  const ssize_t taken = nghttp2_session_mem_recv(state_->session.get(), bytes_of(bytes), bytes.size());
  if (state_->phase == State::Phase::flooded) {
    go_away(Http2Code::enhance_your_calm, "");
  } else if (taken == NGHTTP2_ERR_BAD_CLIENT_MAGIC || taken == NGHTTP2_ERR_FLOODED) {
    go_away(taken == NGHTTP2_ERR_FLOODED ? Http2Code::enhance_your_calm : Http2Code::protocol_error, "");
  } else if (taken < 0) {
    go_away(Http2Code::internal_error, "");
  }
  if (taken < 0) {
    state_->phase = State::Phase::over;
    return false;
  }
  return !finished();
}

void Http2Session::collect(std::string& out, std::size_t bytes_max) {
  state_->out = &out;
  const std::size_t start = out.size();
  while (out.size() - start < bytes_max) {
    const std::size_t before = out.size();
    const uint8_t* bytes = nullptr;
    const ssize_t count = nghttp2_session_mem_send(state_->session.get(), &bytes);
    if (count < 0) {
      if (state_->phase == State::Phase::flooded) {
        go_away(Http2Code::enhance_your_calm, "");
        state_->phase = State::Phase::over;
        continue;
      }
      state_->phase = State::Phase::over;
      break;
    }
    if (count > 0) out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(count));
    if (out.size() == before) break;
  }
  state_->out = nullptr;
}

bool Http2Session::finished() const noexcept {
  return state_->phase == State::Phase::over || (nghttp2_session_want_read(state_->session.get()) == 0 &&
                                                 nghttp2_session_want_write(state_->session.get()) == 0);
}

Result<Http2StreamId> Http2Session::request(std::span<const Http2Field> fields, Http2End end) {
  if (going_away()) return fail(Code::unavailable, "the connection is being closed");
  FieldBlock block(fields);
  nghttp2_data_provider source{};
  source.read_callback = &State::read_source;
  auto made = std::make_unique<Http2Flow>();
  const Http2StreamId id = nghttp2_submit_request(state_->session.get(), nullptr, block.data(), block.size(),
                                                  end == Http2End::yes ? nullptr : &source, made.get());
  if (id == NGHTTP2_ERR_STREAM_ID_NOT_AVAILABLE)
    return fail(Code::unavailable, "the connection has used up its stream numbers");
  if (id < 0) return fail(Code::invalid_argument, "the request cannot be put into HTTP/2 fields");
  made->id = id;
  made->ours = end == Http2End::yes ? Http2Flow::Ours::ended : Http2Flow::Ours::open;
  made->source = Http2Flow::Source::ready;
  state_->flows[id] = std::move(made);
  return id;
}

bool Http2Session::respond(Http2StreamId stream, std::span<const Http2Field> fields, Http2End end) {
  Http2Flow* const of = state_->flow(stream);
  if (of == nullptr || of->ours != Http2Flow::Ours::head_due) return false;
  FieldBlock block(fields);
  nghttp2_data_provider source{};
  source.read_callback = &State::read_source;
  if (nghttp2_submit_response(state_->session.get(), stream, block.data(), block.size(),
                              end == Http2End::yes ? nullptr : &source) != 0)
    return false;
  of->ours = end == Http2End::yes ? Http2Flow::Ours::ended : Http2Flow::Ours::open;
  of->source = Http2Flow::Source::ready;
  return true;
}

bool Http2Session::send(Http2StreamId stream, std::string_view bytes) {
  return send_pieces(stream, bytes, {});
}

bool Http2Session::send_pieces(Http2StreamId stream, std::string_view first, std::string_view second) {
  Http2Flow* const of = state_->flow(stream);
  if (of == nullptr || of->ours != Http2Flow::Ours::open) return false;
  drop_sent(*of);
  of->unsent.append(first).append(second);
  if (of->left() != 0) state_->wake_source(*of);
  return true;
}

bool Http2Session::finish(Http2StreamId stream, std::span<const Http2Field> trailers) {
  Http2Flow* const of = state_->flow(stream);
  if (of == nullptr || of->ours != Http2Flow::Ours::open) return false;
  for (const Http2Field& field : trailers) of->trailers.emplace_back(field.name, field.value);
  of->ours = Http2Flow::Ours::ended;
  state_->wake_source(*of);
  return true;
}

std::size_t Http2Session::unsent_bytes(Http2StreamId stream) const noexcept {
  const Http2Flow* const of = state_->flow(stream);
  return of == nullptr ? 0 : of->left();
}

void Http2Session::consume(Http2StreamId stream, std::size_t bytes) {
  Http2Flow* const of = state_->flow(stream);
  if (of == nullptr) return;  // its end has given the bytes back
  const std::size_t now = std::min(bytes, of->unconsumed_bytes);
  of->unconsumed_bytes -= now;
  nghttp2_session_consume(state_->session.get(), stream, now);
}

void Http2Session::reset(Http2StreamId stream, Http2Code code) {
  if (state_->flow(stream) == nullptr) return;
  nghttp2_submit_rst_stream(state_->session.get(), NGHTTP2_FLAG_NONE, stream,
                            static_cast<std::uint32_t>(code));
}

void Http2Session::ping() { nghttp2_submit_ping(state_->session.get(), NGHTTP2_FLAG_NONE, nullptr); }

void Http2Session::go_away(Http2Code code, std::string_view debug) {
  nghttp2_session* const session = state_->session.get();
  if (code != Http2Code::no_error) {
    nghttp2_session_terminate_session2(session, nghttp2_session_get_last_proc_stream_id(session),
                                       static_cast<std::uint32_t>(code));
  } else if (state_->phase == State::Phase::open) {
    nghttp2_submit_goaway(session, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session),
                          NGHTTP2_NO_ERROR, bytes_of(debug), debug.size());
  }
  if (state_->phase == State::Phase::open) state_->phase = State::Phase::going_away;
}

std::size_t Http2Session::open_streams() const noexcept { return state_->flows.size(); }
bool Http2Session::going_away() const noexcept { return state_->phase != State::Phase::open; }
const Http2Counters& Http2Session::counters() const noexcept { return state_->counters; }

}  // namespace sallyport
