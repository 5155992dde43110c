// SPDX-License-Identifier: Apache-2.0
// The admin API's calls on sessions.
#include "sallyport/base/text.h"
#include "sallyport/credential/password_table.h"
#include "sallyport/gateway/admin_api.h"
#include "sallyport/gateway/admin_json.h"
#include "sallyport/gateway/internal/admin_answers.h"
#include "sallyport/gateway/internal/json_fields.h"
#include "sallyport/gateway/internal/late.h"

namespace sallyport {
namespace {

using internal::dumped;
using internal::json_answer;
using internal::JsonFields;
using internal::query_value;
using Json = internal::OrderedJson;

constexpr std::size_t kPageUsual = 100;
constexpr Duration kEndLookEvery = std::chrono::milliseconds(50);
constexpr Duration kEndWaitMax = std::chrono::seconds(25);

/// cut_short is for a wait that brought nothing.
Response cut_short() {
  return problem(503, "unavailable", "the session ended meanwhile, or the gateway is stopping");
}

/// take_choice reads one of a few words.
template <class Enum, std::size_t N>
std::optional<Enum> take_choice(JsonFields& fields, const char* name,
                                const std::array<std::string_view, N>& words, std::string_view expected) {
  const auto text = fields.text(name);
  if (!text) return std::nullopt;
  for (std::size_t i = 0; i < N; ++i) {
    if (*text == words[i]) return static_cast<Enum>(i);
  }
  fields.complain(name, expected);
  return std::nullopt;
}

Status take_limits(JsonFields& fields, SessionWish& wish) {
  auto given = fields.any("limits");
  if (!given) return ok();
  SALLYPORT_TRY(limits, JsonFields::of(std::move(*given), "limits"));
  constexpr std::array<std::string_view, 3> kRestarts{"no", "on-failure", "always"};
  wish.ready_timeout = limits.duration("ready_timeout");
  wish.restart = take_choice<RestartPolicy>(limits, "restart", kRestarts, "one of no, on-failure, always");
  if (const auto waits = limits.flag("on_demand"))
    wish.start = *waits ? StartMode::on_demand : StartMode::at_once;
  return limits.done();
}

Result<SessionWish> read_wish(std::string_view body) {
  SALLYPORT_TRY(fields, JsonFields::parse(body));
  SessionWish wish;
  if (fields.any("image"))
    fields.complain("image", "not in this version: sessions are processes; give a command");
  wish.command = fields.texts("command").value_or(std::vector<std::string>());
  wish.preset = fields.text("preset").value_or("");
  wish.id = fields.text("name").value_or("");
  wish.label = fields.text("label").value_or("");
  wish.owner = fields.text("owner").value_or("");
  wish.shared = fields.texts("shared").value_or(std::vector<std::string>());
  for (const auto& [name, value] :
       fields.text_map("env").value_or(decltype(fields.text_map(""))::value_type()))
    wish.environment.push_back(concat(name, '=', value));
  wish.pass_environment = fields.texts("pass_env").value_or(std::vector<std::string>());
  wish.directory = fields.text("directory").value_or("");
  wish.ready_path = fields.text("ready").value_or("");
  wish.ttl = fields.duration("ttl");
  wish.idle_timeout = fields.duration("idle");
  constexpr std::array<std::string_view, 2> kRoutings{"origin", "path"};
  wish.routing = take_choice<SessionRecord::Routing>(fields, "routing", kRoutings, "origin or path");
  SALLYPORT_CHECK(take_limits(fields, wish));
  SALLYPORT_CHECK(fields.done());
  if (wish.command.empty())
    return fail(Code::invalid_argument, "command is a list of words, the program first");
  if (wish.label.size() > 200) return fail(Code::invalid_argument, "label has at most 200 bytes");
  return wish;
}

std::optional<std::size_t> page_size(const std::string& query) {
  const auto text = query_value(query, "limit");
  if (!text) return kPageUsual;
  const auto size = parse_decimal<std::uint32_t>(*text);
  return size && *size >= 1 && *size <= kSessionsPerPageMax ? std::optional<std::size_t>(*size)
                                                            : std::nullopt;
}

}  // namespace

Task<Response> AdminApi::create_session(Exchange& exchange, Call& call) {
  if (parts_.sessions == Parts::Sessions::one)
    co_return problem(409, "one tool only",
                      "this gateway guards one tool; start another with: sallyport serve");
  auto wish = read_wish(call.body);
  if (!wish) co_return problem_of(wish.error());
  auto create = [&service = parts_.service, wanted = std::move(*wish), by = call.verdict.grant] {
    return service.create(wanted, *by);
  };
  auto created = co_await parts_.pool.run(exchange.loop(), std::move(create));
  if (!created) co_return problem_of(created.error());
  if (!*created) co_return problem_of(created->error());
  const CreatedSession& session = **created;
  record(AuditKind::credential_minted, exchange, call.verdict, session.id, "session created");
  const std::string text(
      concat("{\"id\":", json_text(session.id.view()), ",\"url\":", json_text(parts_.url_of(session.id)),
             ",\"token\":", json_text(session.token.text.expose()),
             ",\"fingerprint\":", json_text(parts_.fingerprinter.fingerprint(session.token.digest)), "}"));
  auto response = json_answer(201, text);
  response.add("Location", concat("/sessions/", session.id.view()));
  co_return response;
}

Task<Response> AdminApi::change_session(Exchange& exchange, Call& call) {
  auto fields = JsonFields::parse(call.body);
  if (!fields) co_return problem_of(fields.error());
  auto shared = fields->texts("shared");
  if (const auto done = fields->done(); !done) co_return problem_of(done.error());
  if (shared) {
    auto share = [&service = parts_.service, id = call.session->id, with = std::move(*shared)] {
      return service.share(id, with);
    };
    auto changed = co_await parts_.pool.run(exchange.loop(), std::move(share));
    if (!changed) co_return problem_of(changed.error());
    if (!*changed) co_return problem_of(changed->error());
    record(AuditKind::session, exchange, call.verdict, call.session->id, "sharing changed");
  }
  auto answered = co_await show_session(exchange, call);
  co_return answered;
}

Task<Response> AdminApi::rotate(Exchange& exchange, Call& call) {
  auto fields = JsonFields::parse(call.body);
  if (!fields) co_return problem_of(fields.error());
  const auto grace = fields->duration("grace").value_or(Duration::zero());
  const bool backend = fields->flag("backend").value_or(false);
  const bool relaunch = fields->flag("relaunch").value_or(true);
  if (const auto done = fields->done(); !done) co_return problem_of(done.error());
  const SessionId id = call.session->id;
  if (grace > kRotationGraceMax) co_return problem(400, "bad request", "grace is at most 1h");
  if (backend) {
    internal::Late<Status> outcome(exchange.loop());
    const auto mode = relaunch ? RotationMode::relaunch_if_needed : RotationMode::in_place;
    const auto begun = parts_.service.rotate_backend(id, mode, kRotationGrace, outcome.deliver());
    if (!begun) co_return problem_of(begun.error());
    const auto done = co_await outcome.value(exchange);
    if (!done) co_return cut_short();
    if (!*done) co_return problem_of(done->error());
    record(AuditKind::credential_minted, exchange, call.verdict, id, "backend credential rotated");
  }
  auto renew = [&service = parts_.service, id, grace, by = call.verdict.grant] {
    return service.rotate(id, grace, *by);
  };
  auto minted = co_await parts_.pool.run(exchange.loop(), std::move(renew));
  if (!minted) co_return problem_of(minted.error());
  if (!*minted) co_return problem_of(minted->error());
  const Minted& token = **minted;
  record(AuditKind::credential_minted, exchange, call.verdict, id, "session token rotated");
  co_return json_answer(200, concat("{\"token\":", json_text(token.text.expose()), ",\"fingerprint\":",
                                    json_text(parts_.fingerprinter.fingerprint(token.digest)), "}"));
}

/// end_session answers when the tool is reaped, or says that it goes on.
Task<Response> AdminApi::end_session(Exchange& exchange, Call& call) {
  const SessionId id = call.session->id;
  auto end = [&service = parts_.service, id] { return service.end(id); };
  auto ended = co_await parts_.pool.run(exchange.loop(), std::move(end));
  if (!ended) co_return problem_of(ended.error());
  if (!*ended) co_return problem_of(ended->error());
  record(AuditKind::credential_revoked, exchange, call.verdict, id, "session ended");
  internal::Late<std::string> applied(exchange.loop());  // the supervisor works off its calls in order
  if (parts_.supervisor.read_tail(id, 0, applied.deliver())) (void)co_await applied.value(exchange);
  const MonotonicTime patience = after(exchange.loop().now(), kEndWaitMax);
  for (;;) {
    const auto view = parts_.supervisor.view(id);
    if (view == nullptr || view->state == SessionState::stopped)
      co_return Response(204, "application/json", "");
    if (exchange.loop().now() >= patience || exchange.cut_reason()) break;
    const auto next = after(exchange.loop().now(), kEndLookEvery);
    co_await exchange.loop().sleep_until(next);
  }
  co_return json_answer(202, R"({"state":"stopping"})");
}

Task<Response> AdminApi::list_sessions(Exchange&, Call& call) {
  const auto size = page_size(call.query);
  if (!size) co_return problem(400, "bad request", concat("limit is 1 to ", kSessionsPerPageMax));
  const auto behind = query_value(call.query, "after").value_or("");
  const auto entries = parts_.directory.visible_to(call.who(), behind, *size + 1);
  Json rows = Json::array();
  for (std::size_t i = 0; i < entries.size() && i < *size; ++i) {
    const auto view = parts_.supervisor.view(entries[i]->id);
    if (view == nullptr) continue;
    rows.push_back(
        Json::parse(json_session(*view, parts_.url_of(view->id), entries[i].get()), nullptr, false));
    rows.back().erase("history");
  }
  Json body{{"sessions", std::move(rows)}};
  body["next"] = entries.size() > *size ? Json(entries[*size - 1]->id.view()) : Json();
  co_return json_answer(200, dumped(body));
}

Task<Response> AdminApi::show_session(Exchange&, Call& call) {
  const auto entry = parts_.directory.find(call.session->id);
  const auto* shown = entry == nullptr ? call.session.get() : entry.get();
  co_return json_answer(200, json_session(*call.view, parts_.url_of(call.session->id), shown));
}

std::string AdminApi::token_json(const SessionId& id) const {
  const auto now = parts_.monotonic.now();
  const auto info = parts_.tokens.describe(id, now);
  if (!info) return R"({"token":null})";
  const auto wall = parts_.clock.now();
  auto told = [&](MonotonicTime at) {
    std::string text;
    append_utc(text, wall + (at - now));
    return text;
  };
  const bool unused = info->last_used == MonotonicTime{};
  return dumped(Json{{"fingerprint", parts_.fingerprinter.fingerprint(info->digest)},
                     {"created", told(info->issued)},
                     {"expires", told(info->expires)},
                     {"last_used", unused ? Json() : Json(told(info->last_used))},
                     {"rotations", info->rotations}});
}

Task<Response> AdminApi::token_metadata(Exchange&, Call& call) {
  co_return json_answer(200, token_json(call.session->id));
}

Task<Response> AdminApi::list_session_auth(Exchange&, Call& call) {
  const std::string authentication = parts_.report().authentication;
  Json rows = Json::array();
  for (const auto& entry : parts_.directory.visible_to(call.who(), "", SIZE_MAX)) {
    const auto view = parts_.supervisor.view(entry->id);
    if (view == nullptr) continue;
    rows.push_back({{"id", entry->id.view()},
                    {"state", name_of(view->state)},
                    {"owner", entry->owner},
                    {"authentication", authentication},
                    {"inner_door", name_of(view->inner_door)},
                    {"env_exposed", view->exposure == Exposure::environment},
                    {"token", Json::parse(token_json(entry->id), nullptr, false)}});
  }
  co_return json_answer(200, dumped(Json{{"sessions", std::move(rows)}}));
}

Task<Response> AdminApi::logs(Exchange& exchange, Call& call) {
  internal::Late<std::string> tail(exchange.loop());
  const auto asked = parts_.supervisor.read_tail(call.session->id, std::size_t{64} * 1024, tail.deliver());
  if (!asked) co_return problem_of(asked.error());
  auto text = co_await tail.value(exchange);
  if (!text) co_return cut_short();
  if (find_in_query(call.query, "follow").count > 0) {
    auto followed = co_await follow_logs(exchange, call, *std::move(text));
    co_return followed;
  }
  Response response(200, "text/plain; charset=utf-8", *std::move(text));
  response.add("Cache-Control", "no-store").add("X-Content-Type-Options", "nosniff");
  co_return response;
}

/// link_order says whom a link signs in. Whoever asks, where it is his own session or he names himself; then
/// it opens what he may open. Somebody else where an admin names him; then it opens this session and no
/// other, so that nobody gets a stranger's rights elsewhere.
Result<LinkOrder> AdminApi::link_order(const Call& call) const {
  SALLYPORT_TRY(fields, JsonFields::parse(call.body.empty() ? "{}" : call.body));
  const auto user = fields.text("user");
  SALLYPORT_CHECK(fields.done());
  LinkOrder order;
  order.life = kLoginLinkLife;
  order.maker = call.verdict.grant;
  order.principal = call.verdict.grant->principal;
  if (user == call.who().id || (!user && call.session->owner == call.who().id)) return order;
  if (!user) {
    return fail(Code::invalid_argument,
                concat("this session is ", call.session->owner,
                       "'s; say whom the link signs in: \"user\", or session link --user NAME"));
  }
  if (!is_admin(call))
    return fail(Code::permission_denied, "only an admin makes links for others; share the session instead");
  if (!valid_user_name(*user)) return fail(Code::invalid_argument, "user is the name of a user");
  const Principal other{*user, PrincipalKind::user, "login-link", {}};
  if (parts_.directory.is_admin(other))
    return fail(Code::permission_denied, "whoever owns the gateway makes links for himself");
  if (parts_.sessions == Parts::Sessions::many && !parts_.directory.may_use(other, call.session->id)) {
    return fail(Code::permission_denied,
                concat(*user, " may not use this session; share it first: PATCH \"shared\""));
  }
  order.principal = std::make_shared<const Principal>(other);
  order.session = call.session->id;
  return order;
}

Task<Response> AdminApi::mint_link(Exchange& exchange, Call& call) {
  auto order = link_order(call);
  if (!order) co_return problem_of(order.error());
  std::string origin = parts_.url_of(call.session->id);
  if (call.session->reached != SessionRoute::Reached::by_origin) {
    const auto path = origin.find('/', origin.find("://") + 3);
    order->next = origin.substr(path);
    origin.resize(path);
  }
  const auto minted = parts_.links.mint(*order, parts_.monotonic.now());
  if (!minted) co_return problem_of(minted.error());
  record(AuditKind::credential_minted, exchange, call.verdict, call.session->id,
         concat("login link made for ", order->principal->id));
  const auto life = std::chrono::duration_cast<std::chrono::seconds>(kLoginLinkLife).count();
  const std::string url = concat(origin, kLinkPrefix, minted->text.expose());
  co_return json_answer(201, concat("{\"url\":", json_text(url), ",\"expires_in_s\":", life, "}"));
}

Task<Response> AdminApi::mint_ticket(Exchange&, Call& call) {
  auto fields = JsonFields::parse(call.body);
  if (!fields) co_return problem_of(fields.error());
  call.id = fields->text("session").value_or("");
  TicketOrder order;
  order.path = fields->text("path").value_or("");
  order.origin = fields->text("origin").value_or("");
  if (const auto done = fields->done(); !done) co_return problem_of(done.error());
  if (!find_session(call)) co_return problem(404, "not found", "there is no such session");
  order.minter = call.verdict.grant;
  order.session = call.session->id;
  if (order.origin.empty()) {
    order.origin = parts_.url_of(order.session);
    if (call.session->reached != SessionRoute::Reached::by_origin)
      order.origin.resize(order.origin.find('/', order.origin.find("://") + 3));
  }
  const auto minted = parts_.tickets.mint(order, parts_.monotonic.now());
  if (!minted) co_return problem_of(minted.error());
  const auto life = std::chrono::duration_cast<std::chrono::seconds>(kTicketLife).count();
  co_return json_answer(
      201, concat("{\"ticket\":", json_text(minted->text.expose()), ",\"expires_in_s\":", life, "}"));
}

}  // namespace sallyport
