// SPDX-License-Identifier: Apache-2.0
#include "sallyport/gateway/admin_api.h"

#include <nlohmann/json.hpp>

#include "sallyport/base/text.h"
#include "sallyport/config/values.h"
#include "sallyport/gateway/admin_json.h"
#include "sallyport/gateway/internal/late.h"

namespace sallyport {
namespace {

using Json = nlohmann::ordered_json;

std::string dumped(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Response json_answer(int status, std::string body) {
  Response response(status, "application/json", std::move(body));
  response.add("Cache-Control", "no-store");
  return response;
}

Response not_found() {
  return problem(404, "not found", "there is no such session or path; see GET /sessions");
}

Response wrong_method(std::string_view allowed) {
  auto response = problem(405, "method not allowed", concat("use ", allowed));
  response.add("Allow", allowed);
  return response;
}

bool mutates(Method method) { return method != Method::get && method != Method::head; }

}  // namespace

Task<void> AdminApi::handle(Exchange& exchange) {
  auto ask_peer = [&exchange] { return exchange.stream().peer_process(); };
  (void)ask_peer();  // the network step judges a Unix peer by its uid, which the facts hold once it was asked
                     // for
  const SessionId none;
  const Evidence evidence{Door::admin, exchange.facts(),     exchange.head(),      parts_.listener,
                          none,        PeerLookup(ask_peer), exchange.request_id()};
  const Verdict verdict = parts_.gate.admit(evidence);
  if (!verdict.allowed()) {
    const auto response =
        problem(verdict.status, "refused", "the admin door is for the user who started the gateway");
    (void)co_await exchange.respond(response);
    co_return;
  }
  const auto response = co_await answer(exchange, verdict);
  (void)co_await exchange.respond(response);
}

Task<Response> AdminApi::answer(Exchange& exchange, const Verdict& verdict) {
  const auto& head = exchange.head();
  Call call{head.method, std::string(head.target.path), nullptr, {}, {}, verdict};
  if (mutates(call.method) && call.method != Method::del) {
    if (!has_media_type(head, "application/json"))
      co_return problem(415, "unsupported media type", "send application/json");
    auto body = co_await exchange.read_body(kAdminBodyBytesMax);
    if (!body) co_return problem_of(body.error());
    call.body = std::move(*body);
  }
  if (call.path == "/api/auth/ws-ticket") {
    co_return call.method == Method::post ? mint_ticket(call) : wrong_method("POST");
  }
  constexpr std::string_view kSessions = "/sessions/";
  if (call.path.starts_with(kSessions)) {
    const auto slash = call.path.find('/', kSessions.size());
    const SessionId id(
        call.path.substr(kSessions.size(), slash == std::string::npos ? slash : slash - kSessions.size()));
    call.session = parts_.supervisor.view(id);
    if (call.session == nullptr) co_return not_found();
    if (slash != std::string::npos) call.rest = call.path.substr(slash);
    auto answered = co_await answer_session(exchange, std::move(call));
    co_return answered;
  }
  if (mutates(call.method)) co_return wrong_method("GET");
  if (call.path == "/health") co_return health();
  if (call.path == "/ready") co_return ready();
  if (call.path == "/sessions" || call.path == "/auth/sessions") co_return sessions();
  if (call.path == "/auth/status") {
    co_return json_answer(200, dumped(Json{{"user", verdict.principal() ? verdict.principal()->id : ""},
                                           {"by", "local_peer"},
                                           {"may", {"sessions", "tokens", "health"}}}));
  }
  co_return not_found();
}

Task<Response> AdminApi::answer_session(Exchange& exchange, Call call) {
  const bool reads = !mutates(call.method);
  if (call.rest.empty() && reads) {
    co_return json_answer(200, json_session(*call.session, parts_.url_of(call.session->id)));
  }
  if (call.rest.empty() && call.method == Method::del) {
    auto answered = co_await end_session(exchange, std::move(call));
    co_return answered;
  }
  if (call.rest == "/auth") co_return reads ? token_metadata(*call.session) : wrong_method("GET");
  if (call.rest == "/link")
    co_return call.method == Method::post ? mint_link(*call.session) : wrong_method("POST");
  if (call.rest == "/logs" && reads) {
    auto answered = co_await logs(exchange, std::move(call));
    co_return answered;
  }
  if (call.rest == "/auth/rotate" && call.method == Method::post) {
    auto answered = co_await rotate(exchange, std::move(call));
    co_return answered;
  }
  co_return call.rest.empty() ? wrong_method("GET, DELETE") : not_found();
}

Task<Response> AdminApi::rotate(Exchange& exchange, Call call) {
  const auto wish = Json::parse(call.body.empty() ? "{}" : call.body, nullptr, false);
  if (!wish.is_object())
    co_return problem(400, "bad request", "send a JSON object, such as {\"grace\": \"30s\"}");
  Duration grace{};
  if (wish.contains("grace")) {
    const auto parsed =
        wish["grace"].is_string() ? parse_duration(wish["grace"].get<std::string>()) : std::nullopt;
    if (!parsed) co_return problem(400, "bad request", "grace is a duration with its unit, such as \"30s\"");
    grace = *parsed;
  }
  const auto backend = wish.find("backend");
  if (backend != wish.end() && !backend->is_boolean())
    co_return problem(400, "bad request", "backend is true or false");
  if (backend != wish.end() && backend->get<bool>()) {
    internal::Late<Status> outcome(exchange.loop());
    RotationRequest request;
    request.credential = mint(CredentialKind::backend_credential, parts_.entropy).text;
    request.done = outcome.deliver();
    const auto begun = parts_.supervisor.rotate(call.session->id, std::move(request));
    if (!begun) co_return problem_of(begun.error());
    const auto done = co_await outcome.value();
    if (!done) co_return problem_of(done.error());
  }
  const auto now = parts_.monotonic.now();
  auto minted = parts_.tokens.rotate(call.session->id, grace, now);
  if (!minted && minted.error().code == Code::not_found) {
    minted = parts_.tokens.create(call.session->id, parts_.owner, now);
  }
  if (!minted) co_return problem_of(minted.error());
  record(AuditKind::credential_minted, exchange, call.verdict, call.session->id, "session token rotated");
  co_return json_answer(200, concat("{\"token\":", json_text(minted->text.expose()), ",\"fingerprint\":",
                                    json_text(parts_.fingerprinter.fingerprint(minted->digest)), "}"));
}

Task<Response> AdminApi::end_session(Exchange& exchange, Call call) {
  parts_.tokens.end(call.session->id);
  record(AuditKind::credential_revoked, exchange, call.verdict, call.session->id, "session ended");
  const auto ended = parts_.supervisor.end(call.session->id, EndSpeed::orderly);
  co_return ended ? Response(204, "application/json", "") : problem_of(ended.error());
}

Task<Response> AdminApi::logs(Exchange& exchange, Call call) {
  internal::Late<std::string> tail(exchange.loop());
  const auto asked = parts_.supervisor.read_tail(call.session->id, std::size_t{64} * 1024, tail.deliver());
  if (!asked) co_return problem_of(asked.error());
  auto text = co_await tail.value();
  Response response(200, "text/plain; charset=utf-8", std::move(text));
  response.add("Cache-Control", "no-store").add("X-Content-Type-Options", "nosniff");
  co_return response;
}

Response AdminApi::health() const {
  const GatewayReport report = parts_.report();
  Json by_state = Json::object();
  bool failing = report.audit.state == AuditHealth::State::failing || report.password_state != "good";
  for (const auto& view : parts_.supervisor.views()) {
    const std::string state(name_of(view->state));
    by_state[state] = by_state.value(state, 0) + 1;
    failing = failing || view->state == SessionState::failed;
  }
  const Json body{{"status", failing ? "degraded" : "ok"},
                  {"version", report.version},
                  {"listeners", report.listeners},
                  {"tls", {{"source", report.tls_source}, {"days_left", report.tls_days_left}}},
                  {"authentication", report.authentication},
                  {"password", report.password_state},
                  {"store", {{"kind", report.store}, {"live_credentials", report.live_credentials}}},
                  {"audit",
                   {{"state", report.audit.state == AuditHealth::State::ok ? "ok" : "failing"},
                    {"written", report.audit.written_events},
                    {"lost", report.audit.lost_events}}},
                  {"sessions", by_state}};
  return json_answer(200, dumped(body));
}

Response AdminApi::ready() const {
  for (const auto& view : parts_.supervisor.views()) {
    if (view->state != SessionState::ready && view->state != SessionState::dormant) {
      return json_answer(503, R"({"ready":false})");
    }
  }
  return json_answer(200, R"({"ready":true})");
}

Response AdminApi::sessions() const {
  Json all = Json::array();
  for (const auto& view : parts_.supervisor.views()) {
    all.push_back(Json::parse(json_session(*view, parts_.url_of(view->id)), nullptr, false));
  }
  return json_answer(200, dumped(Json{{"sessions", std::move(all)}}));
}

Response AdminApi::token_metadata(const SessionView& session) const {
  const auto now = parts_.monotonic.now();
  const auto info = parts_.tokens.describe(session.id, now);
  if (!info) return json_answer(200, R"({"token":null})");
  const auto wall = parts_.clock.now();
  auto told = [&](MonotonicTime at) {
    std::string text;
    append_utc(text, wall + (at - now));
    return text;
  };
  return json_answer(
      200,
      dumped(Json{{"fingerprint", parts_.fingerprinter.fingerprint(info->digest)},
                  {"created", told(info->issued)},
                  {"expires", told(info->expires)},
                  {"last_used", info->last_used == MonotonicTime{} ? Json() : Json(told(info->last_used))},
                  {"rotations", info->rotations}}));
}

Response AdminApi::mint_link(const SessionView& session) {
  const auto minted = parts_.links.mint(parts_.owner, kLoginLinkLife, parts_.monotonic.now());
  if (!minted) return problem_of(minted.error());
  const auto life = std::chrono::duration_cast<std::chrono::seconds>(kLoginLinkLife).count();
  const std::string url = concat(parts_.url_of(session.id), "/.sallyport/link/", minted->text.expose());
  return json_answer(201, concat("{\"url\":", json_text(url), ",\"expires_in_s\":", life, "}"));
}

Response AdminApi::mint_ticket(const Call& call) {
  const auto wish = Json::parse(call.body, nullptr, false);
  auto text = [&wish](const char* name) {
    return wish.is_object() && wish.contains(name) && wish[name].is_string() ? wish[name].get<std::string>()
                                                                             : std::string();
  };
  const auto view = parts_.supervisor.view(SessionId(text("session")));
  if (view == nullptr) return not_found();
  TicketOrder order;
  order.minter = call.verdict.grant;
  order.session = view->id;
  order.path = text("path");
  order.origin = text("origin").empty() ? parts_.url_of(view->id) : text("origin");
  const auto minted = parts_.tickets.mint(order, parts_.monotonic.now());
  if (!minted) return problem_of(minted.error());
  const auto life = std::chrono::duration_cast<std::chrono::seconds>(kTicketLife).count();
  return json_answer(
      201, concat("{\"ticket\":", json_text(minted->text.expose()), ",\"expires_in_s\":", life, "}"));
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
