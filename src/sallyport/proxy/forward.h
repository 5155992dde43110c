// SPDX-License-Identifier: Apache-2.0
// Forwarder: carries admitted requests to their backends and the answers back.
#pragma once

#include <cstdint>
#include <memory>

#include "sallyport/http/message.h"
#include "sallyport/net/dialer.h"
#include "sallyport/net/http1_exchange.h"
#include "sallyport/net/loop.h"
#include "sallyport/net/relaxed_count.h"
#include "sallyport/net/task.h"
#include "sallyport/proxy/plan.h"
#include "sallyport/proxy/upstream_pool.h"

namespace sallyport {

/// ForwardCounters are for metrics and tests: counted on the loop's thread, read on any.
struct ForwardCounters {
  RelaxedCount dialed;
  RelaxedCount reused;
  RelaxedCount retried;
  RelaxedCount tunnels;
  RelaxedCount smuggled;  ///< fields of clients that claim an identity and were left behind
};

/// Forwarder is one per loop, with that loop's pool of backend connections. It does not judge: whoever calls
/// it has admitted the request. It must outlive the coroutines of forward().
class Forwarder {
 public:
  Forwarder(Loop& loop, Dialer& dialer) : loop_(loop), dialer_(dialer), pool_(loop) {}
  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;

  /// forward relays one exchange, both ways at once, with bounded memory; a WebSocket handshake becomes a
  /// tunnel. Where the outcome is unanswered() nothing was written, and the caller answers; else the exchange
  /// is settled, and its head may be gone. One retry on a fresh connection where a reused one dies before the
  /// first byte of an answer and the request can be repeated: idempotent (RFC 9110 section 9.2.2), or not
  /// taken at all, and whole in our hands.
  Task<ForwardOutcome> forward(Exchange& exchange, const ForwardPlan& plan);

  /// pool is for whoever knows that a backend has ended.
  [[nodiscard]] UpstreamPool& pool() noexcept { return pool_; }
  [[nodiscard]] const ForwardCounters& counters() const noexcept { return counters_; }

 private:
  Task<Result<std::unique_ptr<Stream>>> dial(Exchange& exchange, const ForwardPlan& plan);
  static ForwardOutcome undialed(Exchange& exchange, const Error& error) noexcept;
  Task<ForwardOutcome> upgrade(Exchange& exchange, const ForwardPlan& plan);

  Loop& loop_;
  Dialer& dialer_;
  UpstreamPool pool_;
  ForwardCounters counters_;
  ResponseHead head_;  // scratch: filled and used between two waits
};

}  // namespace sallyport
