// SPDX-License-Identifier: Apache-2.0
// GuardHandler: the way of one request on one loop: evidence, gate, then the gate's own pages or the guarded
// tool.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "sallyport/authn/gate.h"
#include "sallyport/gateway/directions.h"
#include "sallyport/gateway/own_pages.h"
#include "sallyport/net/http1_server.h"
#include "sallyport/proxy/forward.h"
#include "sallyport/trace/tracer.h"

namespace sallyport {

/// How long a request waits for a tool that starts on demand before it is told to come again.
inline constexpr Duration kOnDemandWait = std::chrono::seconds(20);
inline constexpr int kRetryAfterSeconds = 2;

/// Demand asks the supervisor to start a session's tool; any thread.
using Demand = std::function<void(const SessionId&)>;

/// ReadTail brings the end of what a session's tool printed, later and from any thread, to somebody who may
/// see it; false where he may not, or where there is nothing to bring.
using ReadTail = std::function<bool(const Principal&, const SessionId&, std::function<void(std::string)>)>;

/// GuardHandler belongs to one loop and one listener's traits. What it refers to outlives it.
class GuardHandler final : public RequestHandler {
 public:
  struct Parts {
    const Gate& gate;
    OwnPages& own;
    RouteTable& routes;
    const Directions& directions;
    Forwarder& forwarder;
    AuditLog& audit;
    ListenerTraits listener;
    /// What holds of the listener where a session is asked for: `run` trusts local peers there, `serve` does
    /// not, since sessions' tools are local peers as well.
    ListenerTraits session_listener;
    Demand demand;
    ForwardTimeouts timeouts{};
    ReadTail read_tail{};            ///< none: nobody sees output while a tool starts
    const Tracer* tracer = nullptr;  ///< none: nobody is told of requests
  };
  explicit GuardHandler(Parts parts);

  Task<void> handle(Exchange& exchange) override;
  void on_refused(const ConnectionFacts& facts, Refusal refusal, ParseFault fault) noexcept override;

 private:
  [[nodiscard]] std::unique_ptr<TraceStep> begin_trace(const RequestHead& head,
                                                       const SessionId& session) const;
  void end_trace(const Exchange& exchange, std::unique_ptr<TraceStep> trace) const;
  /// pass_on: `trace` is none where nobody is told.
  Task<void> pass_on(Exchange& exchange, const Verdict& verdict, const Destination& destination,
                     TraceStep* trace);
  Task<void> wait_until_ready(Exchange& exchange, SessionRoute& route);
  [[nodiscard]] Response refusal(const RequestHead& head, const Verdict& verdict) const;
  [[nodiscard]] Response no_session(const RequestHead& head, const SessionId& asked) const;
  Task<std::string> output_so_far(Exchange& exchange, const Verdict& verdict,
                                  const SessionRoute& route) const;
  [[nodiscard]] Response not_ready(const RequestHead& head, const Verdict& verdict, const SessionRoute& route,
                                   std::string output) const;
  [[nodiscard]] Response bad_gateway(ForwardEnd end, const RequestHead& head, std::string_view name) const;
  [[nodiscard]] Response told(const RequestHead& head, int status, const MessagePage& page,
                              std::string_view error) const;
  void record_cut(const Exchange& exchange, const Verdict& verdict, const SessionId& session) const;

  Parts parts_;
};

}  // namespace sallyport
