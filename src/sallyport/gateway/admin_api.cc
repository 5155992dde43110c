// SPDX-License-Identifier: Apache-2.0
// The door of the admin API, and the table of its calls.
#include "sallyport/gateway/admin_api.h"

#include <array>

#include "sallyport/base/text.h"
#include "sallyport/gateway/admin_json.h"
#include "sallyport/policy/permissions.h"

namespace sallyport {
namespace {

/// Need is who may call a row, beyond being known.
enum class Need : std::uint8_t { known, use, manage, admin };

Response not_found() {
  return problem(404, "not found", "there is no such session or path; see GET /sessions");
}

bool mutates(Method method) { return method != Method::get && method != Method::head; }

std::string_view header(const RequestHead& head, std::string_view name) {
  for (const HeaderField& field : head.fields) {
    if (iequals(field.name(), name)) return field.value();
  }
  return {};
}

/// fits matches "/sessions/{id}/auth" with a path, and takes the id out of it.
bool fits(std::string_view pattern, std::string_view path, std::string& id) {
  const auto open = pattern.find("{id}");
  if (open == std::string_view::npos) return pattern == path;
  const auto rest = pattern.substr(open + 4);
  if (!path.starts_with(pattern.substr(0, open)) || !path.ends_with(rest)) return false;
  if (path.size() <= open + rest.size()) return false;
  const auto middle = path.substr(open, path.size() - open - rest.size());
  if (middle.find('/') != std::string_view::npos) return false;
  id = middle;
  return true;
}

std::string_view method_name(Method method) {
  switch (method) {
    case Method::get:
      return "GET, HEAD";
    case Method::post:
      return "POST";
    case Method::patch:
      return "PATCH";
    default:
      return "DELETE";
  }
}

Response turned_away(const Verdict& verdict) {
  std::string_view remedy = "the admin door does not let this request through; its audit log says why";
  if (verdict.status == 401) remedy = "send an access token as Authorization: Bearer spa_...";
  if (verdict.retry_after > Duration::zero()) remedy = "too often; wait for as long as Retry-After says";
  auto response = problem(verdict.status, "refused", remedy);
  if (verdict.status == 401) response.add("WWW-Authenticate", "Bearer");
  if (verdict.retry_after > Duration::zero()) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(verdict.retry_after).count();
    response.add("Retry-After", concat(seconds));
  }
  return response;
}

}  // namespace

struct AdminApi::Row {
  Method method;
  std::string_view pattern;
  Need need;
  Task<Response> (AdminApi::*call)(Exchange&, Call&);
  std::string_view permission;  ///< that a policy has to give; empty: whoever is known
};

