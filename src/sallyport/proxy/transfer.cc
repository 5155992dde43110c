// SPDX-License-Identifier: Apache-2.0
#include "sallyport/proxy/transfer.h"

#include <utility>

namespace sallyport {

std::string_view name_of(ForwardEnd end) noexcept {
  constexpr std::string_view names[] = {"unreachable", "bad_backend",  "backend_timeout", "bad_request",
                                        "client_slow", "answered",     "truncated",       "client_gone",
                                        "cut",         "tunnel_closed"};
  return names[static_cast<std::size_t>(end)];
}

bool Transfer::pack(UpgradeForward upgrade) {
  upgrade_ = upgrade;
  packed_ = loop_.buffers().take();
  HeadWriter out(packed_.span());
  if (!write_request_head(exchange_.head(), plan_, exchange_.facts(), exchange_.request_id(), upgrade, out)) {
    fail(ForwardEnd::bad_request, "the request head is too large to forward");
    return false;
  }
  const bool small = exchange_.unread().size() <= kSmallBodyBytesMax && out.room() > 2 * kSmallBodyBytesMax;
  const OutFraming framing =
      exchange_.body().framing() == Framing::chunked ? OutFraming::chunked : OutFraming::raw;
  while (small && !exchange_.body().ended() && !exchange_.unread().empty()) {
    BodyRun run;
    const std::size_t used = run.gather(exchange_.body(), exchange_.unread(), framing);
    if (run.broken()) {
      fail(ForwardEnd::bad_request, "the request body's framing is malformed");
      return false;
    }
    for (const std::string_view piece : run.pieces()) out.text(piece);
    bytes_up_ += run.data_bytes();
    exchange_.consume(used);
  }
  packed_bytes_ = out.size();
  if (!out.fits()) fail(ForwardEnd::bad_request, "the request is too large to forward");
  return out.fits();
}

bool Transfer::repack() {
  if (packed_) return true;
  return bytes_up_ == 0 && pack(upgrade_);
}

void Transfer::connected(std::unique_ptr<Stream> backend) noexcept {
  exchange_.attend(backend.get());
  backend_ = std::move(backend);
  took_nothing_ = false;
  heard_ = false;
  has_head_ = false;
  request_sent_ = false;
  upload_stopped_ = false;
  end_ = ForwardEnd::answered;
  reason_ = {};
}

Transfer::Sent Transfer::send_now() {
  const More more = packed_whole() || exchange_.unread().empty() ? More::no : More::yes;
  const IoResult sent = backend_->try_write(std::string_view(packed_.data(), packed_bytes_), more);
  moved(0, 0);
  took_nothing_ = sent.state == IoState::failed || sent.state == IoState::closed;
  if (took_nothing_) return Sent::broken;
  sent_bytes_ = sent.bytes;
  if (sent.bytes != packed_bytes_) return Sent::partly;
  request_sent_ = packed_whole();
  // A head can be written again; thousands of requests that wait for their answers should not hold a buffer
  // for it.
  if (bytes_up_ == 0) packed_.give_back();
  return Sent::whole;
}

Task<bool> Transfer::send_rest() {
  backend_->set_deadline(after(loop_.now(), plan_.timeouts.response));
  const IoResult rest =
      co_await write_all(*backend_, std::string_view(packed_.data(), packed_bytes_).substr(sent_bytes_));
  if (rest.state == IoState::done) {
    request_sent_ = packed_whole();
    co_return true;
  }
  if (rest.state == IoState::deadline)
    fail(ForwardEnd::backend_timeout, "the backend does not read its request");
  if (rest.state == IoState::cancelled) fail_wait(WaitResult::cancelled, ForwardEnd::cut, {});
  co_return false;
}

Task<void> Transfer::relay_both(ResponseHead& head) {
  uploading_ = true;
  co_await both(upload(), download(head));
}

void Transfer::fail(ForwardEnd end, std::string_view reason) noexcept {
  if (failed()) return;  // the first one counts
  end_ = end;
  reason_ = reason;
  if (exchange_.started()) exchange_.mark_broken();
  stop_upload();
}

void Transfer::fail_inside(std::string_view reason) noexcept {
  fail(exchange_.started() ? ForwardEnd::truncated : ForwardEnd::bad_backend, reason);
}

void Transfer::fail_wait(WaitResult woken, ForwardEnd at_deadline, std::string_view reason) noexcept {
  if (failed()) return;  // what ended this wait was the other direction
  if (woken == WaitResult::deadline) return fail(at_deadline, reason);
  if (exchange_.cut_reason() == CutReason::client_gone) return fail_client(IoState::closed);
  exchange_.mark_broken();
  fail(ForwardEnd::cut, "cut by us");
}

void Transfer::fail_client(IoState state) noexcept {
  exchange_.mark_broken();
  fail(ForwardEnd::client_gone,
       state == IoState::deadline ? "the client was too slow" : "the client went away");
}

void Transfer::moved(std::uint64_t up, std::uint64_t down) noexcept {
  last_moved_ = loop_.now();
  bytes_up_ += up;
  bytes_down_ += down;
  if (plan_.watch != nullptr && last_moved_ - last_told_ >= kMovementStep) {
    last_told_ = last_moved_;
    plan_.watch->moved(last_moved_);
  }
  TrafficCounters* const traffic = plan_.traffic;
  if (traffic == nullptr) return;
  traffic->last_active_ns.store(last_moved_.time_since_epoch().count(), std::memory_order_relaxed);
  if (up != 0) traffic->bytes_up.fetch_add(up, std::memory_order_relaxed);
  if (down != 0) traffic->bytes_down.fetch_add(down, std::memory_order_relaxed);
}

void Transfer::stop_upload() noexcept {
  upload_stopped_ = true;
  if (!uploading_) return;
  exchange_.stream().interrupt(WaitPair::Side::read);
  backend_->interrupt(WaitPair::Side::write);
}

std::string_view Transfer::build_switch(const ResponseHead& head) {
  HeadWriter out = answer_writer();
  return write_switch_head(head, plan_.hygiene.cookies, out) ? out.view() : std::string_view{};
}

std::string_view Transfer::take_inbox() noexcept {
  const std::string_view bytes(inbox_.data() + inbox_begin_, inbox_end_ - inbox_begin_);
  inbox_begin_ = inbox_end_ = 0;
  return bytes;
}

void Transfer::release_buffers() noexcept {
  inbox_.give_back();
  packed_.give_back();
}

void Transfer::end_tunnel(ForwardEnd end, std::string_view reason) noexcept {
  end_ = end;
  reason_ = reason;
}

bool Transfer::both_plain() const noexcept {
  return may_splice_ && backend_->splice_descriptor() >= 0 && exchange_.stream().splice_descriptor() >= 0;
}

ForwardOutcome Transfer::outcome() const noexcept {
  return ForwardOutcome{end_, status_, bytes_up_, bytes_down_, reason_};
}

std::unique_ptr<Stream> Transfer::take_reusable() noexcept {
  exchange_.attend(nullptr);
  const bool whole = end_ == ForwardEnd::answered && request_sent_ && inbox_begin_ == inbox_end_;
  if (!whole || !persists_ || backend_ == nullptr || backend_->cancelled()) return nullptr;
  return std::move(backend_);
}

}  // namespace sallyport
