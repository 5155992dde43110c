// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/http1_connection.h"

#include <cstring>
#include <string>
#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/http/status.h"

namespace sallyport {

void Http1Workspace::settle_front() noexcept {
  if (begin <= kHeadStartBytesMax && begin != end) return;
  std::memmove(buffer.data(), buffer.data() + begin, end - begin);
  end -= begin;
  begin = 0;
}

Http1Connection::Http1Connection(Http1Server& server, std::unique_ptr<Stream> stream)
    : server_(server), stream_(std::move(stream)) {
  server_.connections_.push_back(*this);
  ++server_.counters_.connections;
  ++server_.counters_.open;
}

Http1Connection::~Http1Connection() {
  unlink();
  server_.leave(*this);
}

void Http1Connection::hang_up_if_idle() noexcept {
  if (exchange_ == nullptr) stream_->cancel();
}

HeadParse Http1Connection::parse(Http1Workspace& space) {
  HeadParse parsed = parse_request_head(space.unread(), space.head, server_.limits_.head, space.seen);
  space.seen = parsed.need_more() ? space.unread().size() : 0;
  return parsed;
}

Http1Connection::HeadStep Http1Connection::advance_head(Http1Workspace& space) {
  for (;;) {
    if (space.begin != space.end) {
      const HeadParse parsed = parse(space);
      if (parsed.complete()) {
        space.begin += parsed.bytes;
        space.floor = space.begin;
        return HeadStep::complete;
      }
      if (parsed.refused()) {
        fault_ = parsed.fault;
        return HeadStep::refused;
      }
    }
    if (stream_->drained()) return space.begin == space.end ? HeadStep::idle : HeadStep::wait;
    const IoResult read = stream_->try_read(space.room());
    if (read.state == IoState::would_block) continue;
    if (read.state != IoState::done) return HeadStep::closed;
    if (space.begin == space.end) head_began_ = server_.loop_.now();
    space.end += read.bytes;
  }
}

void Http1Connection::begin(Http1Workspace& space) {
  ++requests_;
  exchange_ = &space.exchange;
  space.exchange.begin(server_, space, *stream_);
  if (requests_ >= server_.limits_.requests_per_connection_max) space.exchange.close_after();
  server_.exchange_begins();
}

Http1Connection::Next Http1Connection::settle(Http1Workspace& space) noexcept {
  Exchange& exchange = space.exchange;
  exchange_ = nullptr;
  server_.exchange_ends();
  must_linger_ = false;
  if (exchange.phase_ != Exchange::Phase::answered) {
    stream_->reset();  // an end in order would make a cut answer look whole
    return Next::close;
  }
  const bool body_over = exchange.skip_buffered_body();
  if (exchange.keeps_alive() && body_over && !exchange.cut_) return Next::idle;
  must_linger_ = !body_over || space.begin != space.end || !stream_->drained();
  return Next::close;
}

Task<Http1Connection::Next> Http1Connection::work() {
  std::unique_ptr<Http1Workspace> space = server_.take_workspace();
  Next next = Next::idle;
  for (;;) {
    if (!space->buffer) space->buffer = server_.loop_.buffers().take();
    space->settle_front();
    const HeadStep step = advance_head(*space);
    if (step == HeadStep::wait) {
      stream_->set_deadline(after(head_began_, server_.limits_.head_time_max));
      const WaitResult woken = co_await stream_->readable();
      if (woken == WaitResult::ready) continue;
      if (woken == WaitResult::deadline) co_await refuse(*space, Refusal::slow_head, 408);
      next = Next::close;
    } else if (step == HeadStep::refused) {
      co_await refuse(*space, Refusal::malformed, status_of(fault_));
      next = Next::close;
    } else if (step == HeadStep::closed) {
      next = Next::close;
    }
    if (step != HeadStep::complete) break;

    begin(*space);
    co_await server_.handler_.handle(space->exchange);
    if (!space->exchange.started()) co_await answer_fault(space->exchange);
    next = settle(*space);
    if (next == Next::close) {
      if (must_linger_) co_await linger(*space);
      break;
    }
    if (server_.draining_) {
      next = Next::close;
      break;
    }
  }
  server_.give_workspace(std::move(space));
  co_return next;
}

Task<void> Http1Connection::answer_fault(Exchange& exchange) {
  Response response(500, "text/plain; charset=utf-8", "internal error\n");
  exchange.close_after();
  [[maybe_unused]] const Status sent = co_await exchange.respond(response);
}

Task<void> Http1Connection::refuse(Http1Workspace& space, Refusal refusal, std::uint16_t status) {
  ++server_.counters_.refused;
  server_.handler_.on_refused(stream_->facts(), refusal, fault_);
  const std::string body = concat(status, " ", reason_phrase(status), "\n");
  const std::string answer =
      concat("HTTP/1.1 ", status, " ", reason_phrase(status), "\r\n", server_.date_line(),
             "Content-Type: text/plain; charset=utf-8\r\nContent-Length: ", body.size(),
             "\r\nConnection: close\r\n\r\n", body);
  stream_->set_deadline(after(server_.loop_.now(), server_.limits_.linger_time_max));
  const IoResult sent = co_await write_all(*stream_, answer);
  if (sent.state == IoState::done) co_await linger(space);
}

Task<void> Http1Connection::linger(Http1Workspace& space) {
  // RFC 9112 section 9.6: closing with unread bytes makes the kernel send a reset, which may erase our answer
  // before the client has read it. So we end our side, and read on for a while.
  stream_->set_deadline(after(server_.loop_.now(), server_.limits_.linger_time_max));
  const IoState ended = co_await finish_write(*stream_);
  if (ended != IoState::done) co_return;
  if (!space.buffer) space.buffer = server_.loop_.buffers().take();
  std::size_t dropped = 0;
  while (dropped < server_.limits_.linger_bytes_max) {
    const IoResult read = co_await read_some(*stream_, space.buffer.span());
    if (read.state != IoState::done) co_return;
    dropped += read.bytes;
  }
}

}  // namespace sallyport
