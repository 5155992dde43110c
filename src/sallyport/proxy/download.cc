// SPDX-License-Identifier: Apache-2.0
// The way down: the backend's answer to the client.
#include <utility>

#include "sallyport/http/parser.h"
#include "sallyport/proxy/transfer.h"

namespace sallyport {

Task<void> Transfer::download(ResponseHead& head) {
  const bool received = co_await receive_head(head, UpgradeForward::no);
  if (received && !deliver_now(head)) co_await deliver_rest();
  stop_upload();
}

bool Transfer::deliver_now(const ResponseHead& head) {
  if (!build_answer(head)) return true;
  const bool all = answer_.ended();
  if (!all) return false;  // the rest of the body leaves with its head
  const IoResult sent = exchange_.stream().try_write(pending_);
  if (sent.state == IoState::closed || sent.state == IoState::failed) {
    fail_client(sent.state);
    return true;
  }
  pending_.remove_prefix(sent.bytes);
  if (!pending_.empty()) return false;
  exchange_.mark_answered();
  return true;
}

Task<void> Transfer::deliver_rest() {
  bool going = true;
  if (answer_.ended()) {
    going = co_await send_pending();
  } else {
    going = co_await relay_body();
  }
  if (going) exchange_.mark_answered();
}

Task<bool> Transfer::receive_head(ResponseHead& head, UpgradeForward upgrade) {
  for (;;) {
    const HeadStep step = advance_head(head, upgrade);
    if (step == HeadStep::final) co_return true;
    if (step == HeadStep::failed) co_return false;
    if (step == HeadStep::interim) {
      if (!build_interim(head)) continue;
      const bool sent = co_await send_pending();
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
  // A small answer leaves half of its own buffer free for what we make of it.
  if (inbox_ && inbox_end_ <= kBufferBytes / 2) return HeadWriter(inbox_.span().subspan(kBufferBytes / 2));
  if (!packed_) packed_ = loop_.buffers().take();
  return HeadWriter(packed_.span());
}

bool Transfer::build_interim(const ResponseHead& head) {
  // The 100 is between us and each side: Expect was not passed on, and the exchange settles the client's own.
  if (head.status == 100 || exchange_.head().version == Version::http10) return false;
  HeadWriter out = answer_writer();
  if (!write_interim_head(head, out)) return false;
  pending_ = out.view();
  return true;
}

bool Transfer::build_answer(const ResponseHead& head) {
  const Version client = exchange_.head().version;
  shape_ = shape_answer(head, client, exchange_.keeps_alive() ? AfterAnswer::keep : AfterAnswer::close);
  if (shape_.after == AfterAnswer::close) exchange_.close_after();
  HeadWriter out = answer_writer();
  if (!write_response_head(head, shape_, client, plan_.hygiene.cookies, out, plan_.rewrite)) {
    fail(ForwardEnd::bad_backend, "the answer's head is too large to relay");
    return false;
  }
  exchange_.mark_started();
  if (!append_small_body(out)) return false;
  pending_ = out.view();
  return true;
}

bool Transfer::append_small_body(HeadWriter& out) {
  const bool small = inbox_end_ - inbox_begin_ <= kSmallBodyBytesMax && out.room() > 2 * kSmallBodyBytesMax;
  while (small && inbox_begin_ != inbox_end_ && !answer_.ended()) {
    BodyRun run;
    if (!gather(run)) return false;
    for (const std::string_view piece : run.pieces()) out.text(piece);
  }
  return true;
}

bool Transfer::gather(BodyRun& run) {
  const std::string_view bytes(inbox_.data() + inbox_begin_, inbox_end_ - inbox_begin_);
  inbox_begin_ += run.gather(answer_, bytes, shape_.framing);
  moved(0, run.data_bytes());
  if (!run.broken()) return true;
  fail_inside("the backend's body framing is malformed");
  return false;
}

Task<bool> Transfer::wait_for_client() {
  Stream& client = exchange_.stream();
  for (;;) {
    client.set_deadline(after(loop_.now(), plan_.timeouts.client_write_idle));
    const WaitResult woken = co_await client.writable();
    if (woken == WaitResult::ready) co_return true;
    if (woken == WaitResult::deadline && !idle_for(plan_.timeouts.client_write_idle)) continue;
    if (woken == WaitResult::cancelled) fail_wait(woken, ForwardEnd::cut, {});
    fail_client(IoState::deadline);
    co_return false;
  }
}

Task<bool> Transfer::send_pending() {
  while (!pending_.empty()) {
    const IoResult sent = exchange_.stream().try_write(pending_);
    if (sent.state != IoState::done && sent.state != IoState::would_block) {
      fail_client(sent.state);
      co_return false;
    }
    pending_.remove_prefix(sent.bytes);
    if (pending_.empty()) break;
    const bool ready = co_await wait_for_client();
    if (!ready) co_return false;
  }
  co_return true;
}

Task<bool> Transfer::send_down(BodyRun& run) {
  for (;;) {
    IoState state = IoState::done;
    if (run.try_send(exchange_.stream(), state)) co_return true;
    if (state != IoState::done && state != IoState::would_block) {
      fail_client(state);
      co_return false;
    }
    const bool ready = co_await wait_for_client();
    if (!ready) co_return false;
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
  BodyRun run;
  while (!answer_.ended()) {
    if (inbox_begin_ != inbox_end_ || !pending_.empty()) {
      run.start_with(std::exchange(pending_, {}));
      if (!gather(run)) co_return false;
      IoState state = IoState::done;
      if (run.try_send(exchange_.stream(), state)) continue;
      const bool sent = co_await send_down(run);
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
      persists_ = false;
      run.start_with({});
      run.finish(shape_.framing);
      const bool sent = co_await send_down(run);
      co_return sent;
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
    const IoResult drained = Splice::drain(pipe, exchange_.stream(), More::no);
    moved(0, drained.bytes);
    if (drained.state == IoState::done) continue;
    if (drained.state != IoState::would_block) {
      fail_client(drained.state);
      co_return false;
    }
    const bool ready = co_await wait_for_client();
    if (!ready) co_return false;
  }
  co_return true;
}

}  // namespace sallyport