std::span<const AdminApi::Row> AdminApi::rows() noexcept {
  static constexpr Row kRows[] = {
      {Method::get, "/health", Need::known, &AdminApi::health, permission::kHealthRead},
      {Method::get, "/ready", Need::known, &AdminApi::ready, permission::kHealthRead},
      {Method::get, "/metrics", Need::admin, &AdminApi::metrics, permission::kMetricsRead},
      {Method::get, "/auth/status", Need::known, &AdminApi::auth_status, {}},
      {Method::get, "/openapi.json", Need::known, &AdminApi::openapi, {}},
      {Method::get, "/sessions", Need::known, &AdminApi::list_sessions, permission::kSessionsRead},
      {Method::post, "/sessions", Need::admin, &AdminApi::create_session, permission::kSessionsCreate},
      {Method::get, "/sessions/{id}", Need::use, &AdminApi::show_session, permission::kSessionsRead},
      {Method::patch, "/sessions/{id}", Need::manage, &AdminApi::change_session, permission::kSessionsCreate},
      {Method::del, "/sessions/{id}", Need::manage, &AdminApi::end_session, permission::kSessionsEnd},
      {Method::get, "/sessions/{id}/auth", Need::use, &AdminApi::token_metadata, permission::kSessionsRead},
      {Method::post, "/sessions/{id}/auth/rotate", Need::manage, &AdminApi::rotate,
       permission::kSessionsRotate},
      {Method::post, "/sessions/{id}/link", Need::manage, &AdminApi::mint_link, permission::kSessionsLink},
      {Method::get, "/sessions/{id}/logs", Need::use, &AdminApi::logs, permission::kSessionsLogs},
      {Method::get, "/auth/sessions", Need::known, &AdminApi::list_session_auth, permission::kSessionsRead},
      {Method::post, "/api/auth/ws-ticket", Need::known, &AdminApi::mint_ticket, permission::kTicketsCreate},
      {Method::get, "/tokens", Need::known, &AdminApi::list_tokens, permission::kTokensRead},
      {Method::post, "/tokens", Need::known, &AdminApi::create_token, permission::kTokensManage},
      {Method::del, "/tokens/{id}", Need::known, &AdminApi::revoke_token, permission::kTokensManage},
      {Method::post, "/logins/end", Need::known, &AdminApi::end_logins, permission::kUsersManage},
      {Method::get, "/settings", Need::admin, &AdminApi::show_settings, permission::kSettingsRead},
      {Method::patch, "/settings", Need::admin, &AdminApi::patch_settings, permission::kSettingsWrite},
      {Method::get, "/events", Need::known, &AdminApi::events, permission::kSessionsRead},
      {Method::get, "/audit", Need::admin, &AdminApi::show_audit, permission::kAuditRead},
      {Method::get, "/routes", Need::admin, &AdminApi::routes, permission::kRoutesRead},
      {Method::get, "/tls", Need::admin, &AdminApi::tls, permission::kCertificatesRead},
      {Method::get, "/lockouts", Need::admin, &AdminApi::lockouts, permission::kLockoutsRead},
      {Method::post, "/lockouts/release", Need::admin, &AdminApi::release_lockouts,
       permission::kLockoutsRelease},
  };
  return kRows;
}

Task<void> AdminApi::handle(Exchange& exchange) {
  auto ask_peer = [&exchange] { return exchange.stream().peer_process(); };
  (void)ask_peer();  // the network step judges a Unix peer by its uid, which the facts hold once it was asked
                     // for
  const SessionId none;
  const Evidence evidence{Door::admin, exchange.facts(),     exchange.head(),      parts_.listener,
                          none,        PeerLookup(ask_peer), exchange.request_id()};
  const Verdict verdict = parts_.gate.admit(evidence);
  if (!verdict.allowed()) {
    (void)co_await exchange.respond(turned_away(verdict));
    co_return;
  }
  const LiveBinding binding{verdict.credential(), verdict.expires, none};
  if (verdict.grant && verdict.grant->kind != CredentialKind::local_peer) exchange.bind(binding);
  if (is_own_path(exchange.head().target.path)) {
    const OwnPages::Caller caller{verdict, none};
    co_await parts_.own.handle(exchange, caller);
  } else {
    const auto response = co_await answer(exchange, verdict);
    if (!exchange.started()) (void)co_await exchange.respond(response);
  }
  exchange.unbind();
}

/// refuse_mutation: what a page elsewhere could make a browser send changes nothing here.
std::optional<Response> AdminApi::refuse_mutation(const Exchange& exchange, const Verdict& verdict) const {
  const auto& head = exchange.head();
  if (head.method != Method::del && !has_media_type(head, "application/json"))
    return problem(415, "unsupported media type", "send application/json");
  const Grant& grant = *verdict.grant;
  if (grant.kind != CredentialKind::login) return std::nullopt;
  if (parts_.logins.is_account_form(grant, header(head, kCsrfHeader), parts_.monotonic.now()))
    return std::nullopt;
  return problem(403, "csrf", concat("send ", kCsrfHeader, " with the csrf value of GET /auth/status"));
}

