// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/http1_exchange.h"

#include <algorithm>
#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/http/status.h"
#include "sallyport/net/http1_connection.h"

namespace sallyport {
namespace {

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

/// is_bodyless: these answers end with their head (RFC 9112 section 6.3).
bool is_bodyless(Method method, int status) noexcept {
  return method == Method::head || status == 204 || status == 304 || (status >= 100 && status < 200);
}

bool is_clean(std::string_view text) noexcept {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return (c >= 0 && c < 0x20 && c != '\t') || c == 0x7f; });
}

Error client_trouble(IoState state) {
  if (state == IoState::deadline) return fail(Code::deadline_exceeded, "the client was too slow");
  return fail(Code::cancelled, "the client went away, or was cut");
}

}  // namespace

void Exchange::begin(Http1Server& server, Http1Workspace& space, Stream& stream) {
  server_ = &server;
  space_ = &space;
  stream_ = &stream;
  loop_ = &server.loop();
  attended_ = nullptr;
  binding_ = nullptr;
  body_ = BodyScanner(head_);
  server.mint_id(id_);
  cut_.reset();
  phase_ = Phase::unanswered;
  status_ = 0;
  may_keep_ = head_.keep_alive;
  owes_continue_ = head_.expects_continue;
  minds_hang_up_ = true;
  chunked_ = bodyless_ = false;
}

void Exchange::cut(CutReason reason) noexcept {
  cut_ = reason;
  ++server_->counters_.cut;
  stream_->cancel();
  if (attended_ != nullptr) attended_->cancel();
}

const ServerLimits& Exchange::limits() const noexcept { return server_->limits(); }

std::string_view Exchange::unread() const noexcept { return space_->unread(); }

void Exchange::consume(std::size_t bytes) noexcept {
  space_->begin += bytes;
  if (space_->begin == space_->end) space_->begin = space_->end = space_->floor;
}

std::span<char> Exchange::room() noexcept {
  if (!space_->buffer) space_->buffer = loop_->buffers().take();
  return space_->room();
}

void Exchange::received(std::size_t bytes) noexcept { space_->end += bytes; }

bool Exchange::keeps_alive() const noexcept { return may_keep_ && !server_->draining(); }

void Exchange::release_head() noexcept {
  if (!body_.ended() || space_->begin != space_->end || !space_->buffer) return;
  head_.fields.clear();
  head_.method_text = {};
  head_.target.raw = head_.target.path_raw = head_.target.path = head_.target.query_raw = {};
  head_.target.scheme = head_.target.authority = {};
  space_->buffer.give_back();
  space_->floor = space_->begin = space_->end = 0;
}

bool Exchange::skip_buffered_body() noexcept {
  while (!body_.ended() && !unread().empty()) {
    const BodyStep step = body_.next(unread());
    if (step.state == BodyStep::State::refused) return false;
    consume(step.consumed);
  }
  return body_.ended();
}

Task<Status> Exchange::send(std::string_view text) {
  const IoResult first = stream_->try_write(text);
  if (first.state == IoState::done && first.bytes == text.size()) co_return ok();
  if (first.state == IoState::closed || first.state == IoState::failed) {
    phase_ = Phase::broken;
    co_return client_trouble(first.state);
  }
  for (text.remove_prefix(first.bytes); !text.empty();) {
    stream_->set_deadline(after(loop_->now(), limits().write_idle_max));
    const WaitResult woken = co_await stream_->writable();
    const IoResult next =
        woken == WaitResult::ready ? stream_->try_write(text) : IoResult{state_of(woken), 0};
    if (next.state != IoState::done && next.state != IoState::would_block) {
      phase_ = Phase::broken;
      co_return client_trouble(next.state);
    }
    text.remove_prefix(next.bytes);
  }
  co_return ok();
}

