// SPDX-License-Identifier: Apache-2.0
#include "sallyport/proxy/forward.h"

#include <utility>

#include "sallyport/proxy/transfer.h"

namespace sallyport {
namespace {

bool is_idempotent(Method method) noexcept {
  switch (method) {
    case Method::get:
    case Method::head:
    case Method::put:
    case Method::del:
    case Method::options:
    case Method::trace:
      return true;
    default:
      return false;
  }
}

/// may_retry: what failed on a reused connection may be asked again on a fresh one, without doing anything
/// twice.
bool may_retry(const Transfer& transfer, Method method) noexcept {
  if (!transfer.packed_whole() || transfer.heard()) return false;
  if (transfer.took_nothing()) return true;
  return transfer.end() == ForwardEnd::bad_backend && is_idempotent(method);
}

/// smuggled_in counts what a client has no business to send. A credential of ours is no such thing, and so
/// are the marks of a proxy.
std::uint64_t smuggled_in(const HeaderFields& fields) noexcept {
  std::uint64_t count = 0;
  for (const HeaderField& field : fields) {
    if (!field.has(FieldFlag::identity)) continue;
    if (field.id() != HeaderId::authorization && field.id() != HeaderId::x_session_token) ++count;
  }
  return count;
}

}  // namespace

Task<ForwardOutcome> Forwarder::forward(Exchange& exchange, const ForwardPlan& plan) {
  counters_.smuggled += smuggled_in(exchange.head().fields);
  if (exchange.head().upgrade == Upgrade::websocket) {
    const ForwardOutcome upgraded = co_await upgrade(exchange, plan);
    co_return upgraded;
  }
  Transfer transfer(exchange, plan);
  if (!transfer.pack(UpgradeForward::no)) co_return transfer.outcome();
  const bool repeatable = transfer.packed_whole() && is_idempotent(exchange.head().method);
  const Method method = exchange.head().method;
  std::unique_ptr<Stream> backend =
      pool_.take(*plan.upstream, repeatable ? UpstreamAge::any : UpstreamAge::young);
  for (;;) {
    const bool reused = backend != nullptr;
    if (reused) {
      ++counters_.reused;
    } else {
      Result<std::unique_ptr<Stream>> dialed = co_await dial(exchange, plan);
      if (!dialed) co_return undialed(exchange, dialed.error());
      backend = std::move(*dialed);
    }
    transfer.connected(std::exchange(backend, nullptr));
    const Transfer::Sent sent = transfer.send_now();
    if (sent == Transfer::Sent::partly) [[unlikely]] {
      [[maybe_unused]] const bool whole = co_await transfer.send_rest();
    }
    // A backend that stopped reading may still have said why: look for an answer, unless it was dead before
    // we came.
    const bool dead = sent == Transfer::Sent::broken && reused;
    if (!dead && transfer.end() == ForwardEnd::answered) {
      if (transfer.packed_whole()) [[likely]] {
        const bool received = co_await transfer.receive_head(head_, UpgradeForward::no);
        if (received && !transfer.deliver_now(head_)) co_await transfer.deliver_rest();
      } else {
        co_await transfer.relay_both(head_);
      }
    }
    if (reused && (dead || transfer.end() == ForwardEnd::bad_backend) && may_retry(transfer, method) &&
        transfer.repack()) {
      ++counters_.retried;
      continue;
    }
    if (dead) transfer.fail(ForwardEnd::bad_backend, "the backend closed the connection");
    break;
  }
  std::unique_ptr<Stream> reusable = transfer.take_reusable();
  if (reusable != nullptr) pool_.put(*plan.upstream, std::move(reusable));
  co_return transfer.outcome();
}

Task<Result<std::unique_ptr<Stream>>> Forwarder::dial(Exchange& exchange, const ForwardPlan& plan) {
  ++counters_.dialed;
  Result<std::unique_ptr<Stream>> dialed =
      co_await dialer_.dial(*plan.upstream, after(loop_.now(), plan.timeouts.connect));
  if (dialed && exchange.cut_reason()) co_return fail(Code::cancelled, "cut while connecting");
  co_return dialed;
}

ForwardOutcome Forwarder::undialed(Exchange& exchange, const Error& error) noexcept {
  ForwardOutcome outcome;
  if (exchange.cut_reason()) {
    exchange.mark_broken();
    outcome.end = exchange.cut_reason() == CutReason::client_gone ? ForwardEnd::client_gone : ForwardEnd::cut;
    outcome.reason = "cut while connecting";
  } else if (error.code == Code::deadline_exceeded) {
    outcome.end = ForwardEnd::backend_timeout;
    outcome.reason = "the backend did not accept a connection in time";
  } else {
    outcome.end = ForwardEnd::unreachable;
    outcome.reason = "the backend refuses connections";
  }
  return outcome;
}

}  // namespace sallyport
