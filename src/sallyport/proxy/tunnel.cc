// SPDX-License-Identifier: Apache-2.0
#include "sallyport/proxy/tunnel.h"

#include <algorithm>
#include <string>
#include <utility>

#include "sallyport/http/websocket.h"
#include "sallyport/proxy/forward.h"

namespace sallyport {
namespace {

/// What a cut client has sent is thrown away up to here, so that the kernel does not answer it with a reset
/// that overtakes our Close frame.
constexpr std::size_t kDroppedAtCutMax = 256 * 1024;

}  // namespace

Tunnel::Tunnel(Exchange& exchange, Transfer& transfer, const ForwardPlan& plan) noexcept
    : exchange_(exchange),
      transfer_(transfer),
      plan_(plan),
      up_(exchange.stream(), *transfer.backend_, plan.timeouts.response),
      down_(*transfer.backend_, exchange.stream(), plan.timeouts.client_write_idle) {
  exchange_.tolerate_hang_up();
  exchange_.close_after();
  exchange_.mark_started();
  if (plan_.traffic != nullptr) plan_.traffic->tunnels.fetch_add(1, std::memory_order_relaxed);
}

Tunnel::~Tunnel() {
  if (plan_.traffic != nullptr) plan_.traffic->tunnels.fetch_sub(1, std::memory_order_relaxed);
}

Task<void> Tunnel::run(std::string_view head) {
  co_await both(go_up(), go_down(head));
  const auto reason = exchange_.cut_reason();
  if (!reason && stopped_by_.empty()) {
    exchange_.mark_answered();
    transfer_.end_tunnel(ForwardEnd::tunnel_closed, {});
    co_return;
  }
  if (reason) {
    say_goodbye();
  } else {
    exchange_.mark_broken();
  }
  transfer_.end_tunnel(reason ? ForwardEnd::cut : ForwardEnd::tunnel_closed,
                       reason ? name_of(*reason) : stopped_by_);
}

Task<void> Tunnel::go_up() {
  const std::string_view early = exchange_.unread();
  if (!early.empty()) {
    const Flow flow = co_await deliver(up_, early);
    exchange_.consume(early.size());
    if (flow == Flow::over) co_return;
  }
  co_await pump(up_);
}

Task<void> Tunnel::go_down(std::string_view head) {
  Flow flow = co_await deliver(down_, head);
  head_sent_ = flow == Flow::going;
  const std::string_view early = transfer_.take_inbox();
  if (flow == Flow::going && !early.empty()) flow = co_await deliver(down_, early);
  transfer_.release_buffers();
  if (flow == Flow::going) co_await pump(down_);
}

Task<void> Tunnel::pump(Way& way) {
  Buffer buffer;
  for (;;) {
    if (way.from.drained()) {
      buffer.give_back();
      exchange_.release_head();
      const Flow flow = co_await await_bytes(way);
      if (flow == Flow::over) co_return;
    }
    if (!buffer) buffer = exchange_.loop().buffers().take();
    const IoResult read = way.from.try_read(buffer.span());
    if (read.state == IoState::would_block) continue;
    if (read.state == IoState::closed) break;
    if (read.state == IoState::failed) co_return stop("a connection broke");
    const std::string_view bytes(buffer.data(), read.bytes);
    const Flow flow = co_await deliver(way, bytes);
    if (flow == Flow::over) co_return;
  }
  co_await end_in_order(way);
}

Task<Tunnel::Flow> Tunnel::await_bytes(Way& way) {
  for (;;) {
    arm(way.from);
    const WaitResult woken = co_await way.from.readable();
    if (woken == WaitResult::ready) co_return Flow::going;
    if (woken == WaitResult::deadline && !too_idle()) continue;
    stop(woken == WaitResult::deadline ? "idle for too long" : std::string_view{});
    co_return Flow::over;
  }
}

Task<Tunnel::Flow> Tunnel::deliver(Way& way, std::string_view bytes) {
  for (;;) {
    const IoResult written = way.to.try_write(bytes);
    if (written.state != IoState::done && written.state != IoState::would_block) {
      stop("a connection broke");
      co_return Flow::over;
    }
    count(way, bytes.substr(0, written.bytes));
    bytes.remove_prefix(written.bytes);
    if (bytes.empty()) co_return Flow::going;
    way.writing = true;
    arm(way.to);
    const WaitResult woken = co_await way.to.writable();
    way.writing = false;
    if (woken == WaitResult::ready) continue;
    if (woken == WaitResult::deadline && !transfer_.idle_for(way.write_idle)) continue;
    stop(woken == WaitResult::deadline ? "a side took nothing for too long" : std::string_view{});
    co_return Flow::over;
  }
}

Task<void> Tunnel::end_in_order(Way& way) {
  way.ended = true;
  const IoState ended = co_await finish_write(way.to);
  if (ended != IoState::done) stop("a connection broke");
  Way& other = &way == &up_ ? down_ : up_;
  arm(other.from);  // half a tunnel has less time
}

void Tunnel::count(const Way& way, std::string_view bytes) noexcept {
  if (&way == &up_) return transfer_.moved(bytes.size(), 0);
  if (head_sent_) frames_.feed(bytes);
  transfer_.moved(0, head_sent_ ? bytes.size() : 0);
}

bool Tunnel::too_idle() const noexcept {
  const bool half = up_.ended || down_.ended;
  return transfer_.idle_for(half ? plan_.timeouts.half_closed_idle : plan_.timeouts.tunnel_idle);
}

void Tunnel::arm(Stream& stream) noexcept {
  // A stream has one deadline for both sides, so the nearer one is set; whoever wakes looks at his own.
  const bool half = up_.ended || down_.ended;
  Duration time = half ? plan_.timeouts.half_closed_idle : plan_.timeouts.tunnel_idle;
  for (const Way* way : {&up_, &down_}) {
    if (&way->to == &stream && way->writing) time = std::min(time, way->write_idle);
  }
  stream.set_deadline(after(exchange_.loop().now(), time));
}

void Tunnel::stop(std::string_view reason) noexcept {
  if (stopped_by_.empty()) stopped_by_ = reason.empty() ? "cut" : reason;
  up_.from.cancel();
  up_.to.cancel();
}

void Tunnel::say_goodbye() noexcept {
  if (!head_sent_ || !frames_.at_boundary() || down_.ended) return exchange_.mark_broken();
  const bool leaving = exchange_.cut_reason() == CutReason::shutting_down;
  const std::string frame =
      close_frame(leaving ? kCloseGoingAway : kClosePolicyViolation, name_of(*exchange_.cut_reason()));
  Stream& client = exchange_.stream();
  const IoResult sent = client.try_write(frame);
  if (sent.state != IoState::done || sent.bytes != frame.size()) return exchange_.mark_broken();
  [[maybe_unused]] const IoState ended = client.shutdown_write();
  const Buffer dropped = exchange_.loop().buffers().take();
  for (std::size_t bytes = 0; bytes < kDroppedAtCutMax;) {
    const IoResult read = client.try_read(dropped.span());
    if (read.state != IoState::done) break;
    bytes += read.bytes;
  }
  exchange_.mark_answered();
}

Task<ForwardOutcome> Forwarder::upgrade(Exchange& exchange, const ForwardPlan& plan) {
  Transfer transfer(exchange, plan);
  const WebSocketFault fault = check_websocket_handshake(exchange.head());
  if (fault != WebSocketFault::none) {
    transfer.fail(ForwardEnd::bad_request, name_of(fault));
    exchange.close_after();
  }
  if (fault != WebSocketFault::none || !transfer.pack(UpgradeForward::websocket))
    co_return transfer.outcome();
  Result<std::unique_ptr<Stream>> dialed = co_await dial(exchange, plan);
  if (!dialed) co_return undialed(exchange, dialed.error());
  transfer.connected(std::move(*dialed));
  const Transfer::Sent step = transfer.send_now();
  bool sent = step == Transfer::Sent::whole;
  if (step == Transfer::Sent::partly) sent = co_await transfer.send_rest();
  if (!sent) transfer.fail(ForwardEnd::bad_backend, "the backend closed the connection");
  bool received = false;
  if (sent) received = co_await transfer.receive_head(head_, UpgradeForward::websocket);
  if (!received) co_return transfer.outcome();
  exchange.close_after();  // whatever it is: what follows on this connection is not HTTP, or not asked for
  if (head_.status != 101) {
    if (!transfer.deliver_now(head_)) co_await transfer.deliver_rest();
    co_return transfer.outcome();
  }
  const std::string_view key = exchange.head().fields.value_of(HeaderId::sec_websocket_key);
  const std::string_view switched =
      answers_websocket(head_, key) ? transfer.build_switch(head_) : std::string_view{};
  if (switched.empty()) {
    transfer.fail(ForwardEnd::bad_backend, "the backend's 101 does not answer this handshake");
    co_return transfer.outcome();
  }
  ++counters_.tunnels;
  Tunnel tunnel(exchange, transfer, plan);
  co_await tunnel.run(switched);
  co_return transfer.outcome();
}

}  // namespace sallyport