Task<Result<std::string>> Exchange::read_body(std::size_t bytes_max) {
  std::string body;
  if (owes_continue_ && !body_.ended() && unread().empty()) {
    owes_continue_ = false;
    const Status sent = co_await send(kContinue);
    if (!sent) co_return sent.error();
  }
  while (!body_.ended()) {
    while (!body_.ended() && !unread().empty()) {
      const BodyStep step = body_.next(unread());
      if (step.state == BodyStep::State::refused) {
        may_keep_ = false;
        co_return fail(Code::invalid_argument, name_of(step.fault));
      }
      if (body.size() + step.data.size() > bytes_max) {
        may_keep_ = false;
        co_return fail(Code::exhausted, "the request body is too large");
      }
      body.append(step.data);
      consume(step.consumed);
    }
    if (body_.ended()) break;
    stream_->set_deadline(after(loop_->now(), limits().body_idle_max));
    const IoResult read = co_await read_some(*stream_, room());
    if (read.state != IoState::done) {
      may_keep_ = false;
      co_return client_trouble(read.state);
    }
    received(read.bytes);
  }
  co_return body;
}

bool Exchange::write_head(const Response& response, std::string_view framing_lines, std::string& out) const {
  out = concat("HTTP/1.1 ", response.status, " ", reason_phrase(static_cast<std::uint16_t>(response.status)),
               "\r\n", server_->date_line());
  for (const HeaderLine& field : response.fields) {
    if (!is_clean(field.name) || !is_clean(field.value)) return false;
    out.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  out.append(framing_lines);
  if (!keeps_alive()) {
    out.append("Connection: close\r\n");
  } else if (head_.version == Version::http10) {
    out.append("Connection: keep-alive\r\n");
  }
  out.append("\r\n");
  return true;
}

Task<Status> Exchange::respond(const Response& response) {
  if (phase_ != Phase::unanswered) co_return fail(Code::internal, "this request has been answered already");
  const bool wants_body = owes_continue_ && !body_.ended();
  if (wants_body || !skip_buffered_body()) may_keep_ = false;
  const bool bodyless = is_bodyless(head_.method, response.status);
  const bool has_length = response.status >= 200 && response.status != 204 && response.status != 304;
  const std::string length =
      has_length ? concat("Content-Length: ", response.body.size(), "\r\n") : std::string();
  std::string text;
  const bool clean = write_head(response, length, text);
  if (!clean) {
    const Response fault(500, "text/plain; charset=utf-8", "internal error\n");
    const Status sent = co_await respond(fault);
    co_return sent ? fail(Code::internal, "a field of the answer holds a control character") : sent.error();
  }
  status_ = response.status;
  if (!bodyless) text.append(response.body);
  phase_ = Phase::started;
  const Status sent = co_await send(text);
  if (sent) phase_ = Phase::answered;
  co_return sent;
}

Task<Status> Exchange::start_stream(const Response& head) {
  if (phase_ != Phase::unanswered) co_return fail(Code::internal, "this request has been answered already");
  if (!skip_buffered_body()) may_keep_ = false;
  bodyless_ = is_bodyless(head_.method, head.status);
  chunked_ = !bodyless_ && head_.version == Version::http11;
  if (!bodyless_ && !chunked_) may_keep_ = false;
  std::string text;
  const std::string_view framing = chunked_ ? "Transfer-Encoding: chunked\r\n" : "";
  if (!write_head(head, framing, text))
    co_return fail(Code::internal, "a field of the answer holds a control character");
  status_ = head.status;
  phase_ = Phase::started;
  co_return co_await send(text);
}

Task<Status> Exchange::write(std::string_view text) {
  if (phase_ != Phase::started) co_return fail(Code::internal, "no stream is open");
  if (bodyless_ || text.empty()) co_return ok();
  if (!chunked_) co_return co_await send(text);
  const std::string chunk = concat(ChunkHeader(text.size()).text(), text, kChunkEnd);
  co_return co_await send(chunk);
}

Task<Status> Exchange::finish() {
  if (phase_ != Phase::started) co_return fail(Code::internal, "no stream is open");
  if (chunked_) {
    const Status sent = co_await send(kBodyEnd);
    if (!sent) co_return sent.error();
  }
  phase_ = Phase::answered;
  co_return ok();
}

}  // namespace sallyport
