// SPDX-License-Identifier: Apache-2.0
// AdminApi: what people may ask and do of a running gateway, over its private socket and on an origin of its
// own.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sallyport/authn/gate.h"
#include "sallyport/authn/login.h"
#include "sallyport/authn/policy_step.h"
#include "sallyport/credential/logins.h"
#include "sallyport/credential/session_tokens.h"
#include "sallyport/credential/tickets.h"
#include "sallyport/gateway/access_tokens.h"
#include "sallyport/gateway/feed.h"
#include "sallyport/gateway/figures.h"
#include "sallyport/gateway/live_settings.h"
#include "sallyport/gateway/own_pages.h"
#include "sallyport/gateway/session_directory.h"
#include "sallyport/gateway/session_service.h"
#include "sallyport/net/blocking.h"
#include "sallyport/net/http1_server.h"
#include "sallyport/policy/lockout.h"
#include "sallyport/session/supervisor.h"
#include "sallyport/tls/report.h"
#include "sallyport/trace/exporter.h"

namespace sallyport {

inline constexpr std::size_t kAdminBodyBytesMax = 65536;
inline constexpr Duration kLoginLinkLife = std::chrono::minutes(10);
inline constexpr std::size_t kSessionsPerPageMax = 500;
inline constexpr std::string_view kCsrfHeader = "X-CSRF-Token";

/// GatewayReport is what /health says beside the sessions; made at each question.
struct GatewayReport {
  std::string version;
  std::vector<std::string> listeners;
  TlsReport tls;
  std::string authentication;
  std::string store;
  std::size_t live_credentials = 0;
  AuditHealth audit;
  std::string password_state;
  std::vector<LoopFigures> loops;
  std::optional<HandshakeFigures> handshakes;  ///< none: no listener speaks TLS
  std::optional<TraceFigures> traces;          ///< none: no --traces
};

/// openapi_document describes the API: OpenAPI 3.1, JSON.
std::string_view openapi_document() noexcept;

/// AdminApi answers on one loop, whom its gate lets in. Everybody sees and manages what is his own; what
/// concerns all is for admins, and so is starting a session, since its command runs as the gateway's user. A
/// session of somebody else's looks like one that does not exist. A browser's login needs a CSRF token for
/// whatever changes something.
class AdminApi final : public RequestHandler {
 public:
  struct Parts {
    const Gate& gate;
    ListenerTraits listener;
    Supervisor& supervisor;
    SessionService& service;
    SessionDirectory& directory;
    SessionTokens& tokens;
    AccessTokens& access_tokens;
    LiveSettings& settings;
    Feed& feed;
    LoginLinks& links;
    TicketDesk& tickets;
    LoginService& logins;
    OwnPages& own;  ///< the login pages, of an origin; the socket has none
    BlockingPool& pool;
    const MonotonicClock& monotonic;
    const Clock& clock;
    const Fingerprinter& fingerprinter;
    AuditLog& audit;
    std::string audit_file;  ///< empty: not a file
    enum class Sessions : std::uint8_t { one, many } sessions = Sessions::many;
    std::function<GatewayReport()> report;
    std::function<std::string(const SessionId&)> url_of;
    Lockout* lockout = nullptr;    ///< none: nobody is ever locked out
    PolicyStep* policy = nullptr;  ///< none: no policy is in force
  };
  explicit AdminApi(Parts parts) : parts_(std::move(parts)) {}

  Task<void> handle(Exchange& exchange) override;
  void on_refused(const ConnectionFacts& facts, Refusal refusal, ParseFault fault) noexcept override;

 private:
  /// Call is one admitted request. `id` and `rest` are set below a collection: "/sessions/{id}{rest}".
  struct Call {
    Method method = Method::other;
    std::string path;
    std::string query;
    std::string id;
    std::string rest;
    std::string body;
    SessionEntryRef session;
    std::shared_ptr<const SessionView> view;
    const Verdict& verdict;
    [[nodiscard]] const Principal& who() const noexcept { return *verdict.principal(); }
  };
  /// Row is one call of the table in admin_api.cc.
  struct Row;
  static std::span<const Row> rows() noexcept;
  Task<Response> answer(Exchange& exchange, const Verdict& verdict);
  static const Row* find_row(Call& call, std::string& allowed);
  Task<Response> dispatch(Exchange& exchange, Call& call, const Row& row);
  [[nodiscard]] std::optional<Response> refuse_mutation(const Exchange& exchange,
                                                        const Verdict& verdict) const;
  bool find_session(Call& call) const;
  [[nodiscard]] bool policy_allows(const Call& call, std::string_view permission) const;

  Task<Response> create_session(Exchange& exchange, Call& call);
  Task<Response> change_session(Exchange& exchange, Call& call);
  Task<Response> rotate(Exchange& exchange, Call& call);
  Task<Response> end_session(Exchange& exchange, Call& call);
  Task<Response> logs(Exchange& exchange, Call& call);
  Task<Response> follow_logs(Exchange& exchange, Call& call, std::string tail);
  Task<Response> list_sessions(Exchange& exchange, Call& call);
  Task<Response> show_session(Exchange& exchange, Call& call);
  Task<Response> token_metadata(Exchange& exchange, Call& call);
  Task<Response> list_session_auth(Exchange& exchange, Call& call);
  Task<Response> mint_link(Exchange& exchange, Call& call);
  Task<Response> mint_ticket(Exchange& exchange, Call& call);
  Task<Response> list_tokens(Exchange& exchange, Call& call);
  Task<Response> create_token(Exchange& exchange, Call& call);
  Task<Response> revoke_token(Exchange& exchange, Call& call);
  Task<Response> end_logins(Exchange& exchange, Call& call);
  Task<Response> health(Exchange& exchange, Call& call);
  Task<Response> ready(Exchange& exchange, Call& call);
  Task<Response> metrics(Exchange& exchange, Call& call);
  Task<Response> auth_status(Exchange& exchange, Call& call);
  Task<Response> show_settings(Exchange& exchange, Call& call);
  Task<Response> patch_settings(Exchange& exchange, Call& call);
  Task<Response> events(Exchange& exchange, Call& call);
  Task<Response> show_audit(Exchange& exchange, Call& call);
  Task<Response> routes(Exchange& exchange, Call& call);
  Task<Response> lockouts(Exchange& exchange, Call& call);
  Task<Response> release_lockouts(Exchange& exchange, Call& call);
  Task<Response> tls(Exchange& exchange, Call& call);
  Task<Response> openapi(Exchange& exchange, Call& call);

  [[nodiscard]] Result<LinkOrder> link_order(const Call& call) const;
  [[nodiscard]] std::string token_json(const SessionId& id) const;
  [[nodiscard]] bool is_admin(const Call& call) const { return parts_.directory.is_admin(call.who()); }
  void record(AuditKind kind, const Exchange& exchange, const Verdict& verdict, const SessionId& session,
              std::string_view detail) const;
  Parts parts_;
};

}  // namespace sallyport
