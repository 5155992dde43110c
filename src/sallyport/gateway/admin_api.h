// SPDX-License-Identifier: Apache-2.0
// AdminApi: what the owner of a running gateway may ask and do over its private socket.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "sallyport/authn/gate.h"
#include "sallyport/credential/logins.h"
#include "sallyport/credential/session_tokens.h"
#include "sallyport/credential/tickets.h"
#include "sallyport/net/http1_server.h"
#include "sallyport/session/supervisor.h"

namespace sallyport {

inline constexpr std::size_t kAdminBodyBytesMax = 65536;
inline constexpr Duration kLoginLinkLife = std::chrono::minutes(10);

/// GatewayReport is what /health says beside the sessions; made at each question.
struct GatewayReport {
  std::string version;
  std::vector<std::string> listeners;
  std::string tls_source;
  int tls_days_left = -1;  ///< -1: no certificate
  std::string authentication;
  std::string store;
  std::size_t live_credentials = 0;
  AuditHealth audit;
  std::string password_state;
};

/// AdminApi answers on one loop. Its door is the gate's admin door: the kernel's word on the peer, no other
/// credential.
class AdminApi final : public RequestHandler {
 public:
  struct Parts {
    const Gate& gate;
    ListenerTraits listener;
    Supervisor& supervisor;
    SessionTokens& tokens;
    LoginLinks& links;
    TicketDesk& tickets;
    Entropy& entropy;
    const MonotonicClock& monotonic;
    const Clock& clock;
    const Fingerprinter& fingerprinter;
    AuditLog& audit;
    std::shared_ptr<const Principal> owner;
    std::function<GatewayReport()> report;
    std::function<std::string(const SessionId&)> url_of;
  };
  explicit AdminApi(Parts parts) : parts_(std::move(parts)) {}

  Task<void> handle(Exchange& exchange) override;
  void on_refused(const ConnectionFacts& facts, Refusal refusal, ParseFault fault) noexcept override;

 private:
  /// Call is one admitted request: `session` is set below /sessions/{id}, `rest` is what follows.
  struct Call {
    Method method = Method::other;
    std::string path;
    std::shared_ptr<const SessionView> session;
    std::string rest;
    std::string body;
    const Verdict& verdict;
  };
  Task<Response> answer(Exchange& exchange, const Verdict& verdict);
  Task<Response> answer_session(Exchange& exchange, Call call);
  Task<Response> rotate(Exchange& exchange, Call call);
  Task<Response> end_session(Exchange& exchange, Call call);
  Task<Response> logs(Exchange& exchange, Call call);
  [[nodiscard]] Response health() const;
  [[nodiscard]] Response ready() const;
  [[nodiscard]] Response sessions() const;
  [[nodiscard]] Response token_metadata(const SessionView& session) const;
  [[nodiscard]] Response mint_link(const SessionView& session);
  [[nodiscard]] Response mint_ticket(const Call& call);
  void record(AuditKind kind, const Exchange& exchange, const Verdict& verdict, const SessionId& session,
              std::string_view detail) const;
  Parts parts_;
};

}  // namespace sallyport
