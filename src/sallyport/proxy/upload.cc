// SPDX-License-Identifier: Apache-2.0
// The way up: what is left of the request body to the backend, while the answer may come down already.
#include <utility>

#include "sallyport/proxy/transfer.h"

namespace sallyport {
namespace {

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

bool Transfer::send_continue() {
  if (!exchange_.owes_continue() || !exchange_.unread().empty() || exchange_.started()) return true;
  exchange_.continue_sent();
  // A connection that has no room for 25 bytes has a client that reads nothing.
  const IoResult sent = exchange_.stream().try_write(kContinue);
  return sent.state == IoState::done && sent.bytes == kContinue.size();
}

void Transfer::fail_upload(WaitResult woken) noexcept {
  const bool started = exchange_.started();
  fail_wait(woken, started ? ForwardEnd::client_gone : ForwardEnd::client_slow,
            "the client stopped sending its body");
  exchange_.close_after();
  backend_->cancel();
}

Task<void> Transfer::upload() {
  if (!send_continue()) {
    fail_client(IoState::failed);
    backend_->cancel();
  }
  const OutFraming framing =
      exchange_.body().framing() == Framing::chunked ? OutFraming::chunked : OutFraming::raw;
  BodyRun run;
  while (!upload_stopped_ && !exchange_.body().ended()) {
    if (!exchange_.unread().empty()) {
      run.start_with({});
      const std::size_t used = run.gather(exchange_.body(), exchange_.unread(), framing);
      if (run.broken()) {
        exchange_.close_after();
        fail(ForwardEnd::bad_request, "the request body's framing is malformed");
        backend_->cancel();
        break;
      }
      exchange_.consume(used);  // the bytes stay where they are until more is read
      const bool sent = co_await send_up(run);
      if (!sent) break;
      moved(run.data_bytes(), 0);
      request_sent_ = exchange_.body().ended();
      continue;
    }
    if (framing == OutFraming::raw && exchange_.body().remaining() >= kSpliceBytesMin && both_plain()) {
      request_sent_ = co_await splice_up();
      if (!request_sent_ && may_splice_) break;
      continue;
    }
    const bool more = co_await wait_for_body();
    if (!more) break;
  }
  uploading_ = false;
}

Task<bool> Transfer::send_up(BodyRun& run) {
  for (;;) {
    IoState state = IoState::done;
    if (run.try_send(*backend_, state)) co_return true;
    // A backend that stops reading may have answered: the way down finds out, and says what it comes to.
    if (state != IoState::done && state != IoState::would_block) co_return false;
    const WaitResult woken = co_await backend_->writable();
    if (upload_stopped_ || woken == WaitResult::cancelled) co_return false;
    if (woken == WaitResult::deadline) {
      if (idle_for(plan_.timeouts.response)) co_return false;  // the way down sees the same deadline
      backend_->set_deadline(after(last_moved_, plan_.timeouts.response));
    }
  }
}

Task<bool> Transfer::wait_for_body() {
  Stream& client = exchange_.stream();
  for (;;) {
    if (client.drained()) {
      client.set_deadline(after(loop_.now(), plan_.timeouts.client_body_idle));
      const WaitResult woken = co_await client.readable();
      if (upload_stopped_) co_return false;
      if (woken == WaitResult::deadline && !idle_for(plan_.timeouts.client_body_idle)) continue;
      if (woken != WaitResult::ready) {
        fail_upload(woken);
        co_return false;
      }
    }
    const IoResult read = client.try_read(exchange_.room());
    if (read.state == IoState::would_block) continue;
    if (read.state != IoState::done) {
      fail_client(read.state);
      backend_->cancel();
      co_return false;
    }
    exchange_.received(read.bytes);
    co_return true;
  }
}

Task<bool> Transfer::splice_up() {
  Result<Pipe> taken = loop_.pipes().take();
  if (!taken) {
    may_splice_ = false;
    co_return false;
  }
  Pipe pipe = std::move(*taken);
  Stream& client = exchange_.stream();
  BodyScanner& body = exchange_.body();
  while (!upload_stopped_ && (!body.ended() || pipe.held_bytes() != 0)) {
    if (!body.ended() && !client.drained()) {
      const IoResult filled = Splice::fill(client, pipe, body.remaining());
      if (filled.state == IoState::closed || filled.state == IoState::failed) {
        fail_client(filled.state);
        backend_->cancel();
        co_return false;
      }
      body.advance(filled.bytes);
    }
    if (pipe.held_bytes() == 0) {
      client.set_deadline(after(loop_.now(), plan_.timeouts.client_body_idle));
      const WaitResult woken = co_await client.readable();
      if (woken == WaitResult::ready || upload_stopped_) continue;
      if (woken == WaitResult::deadline && !idle_for(plan_.timeouts.client_body_idle)) continue;
      fail_upload(woken);
      co_return false;
    }
    const IoResult drained = Splice::drain(pipe, *backend_, More::no);
    moved(drained.bytes, 0);
    if (drained.state == IoState::done) continue;
    if (drained.state != IoState::would_block) co_return false;
    const WaitResult woken = co_await backend_->writable();
    if (woken == WaitResult::cancelled) co_return false;
    if (woken == WaitResult::deadline) {
      if (idle_for(plan_.timeouts.response)) co_return false;
      backend_->set_deadline(after(last_moved_, plan_.timeouts.response));
    }
  }
  co_return body.ended() && pipe.held_bytes() == 0;
}

}  // namespace sallyport
