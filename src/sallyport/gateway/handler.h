// SPDX-License-Identifier: Apache-2.0
// GuardHandler: the way of one request on one loop: evidence, gate, then the gate's own pages or the guarded
// tool.
#pragma once

#include <atomic>
#include <functional>

#include "sallyport/authn/gate.h"
#include "sallyport/gateway/own_pages.h"
#include "sallyport/gateway/route.h"
#include "sallyport/net/http1_server.h"
#include "sallyport/proxy/forward.h"

namespace sallyport {

/// How long a request waits for a tool that starts on demand before it is told to come again.
inline constexpr Duration kOnDemandWait = std::chrono::seconds(20);
inline constexpr int kRetryAfterSeconds = 2;

/// Demand asks the session's supervisor to start the tool; any thread.
using Demand = std::function<void()>;

/// GuardHandler belongs to one loop and one listener's traits. What it refers to outlives it.
class GuardHandler final : public RequestHandler {
 public:
  struct Parts {
    const Gate& gate;
    OwnPages& own;
    SessionRoute& route;
    Forwarder& forwarder;
    AuditLog& audit;
    ListenerTraits listener;
    SessionId session;
    Demand demand;
    TrafficCounters* traffic = nullptr;
    ForwardTimeouts timeouts{};
  };
  explicit GuardHandler(Parts parts);

  Task<void> handle(Exchange& exchange) override;
  void on_refused(const ConnectionFacts& facts, Refusal refusal, ParseFault fault) noexcept override;

 private:
  Task<void> pass_on(Exchange& exchange, const Verdict& verdict);
  [[nodiscard]] Response refusal(const RequestHead& head, const Verdict& verdict) const;
  [[nodiscard]] Response not_ready(const RequestHead& head, const Verdict& verdict) const;
  [[nodiscard]] Response bad_gateway(ForwardEnd end, const RequestHead& head) const;
  [[nodiscard]] Response told(const RequestHead& head, int status, const MessagePage& page,
                              std::string_view error) const;
  void record_cut(const Exchange& exchange, const Verdict& verdict) const;

  Parts parts_;
  std::string form_cookie_;
  std::array<std::string_view, 2> own_cookies_;
};

}  // namespace sallyport
