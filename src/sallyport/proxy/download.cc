// SPDX-License-Identifier: Apache-2.0
// The way down: the backend's answer to the client.
#include <utility>

#include "sallyport/http/parser.h"
#include "sallyport/proxy/transfer.h"

namespace sallyport {

Task<void> Transfer::download(ResponseHead& head) {
  bool going = has_head_;
  if (!going) going = co_await receive_head(head, UpgradeForward::no);
  if (going && build_answer(head)) {
    IoState state = IoState::done;
    if (!down_.try_send(exchange_.stream(), state)) going = co_await send_down();
    if (going && !answer_.ended()) going = co_await relay_body();
    if (going) exchange_.mark_answered();
  }
  stop_upload();
}

Task<bool> Transfer::receive_head(ResponseHead& head, UpgradeForward upgrade) {
  for (;;) {
    const HeadStep step = advance_head(head, upgrade);
    if (step == HeadStep::final) co_return true;
    if (step == HeadStep::failed) co_return false;
    if (step == HeadStep::interim) {
      if (!build_interim(head)) continue;
      const bool sent = co_await send_down();
      if (!sent) co_return false;
      continue;
    }
    backend_->set_deadline(after(last_moved_, plan_.timeouts.response));
    const WaitResult woken = co_await backend_->readable();
    if (woken == WaitResult::ready) continue;
    if (woken == WaitResult::deadline && !idle_for(plan_.timeouts.response)) continue;  // the upload moved
    fail_wait(woken, ForwardEnd::backend_timeout, "the backend did not answer in time");
    co_return false;
  }
}

Transfer::HeadStep Transfer::advance_head(ResponseHead& head, UpgradeForward upgrade) {
  for (;;) {
    if (inbox_begin_ != inbox_end_) {
      const std::string_view bytes(inbox_.data() + inbox_begin_, inbox_end_ - inbox_begin_);
      const HeadParse parsed = parse_response_head(bytes, exchange_.head().method, head, {}, inbox_seen_);
      inbox_seen_ = parsed.need_more() ? bytes.size() : 0;
      if (parsed.complete()) {
        inbox_begin_ += parsed.bytes;
        return judge_head(head, upgrade);
      }
      if (parsed.refused()) {
        fail(ForwardEnd::bad_backend, name_of(parsed.fault));
        return HeadStep::failed;
      }
    }
    if (backend_->drained()) return failed() ? HeadStep::failed : HeadStep::wait;
    if (!inbox_) inbox_ = loop_.buffers().take();
    if (inbox_begin_ == inbox_end_) inbox_begin_ = inbox_end_ = 0;
    const IoResult read = backend_->try_read(inbox_.span().subspan(inbox_end_));
    if (read.state == IoState::would_block) continue;
    if (read.state != IoState::done) {
      fail(ForwardEnd::bad_backend, "the backend closed before its answer");
      return HeadStep::failed;
    }
    heard_ = true;
    inbox_end_ += read.bytes;
  }
}

Transfer::HeadStep Transfer::judge_head(const ResponseHead& head, UpgradeForward upgrade) noexcept {
  if (head.is_interim()) {
    if (--interim_left_ >= 0) return HeadStep::interim;
    fail(ForwardEnd::bad_backend, "the backend sends interim answers without end");
    return HeadStep::failed;
  }
  if (head.status == 101 && upgrade == UpgradeForward::no) {
    fail(ForwardEnd::bad_backend, "the backend switches protocols unasked");
    return HeadStep::failed;
  }
  has_head_ = true;
  status_ = head.status;
  answer_ = BodyScanner(head);
  persists_ = head.keep_alive;
  return HeadStep::final;
}

HeadWriter Transfer::answer_writer() {
  if (!packed_) packed_ = loop_.buffers().take();
  return HeadWriter(packed_.span());
}

bool Transfer::build_interim(const ResponseHead& head) {
  // The 100 is between us and each side: Expect was not passed on, and the exchange settles the client's own.
  if (head.status == 100 || exchange_.head().version == Version::http10) return false;
  HeadWriter out = answer_writer();
  if (!write_interim_head(head, out)) return false;
  down_.start_with(out.view());
  return true;
}

bool Transfer::build_answer(const ResponseHead& head) {
  const Version client = exchange_.head().version;
  shape_ = shape_answer(head, client, exchange_.keeps_alive() ? AfterAnswer::keep : AfterAnswer::close);
  if (shape_.after == AfterAnswer::close) exchange_.close_after();
  HeadWriter out = answer_writer();
  if (!write_response_head(head, shape_, client, plan_.hygiene.cookies, out)) {
    fail(ForwardEnd::bad_backend, "the answer's head is too large to relay");
    return false;
  }
  exchange_.mark_started();
  down_.start_with(out.view());
  if (!gather_down()) return false;
  if (down_.pieces().size() > 1 && down_.data_bytes() <= kSmallBodyBytesMax && out.room() > 2 * kSmallBodyBytesMax) {
    for (const std::string_view piece : down_.pieces().subspan(1)) out.text(piece);
    down_.start_with(out.view());
  }
  return true;
}

bool Transfer::gather_down() {
  const std::string_view bytes(inbox_.data() + inbox_begin_, inbox_end_ - inbox_begin_);
  inbox_begin_ += down_.gather(answer_, bytes, shape_.framing);
  moved(0, down_.data_bytes());
  if (!down_.broken()) return true;
  fail_inside("the backend's body framing is malformed");
  return false;
}

Task<bool> Transfer::send_down() {
  Stream& client = exchange_.stream();
  for (;;) {
    IoState state = IoState::done;
    if (down_.try_send(client, state)) co_return true;
    if (state == IoState::done || state == IoState::would_block) {
      client.set_deadline(after(loop_.now(), plan_.timeouts.client_write_idle));
      const WaitResult woken = co_await client.writable();
      if (woken == WaitResult::ready) continue;
      if (woken == WaitResult::deadline && !idle_for(plan_.timeouts.client_write_idle)) continue;
      if (woken == WaitResult::cancelled) {
        fail_wait(woken, ForwardEnd::cut, {});
        co_return false;
      }
      state = IoState::deadline;
    }
    fail_client(state);
    co_return false;
  }
}

Task<bool> Transfer::wait_for_answer() {
  release_buffers();
  if (!uploading_) exchange_.release_head();
  for (;;) {
    backend_->set_deadline(after(last_moved_, plan_.timeouts.body_idle));
    const WaitResult woken = co_await backend_->readable();
    if (woken == WaitResult::ready) co_return true;
    if (woken == WaitResult::deadline && !idle_for(plan_.timeouts.body_idle)) continue;
    fail_wait(woken, ForwardEnd::truncated, "the backend fell silent inside its answer");
    co_return false;
  }
}

Task<bool> Transfer::relay_body() {
  while (!answer_.ended()) {
    if (inbox_begin_ != inbox_end_) {
      down_.start_with({});
      if (!gather_down()) co_return false;
      IoState state = IoState::done;
      if (down_.try_send(exchange_.stream(), state)) continue;
      const bool sent = co_await send_down();
      if (!sent) co_return false;
      continue;
    }
    inbox_begin_ = inbox_end_ = 0;
    if (answer_.framing() == Framing::length && answer_.remaining() >= kSpliceBytesMin && both_plain()) {
      const bool spliced = co_await splice_down();
      if (!spliced) co_return false;
      continue;
    }
    if (backend_->drained()) {
      const bool more = co_await wait_for_answer();
      if (!more) co_return false;
    }
    if (!inbox_) inbox_ = loop_.buffers().take();
    const IoResult read = backend_->try_read(inbox_.span());
    if (read.state == IoState::done) {
      inbox_end_ = read.bytes;
    } else if (read.state == IoState::closed && answer_.framing() == Framing::until_close) {
      down_.start_with({});
      down_.finish(shape_.framing);
      const bool sent = co_await send_down();
      if (!sent) co_return false;
      persists_ = false;
      break;
    } else if (read.state != IoState::would_block) {
      fail_inside("the backend closed inside its answer");
      co_return false;
    }
  }
  co_return true;
}

Task<bool> Transfer::splice_down() {
  Result<Pipe> taken = loop_.pipes().take();
  if (!taken) {
    may_splice_ = false;  // out of descriptors: copying needs none
    co_return true;
  }
  Pipe pipe = std::move(*taken);
  Stream& client = exchange_.stream();
  release_buffers();
  while (!answer_.ended() || pipe.held_bytes() != 0) {
    if (!answer_.ended() && !backend_->drained()) {
      const IoResult filled = Splice::fill(*backend_, pipe, answer_.remaining());
      if (filled.state == IoState::closed || filled.state == IoState::failed) {
        fail_inside("the backend closed inside its answer");
        co_return false;
      }
      answer_.advance(filled.bytes);
    }
    if (pipe.held_bytes() == 0) {
      const bool more = co_await wait_for_answer();
      if (!more) co_return false;
      continue;
    }
    const IoResult drained = Splice::drain(pipe, client, More::no);
    moved(0, drained.bytes);
    if (drained.state == IoState::done) continue;
    if (drained.state == IoState::would_block) {
      client.set_deadline(after(loop_.now(), plan_.timeouts.client_write_idle));
      const WaitResult woken = co_await client.writable();
      if (woken == WaitResult::ready) continue;
      if (woken == WaitResult::deadline && !idle_for(plan_.timeouts.client_write_idle)) continue;
      if (woken == WaitResult::cancelled) fail_wait(woken, ForwardEnd::cut, {});
    }
    fail_client(drained.state == IoState::would_block ? IoState::deadline : drained.state);
    co_return false;
  }
  co_return true;
}

}  // namespace sallyport
