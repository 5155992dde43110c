// SPDX-License-Identifier: Apache-2.0
// The admin API's calls on the gateway itself: health, settings, events, audit log, routes.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "sallyport/base/text.h"
#include "sallyport/env/posix/descriptor.h"
#include "sallyport/gateway/admin_api.h"
#include "sallyport/gateway/admin_json.h"
#include "sallyport/gateway/admin_lockouts.h"
#include "sallyport/gateway/internal/admin_answers.h"
#include "sallyport/gateway/metrics.h"

namespace sallyport {

namespace web {
extern const std::string_view openapi_json;
}

std::string_view openapi_document() noexcept { return web::openapi_json; }

namespace {

using internal::dumped;
using internal::json_answer;
using internal::query_value;
using Json = internal::OrderedJson;

constexpr Duration kFeedLookEvery = std::chrono::milliseconds(100);
constexpr Duration kHeartbeatEvery = std::chrono::seconds(15);
constexpr std::size_t kAuditBytesMax = std::size_t{1} << 20;
constexpr std::size_t kAuditLinesMax = 1000;

/// read_end reads the last bytes of a file, from a line's start.
std::string read_end(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat info {};
  if (!file || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) return {};
  const auto size = static_cast<std::size_t>(info.st_size);
  const std::size_t from = size > kAuditBytesMax ? size - kAuditBytesMax : 0;
  std::string text(size - from, '\0');
  const ssize_t got = ::pread(file.get(), text.data(), text.size(), static_cast<off_t>(from));
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  if (from > 0) text.erase(0, text.find('\n') + 1);
  return text;
}

}  // namespace

Task<Response> AdminApi::health(Exchange&, Call& call) {
  const GatewayReport report = parts_.report();
  Json by_state = Json::object();
  bool failing = report.audit.state == AuditHealth::State::failing || report.password_state != "good";
  std::size_t open_inside = 0;
  for (const auto& view : parts_.supervisor.views()) {
    const std::string state(name_of(view->state));
    by_state[state] = by_state.value(state, 0) + 1;
    failing = failing || view->state == SessionState::failed;
    open_inside += view->state == SessionState::ready && view->inner_door == InnerDoor::open ? 1 : 0;
  }
  Json body{{"status", failing ? "degraded" : "ok"}, {"version", report.version}};
  if (is_admin(call)) {
    body["listeners"] = report.listeners;
    body["tls"] = {{"source", report.tls.source}, {"days_left", report.tls.days_left}};
    body["authentication"] = report.authentication;
    body["password"] = report.password_state;
    body["store"] = {{"kind", report.store}, {"live_credentials", report.live_credentials}};
    body["audit"] = {{"state", report.audit.state == AuditHealth::State::ok ? "ok" : "failing"},
                     {"written", report.audit.written_events},
                     {"lost", report.audit.lost_events}};
    body["sessions"] = by_state;
    body["sessions_open_inside"] = open_inside;
  }
  co_return json_answer(200, dumped(body));
}

/// ready of `run` is its tool's state; a gateway of many sessions is ready when it answers.
Task<Response> AdminApi::metrics(Exchange&, Call&) {
  // A log may count what it is told (CountingAuditLog); one that does not leaves those numbers out.
  const auto* counts = dynamic_cast<const AuditCounts*>(&parts_.audit);
  Response page(200, kMetricsType, write_metrics(parts_.report(), counts, parts_.supervisor.views()));
  page.add("Cache-Control", "no-store");
  co_return page;
}

Task<Response> AdminApi::ready(Exchange&, Call&) {
  const auto views = parts_.supervisor.views();
  const bool waits = parts_.sessions == Parts::Sessions::one &&
                     std::any_of(views.begin(), views.end(), [](const auto& view) {
                       return view->state != SessionState::ready && view->state != SessionState::dormant;
                     });
  co_return waits ? json_answer(503, R"({"ready":false})") : json_answer(200, R"({"ready":true})");
}

Task<Response> AdminApi::auth_status(Exchange&, Call& call) {
  const Principal& who = call.who();
  Json may{"sessions.read", "sessions.rotate", "sessions.end", "tokens.own"};
  if (is_admin(call)) {
    for (const char* more : {"sessions.create", "sessions.all", "tokens.all", "settings", "audit", "health"})
      may.push_back(more);
  }
  Json body{{"user", who.id},           {"by", name_of(call.verdict.grant->kind)},
            {"provider", who.provider}, {"roles", who.roles},
            {"admin", is_admin(call)},  {"may", std::move(may)}};
  if (call.verdict.grant->kind == CredentialKind::login)
    body["csrf"] = parts_.logins.account_form_for(*call.verdict.grant, parts_.monotonic.now());
  co_return json_answer(200, dumped(body));
}

Task<Response> AdminApi::show_settings(Exchange&, Call&) {
  co_return json_answer(200, parts_.settings.json());
}

Task<Response> AdminApi::patch_settings(Exchange& exchange, Call& call) {
  const auto changed = parts_.settings.patch(call.body);
  if (!changed) co_return problem_of(changed.error());
  record(AuditKind::service, exchange, call.verdict, {}, "settings changed");
  co_return json_answer(200, parts_.settings.json());
}

Task<Response> AdminApi::openapi(Exchange&, Call&) {
  co_return json_answer(200, std::string(openapi_document()));
}

Task<Response> AdminApi::tls(Exchange&, Call&) { co_return json_answer(200, json_tls(parts_.report().tls)); }

Task<Response> AdminApi::routes(Exchange&, Call&) {
  Json rows = Json::array();
  for (const auto& entry : parts_.directory.all()) {
    const auto view = parts_.supervisor.view(entry->id);
    if (view == nullptr) continue;
    const auto& traffic = *entry->traffic;
    rows.push_back({{"session", entry->id.view()},
                    {"url", parts_.url_of(entry->id)},
                    {"state", name_of(view->state)},
                    {"target", view->state == SessionState::ready ? view->endpoint.str() : ""},
                    {"bytes_up", traffic.bytes_up.load(std::memory_order_relaxed)},
                    {"bytes_down", traffic.bytes_down.load(std::memory_order_relaxed)},
                    {"tunnels", traffic.tunnels.load(std::memory_order_relaxed)}});
  }
  co_return json_answer(200, dumped(Json{{"routes", std::move(rows)}}));
}

/// show_audit reads the end of the log as it was written; `actor` and `event` pick lines by what they name.
Task<Response> AdminApi::show_audit(Exchange& exchange, Call& call) {
  if (parts_.audit_file.empty())
    co_return problem(409, "no file", "the audit log goes to standard output; look there");
  auto read = [path = parts_.audit_file] { return read_end(path); };
  auto text = co_await parts_.pool.run(exchange.loop(), std::move(read));
  if (!text) co_return problem_of(text.error());
  const auto since = query_value(call.query, "since").value_or("");
  const auto actor = query_value(call.query, "actor").value_or("");
  const auto event = query_value(call.query, "event").value_or("");
  Json rows = Json::array();
  for (const auto line : split(*text, '\n')) {
    auto row = Json::parse(line, nullptr, false);
    if (!row.is_object() || row.value("time", std::string()) < since) continue;
    if (!actor.empty() && row.value("who", std::string()) != actor) continue;
    if (!event.empty() && row.value("event", std::string()) != event) continue;
    rows.push_back(std::move(row));
    if (rows.size() > kAuditLinesMax) rows.erase(0);
  }
  co_return json_answer(200, dumped(Json{{"events", std::move(rows)}}));
}

/// events are told as they happen (WHATWG HTML section 9.2): changes of the sessions that the caller may use.
Task<Response> AdminApi::events(Exchange& exchange, Call& call) {
  auto mine = [&directory = parts_.directory, who = call.verdict.grant->principal](const FeedItem& item) {
    return item.kind == FeedItem::Kind::state && directory.may_use(*who, item.session);
  };
  auto listener = parts_.feed.listen(call.who().id, std::move(mine));
  if (!listener) co_return problem_of(listener.error());
  Response head(200, "text/event-stream", "");
  head.add("Cache-Control", "no-store").add("X-Accel-Buffering", "no");
  auto written = co_await exchange.start_stream(head);
  if (written) written = co_await exchange.write(": listening\n\n");
  MonotonicTime beat = after(exchange.loop().now(), kHeartbeatEvery);
  while (written && !exchange.cut_reason()) {
    std::string text;
    const auto taken = (*listener)->take();
    if (taken.lost > 0) text += concat("event: lost\ndata: ", taken.lost, "\n\n");
    for (const auto& item : taken.items) {
      text +=
          concat("id: ", item.number, "\nevent: session\ndata: {\"session\":", json_text(item.session.view()),
                 ",\"state\":", json_text(item.text), "}\n\n");
    }
    if (text.empty() && exchange.loop().now() >= beat) text = ": still here\n\n";
    if (!text.empty()) {
      beat = after(exchange.loop().now(), kHeartbeatEvery);
      written = co_await exchange.write(text);
    }
    const auto next = after(exchange.loop().now(), kFeedLookEvery);
    co_await exchange.loop().sleep_until(next);
  }
  co_return Response();
}

Task<Response> AdminApi::follow_logs(Exchange& exchange, Call& call, std::string tail) {
  const SessionId id = call.session->id;
  auto mine = [id](const FeedItem& item) {
    return item.kind == FeedItem::Kind::output && item.session == id;
  };
  auto listener = parts_.feed.listen(call.who().id, std::move(mine));
  if (!listener) co_return problem_of(listener.error());
  Response head(200, "text/plain; charset=utf-8", "");
  head.add("Cache-Control", "no-store").add("X-Content-Type-Options", "nosniff");
  auto written = co_await exchange.start_stream(head);
  if (written && !tail.empty()) written = co_await exchange.write(tail);
  while (written && !exchange.cut_reason() && parts_.directory.may_use(call.who(), id)) {
    std::string text;
    const auto taken = (*listener)->take();
    if (taken.lost > 0) text += concat("[", taken.lost, " lines lost]\n");
    for (const auto& item : taken.items) text += item.text + "\n";
    if (!text.empty()) written = co_await exchange.write(text);
    const auto view = parts_.supervisor.view(id);
    const bool over = view == nullptr || view->state == SessionState::stopped;
    if (over && text.empty()) {
      (void)co_await exchange.finish();
      break;
    }
    const auto next = after(exchange.loop().now(), kFeedLookEvery);
    co_await exchange.loop().sleep_until(next);
  }
  co_return Response();
}

Task<Response> AdminApi::lockouts(Exchange&, Call&) {
  co_return lockouts_answer(parts_.lockout, parts_.monotonic.now());
}

Task<Response> AdminApi::release_lockouts(Exchange& exchange, Call& call) {
  const auto wish = LockoutRelease::parse(call.body);
  if (!wish) co_return problem(400, "bad request", wish.error().what);
  const std::size_t released =
      parts_.lockout == nullptr ? 0 : parts_.lockout->release(wish->network, wish->principal);
  record(AuditKind::lockout, exchange, call.verdict, SessionId(),
         concat("released ", released, "; ", wish->str()));
  co_return json_answer(200, concat("{\"released\":", released, "}"));
}

}  // namespace sallyport