Task<Response> AdminApi::answer(Exchange& exchange, const Verdict& verdict) {
  if (verdict.principal() == nullptr) co_return problem(401, "refused", "say who you are");
  const auto& head = exchange.head();
  Call call{
      head.method, std::string(head.target.path), std::string(head.target.query_raw), {}, {}, {}, {}, {},
      verdict};
  if (call.method == Method::head) call.method = Method::get;
  std::string allowed;
  const Row* row = find_row(call, allowed);
  if (row == nullptr && allowed.empty()) co_return not_found();
  if (row == nullptr) {
    auto response = problem(405, "method not allowed", concat("use ", allowed));
    response.add("Allow", allowed);
    co_return response;
  }
  if (mutates(call.method)) {
    if (auto refused = refuse_mutation(exchange, verdict)) co_return std::move(*refused);
    auto body = co_await exchange.read_body(kAdminBodyBytesMax);
    if (!body && body.error().code == Code::exhausted) {
      const auto what = concat("a body has at most ", kAdminBodyBytesMax, " bytes");
      co_return problem(413, "content too large", what);
    }
    if (!body) co_return problem_of(body.error());
    call.body = std::move(*body);
  }
  auto answered = co_await dispatch(exchange, call, *row);
  co_return answered;
}

/// find_session gives a call its session where its caller may use it.
bool AdminApi::find_session(Call& call) const {
  const SessionId id(call.id);
  if (!parts_.directory.may_use(call.who(), id)) return false;
  call.session = parts_.directory.find(id);
  call.view = parts_.supervisor.view(id);
  return call.session != nullptr && call.view != nullptr;
}

/// find_row finds the call in the table; where only other methods are there, `allowed` names them.
const AdminApi::Row* AdminApi::find_row(Call& call, std::string& allowed) {
  for (const Row& row : rows()) {
    if (!fits(row.pattern, call.path, call.id)) continue;
    if (row.method == call.method) return &row;
    allowed += concat(allowed.empty() ? "" : ", ", method_name(row.method));
  }
  return nullptr;
}

Task<Response> AdminApi::dispatch(Exchange& exchange, Call& call, const Row& row) {
  const bool of_session = row.need == Need::use || row.need == Need::manage;
  if (of_session && !find_session(call)) co_return not_found();
  const bool too_little =
      (row.need == Need::admin && !is_admin(call)) ||
      (row.need == Need::manage && !parts_.directory.may_manage(call.who(), call.session->id));
  if (!too_little && !policy_allows(call, row.permission))
    co_return problem(403, "forbidden",
                      "the policy does not allow this; see sallyport config check --who --what");
  if (too_little) co_return problem(403, "forbidden", "you may not do this; an admin may");
  auto answered = co_await (this->*row.call)(exchange, call);
  co_return answered;
}

/// policy_allows asks for the named permission. Who owns this process comes by the kernel's word, and is not
/// asked: he can replace the policy itself.
bool AdminApi::policy_allows(const Call& call, std::string_view permission) const {
  if (parts_.policy == nullptr || permission.empty() ||
      call.verdict.grant->kind == CredentialKind::local_peer)
    return true;
  return parts_.policy->may(call.who(), permission, call.session ? call.session->id : SessionId());
}

void AdminApi::record(AuditKind kind, const Exchange& exchange, const Verdict& verdict,
                      const SessionId& session, std::string_view detail) const {
  AuditEvent event;
  event.kind = kind;
  event.outcome = Outcome::allowed;
  event.door = Door::admin;
  if (const Principal* who = verdict.principal()) {
    event.who = who->id;
    event.who_kind = who->kind;
    event.how = verdict.grant->kind;
  }
  event.session = session.view();
  event.request_id = exchange.request_id();
  event.detail = detail;
  parts_.audit.record(event);
}

void AdminApi::on_refused(const ConnectionFacts& facts, Refusal refusal, ParseFault fault) noexcept {
  if (refusal == Refusal::malformed) parts_.gate.record_refused(Door::admin, facts, fault, "");
}

}  // namespace sallyport
