// SPDX-License-Identifier: Apache-2.0
#include "sallyport/gateway/handler.h"

#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/gateway/admin_json.h"
#include "sallyport/gateway/internal/late.h"
#include "sallyport/http/form.h"
#include "sallyport/http/refusal.h"
#include "sallyport/http/status.h"

namespace sallyport {
namespace {

constexpr std::string_view kJson = "application/json";
/// One name will do: with it go those of every gate on this host, see is_gate_cookie.
constexpr std::string_view kOwnCookies[] = {"__Host-sallyport"};
constexpr Duration kReadyLookEvery = std::chrono::milliseconds(200);

/// retry_after_text rounds up: a client that comes a moment early would only be refused again.
std::string retry_after_text(Duration wait) {
  return concat(std::chrono::ceil<std::chrono::seconds>(wait).count());
}

Response json_error(int status, std::string_view error) {
  Response response(status, kJson, concat("{\"error\":\"", error, "\"}"));
  response.add("Cache-Control", "no-store");
  return response;
}

std::string_view error_name(std::uint16_t status) {
  switch (status) {
    case 400:
      return "bad_request";
    case 401:
      return "unauthenticated";
    case 421:
      return "misdirected_request";
    case 429:
      return "too_many_requests";
    case 503:
      return "unavailable";
    default:
      return "forbidden";
  }
}

/// to_directory adds the slash without which relative links of a tool would lead out of its path.
Response to_directory(const RequestHead& head, const SessionId& session) {
  const auto& query = head.target.query_raw;
  Response response(308, "text/plain; charset=utf-8", "");
  response.add("Location", concat(path_route_of(session.view()), query.empty() ? "" : "?", query))
      .add("Cache-Control", "no-store");
  return response;
}

Response to_login(const RequestHead& head) {
  Response response(302, "text/plain; charset=utf-8", "");
  response.add("Location", concat("/.sallyport/login?next=", form_encode(head.target.raw)))
      .add("Cache-Control", "no-store")
      .add("Vary", "Cookie, Accept, Sec-Fetch-Mode");
  return response;
}

/// UsageWatch: a page that sits on its WebSocket uses its login as much as one that asks for things.
class UsageWatch final : public MovementWatch {
 public:
  explicit UsageWatch(GrantRef grant) : grant_(std::move(grant)) {}
  void moved(MonotonicTime now) noexcept override {
    if (grant_ && grant_->live_at(now)) grant_->used.touch(now);  // what has gone idle stays so
  }

 private:
  const GrantRef grant_;
};

}  // namespace

GuardHandler::GuardHandler(Parts parts) : parts_(std::move(parts)) {}

std::unique_ptr<TraceStep> GuardHandler::begin_trace(const RequestHead& head,
                                                     const SessionId& session) const {
  if (parts_.tracer == nullptr) return nullptr;
  auto trace = std::make_unique<TraceStep>(parts_.tracer->begin(head));
  trace->span.session = session.view();
  if (!is_own_path(head.target.path)) trace->span.path = head.target.path;
  return trace;
}

void GuardHandler::end_trace(const Exchange& exchange, std::unique_ptr<TraceStep> trace) const {
  if (trace == nullptr) return;
  if (exchange.status() != 0) trace->span.status = exchange.status();
  trace->span.request_id = exchange.request_id();
  parts_.tracer->end(std::move(*trace));
}

Task<void> GuardHandler::handle(Exchange& exchange) {
  const auto& head = exchange.head();
  const Destination destination = parts_.directions.find(head, parts_.routes);
  const SessionId& session = destination.session();
  auto trace = begin_trace(head, session);
  const ListenerTraits& listener = session.empty() ? parts_.listener : parts_.session_listener;
  auto ask_peer = [&exchange] { return exchange.stream().peer_process(); };
  const Evidence evidence{head.upgrade == Upgrade::websocket ? Door::websocket : Door::http,
                          exchange.facts(),
                          head,
                          listener,
                          session,
                          PeerLookup(ask_peer),
                          exchange.request_id(),
                          destination.prefix_bytes()};
  const Verdict verdict = parts_.gate.admit(evidence);
  if (!verdict.allowed()) {
    const auto response = refusal(head, verdict);
    if (verdict.status == 400) exchange.close_after();
    (void)co_await exchange.respond(response);
    end_trace(exchange, std::move(trace));
    co_return;
  }
  // Who came without a credential is bound to the session alone, and cut when its door is closed.
  const LiveBinding binding{verdict.credential(), verdict.expires, session};
  exchange.bind(binding);
  if (is_own_path(head.target.path)) {
    const OwnPages::Caller caller{verdict, session};
    co_await parts_.own.handle(exchange, caller);
  } else if (destination.route() == nullptr) {
    const auto response = no_session(head, session);
    (void)co_await exchange.respond(response);
  } else if (destination.prefix_bytes() != 0 && head.target.path.size() == destination.prefix_bytes()) {
    const auto response = to_directory(head, session);
    (void)co_await exchange.respond(response);
  } else {
    co_await pass_on(exchange, verdict, destination, trace.get());
  }
  if (exchange.cut_reason()) record_cut(exchange, verdict, session);
  exchange.unbind();
  end_trace(exchange, std::move(trace));
}

Task<void> GuardHandler::wait_until_ready(Exchange& exchange, SessionRoute& route) {
  const auto on_its_way = [&route] {
    return route.view() != nullptr &&
           (route.view()->state == SessionState::dormant || route.view()->state == SessionState::starting);
  };
  if (route.view() != nullptr && route.view()->state == SessionState::dormant) parts_.demand(route.id());
  // A tool that starts on demand is worth a short wait; the loop's coarse clock is fine for that.
  const MonotonicTime patience = after(exchange.loop().now(), kOnDemandWait);
  while (on_its_way() && exchange.loop().now() < patience && !exchange.cut_reason() &&
         !wants_page(exchange.head())) {
    const auto next = after(exchange.loop().now(), kReadyLookEvery);
    co_await exchange.loop().sleep_until(next);
  }
}

Task<void> GuardHandler::pass_on(Exchange& exchange, const Verdict& verdict, const Destination& destination,
                                 TraceStep* trace) {
  SessionRoute& route = *destination.route();
  if (!route.ready()) co_await wait_until_ready(exchange, route);
  if (exchange.cut_reason()) {  // its credential ended while it waited
    exchange.mark_broken();
    co_return;
  }
  if (!route.ready()) {
    auto output = co_await output_so_far(exchange, verdict, route);
    const auto response = not_ready(exchange.head(), verdict, route, std::move(output));
    (void)co_await exchange.respond(response);
    co_return;
  }
  const auto view = route.view();  // the route may move on while this request is under way
  const auto lines = route.lines_for(verdict.grant ? verdict.grant->principal : nullptr);
  view->activity->touch(exchange.loop().now());
  ForwardPlan plan;
  plan.upstream = &view->endpoint;
  plan.injected_lines = lines->expose();
  plan.hygiene.cookies = kOwnCookies;
  plan.forwarded.scheme = name_of(verdict.reached.scheme);
  std::string prefix;
  std::string host;
  if (route.reached() == SessionRoute::Reached::by_path) {
    plan.path_bytes_cut = destination.prefix_bytes();
    prefix = concat(kPathRoutePrefix, route.id().view());
    host = exchange.head().fields.value_of(HeaderId::host);
    plan.rewrite = {prefix, host};
  }
  plan.traffic = route.traffic();
  if (trace != nullptr) {
    const bool keep = trace->tracestate == TraceStep::Tracestate::keep;
    plan.trace = {trace->traceparent, keep ? TraceFields::Tracestate::keep : TraceFields::Tracestate::drop};
  }
  UsageWatch watch(verdict.in_use());
  plan.watch = &watch;
  plan.timeouts = parts_.timeouts;
  const auto outcome = co_await parts_.forwarder.forward(exchange, plan);
  view->activity->touch(exchange.loop().now());
  if (trace != nullptr) trace->span.status = outcome.status;
  if (!outcome.unanswered()) co_return;
  const auto response = bad_gateway(outcome.end, exchange.head(), view->id.view());
  (void)co_await exchange.respond(response);
}

Response GuardHandler::refusal(const RequestHead& head, const Verdict& verdict) const {
  if (verdict.status == 401) {
    if (refusal_for(head) == RefusalShape::redirect_to_login) return to_login(head);
    Response response(401, kJson, R"({"error":"unauthenticated","login":"/.sallyport/login"})");
    response.add("WWW-Authenticate", "Bearer")
        .add("Cache-Control", "no-store")
        .add("Vary", "Cookie, Accept, Sec-Fetch-Mode");
    return response;
  }
  auto response = json_error(verdict.status, error_name(verdict.status));
  if (wants_page(head) && (verdict.status == 421 || verdict.status == 403)) {
    MessagePage page;
    if (verdict.status == 421) {
      page.title = "Not a name of this gate";
      page.text =
          "If this address is meant to lead here, start sallyport with --public-url and the address that you "
          "typed.";
    } else if (verdict.retry_after > Duration::zero()) {
      page.title = "Too many tries";
      page.text = "Wrong credentials came from your network. Wait a little, then try again.";
    } else {
      page.title = "Refused";
      page.text = "The gate does not let this request through. Its audit log says why.";
    }
    response = page_response(verdict.status, render_message(parts_.own.frame(), page));
  }
  if (verdict.retry_after > Duration::zero())
    response.add("Retry-After", retry_after_text(verdict.retry_after));
  if (verdict.status == 503) response.add("Retry-After", concat(kRetryAfterSeconds));
  return response;
}

Response GuardHandler::told(const RequestHead& head, int status, const MessagePage& page,
                            std::string_view error) const {
  if (!wants_page(head)) return json_error(status, error);
  return page_response(status, render_message(parts_.own.frame(), page));
}

Response GuardHandler::no_session(const RequestHead& head, const SessionId& asked) const {
  MessagePage page;
  page.title = asked.empty() ? "Which session?" : "No such session";
  page.text = asked.empty() ? "This is the gateway itself; each session has an address of its own."
                            : "It may have ended. `sallyport session list` shows those that there are.";
  return told(head, 404, page, "not_found");
}

/// output_so_far is what a tool that starts has printed, for its owner who is signed in and looks at a page.
Task<std::string> GuardHandler::output_so_far(Exchange& exchange, const Verdict& verdict,
                                              const SessionRoute& route) const {
  const auto& view = route.view();
  const bool starting = view != nullptr && view->state == SessionState::starting;
  const bool signed_in = verdict.grant && (verdict.grant->kind == CredentialKind::login ||
                                           verdict.grant->kind == CredentialKind::local_peer);
  if (!starting || !signed_in || !parts_.read_tail || !wants_page(exchange.head())) co_return std::string();
  internal::Late<std::string> late(exchange.loop());
  if (!parts_.read_tail(*verdict.principal(), route.id(), late.deliver())) co_return std::string();
  auto output = co_await late.value(exchange);
  co_return std::move(output).value_or(std::string());
}

/// What the tool printed is for people who proved who they are, not for whoever asks for a public path.
Response GuardHandler::not_ready(const RequestHead& head, const Verdict& verdict, const SessionRoute& route,
                                 std::string output) const {
  const auto& view = route.view();
  const auto name = route.id().view();
  MessagePage page;
  std::string_view error = "starting";
  const SessionState state = view == nullptr ? SessionState::starting : view->state;
  if (state == SessionState::failed || state == SessionState::stopped) {
    page.title = concat(name, state == SessionState::failed ? " could not be started" : " has ended");
    page.text = view->detail;
    page.output_tail = view->tail;
    error = state == SessionState::failed ? "failed" : "ended";
  } else {
    page.title = concat(name, " is starting");
    page.text = "This page looks again by itself.";
    page.refresh = MessagePage::Refresh::soon;
    page.output_tail = std::move(output);
    if (view != nullptr && state == SessionState::waiting) {
      page.text = view->detail;
      page.output_tail = view->tail;
    }
  }
  if (!verdict.grant) {
    page.text = "Please come back in a moment.";
    page.output_tail.clear();
  }
  auto response = told(head, 503, page, error);
  response.add("Retry-After", concat(kRetryAfterSeconds));
  return response;
}

Response GuardHandler::bad_gateway(ForwardEnd end, const RequestHead& head, std::string_view name) const {
  MessagePage page;
  switch (end) {
    case ForwardEnd::backend_timeout:
      page.title = concat(name, " takes too long");
      page.text = "It was reached, and gave no answer in time. It may be busy; try again in a moment.";
      return told(head, 504, page, "backend_timeout");
    case ForwardEnd::bad_request:
      return json_error(400, "bad_request");
    case ForwardEnd::client_slow:
      return json_error(408, "request_timeout");
    case ForwardEnd::unreachable:
      page.title = concat(name, " cannot be reached");
      page.text = "It runs, and does not accept connections. Look at its output where sallyport was started.";
      return told(head, 502, page, "backend_unreachable");
    default:
      page.title = concat(name, " gave no proper answer");
      page.text = "What it sent is no complete HTTP answer, so nothing of it was passed on.";
      return told(head, 502, page, "bad_backend");
  }
}

void GuardHandler::record_cut(const Exchange& exchange, const Verdict& verdict,
                              const SessionId& session) const {
  AuditEvent event;
  event.kind = AuditKind::connection_cut;
  event.outcome = Outcome::allowed;
  if (const Principal* who = verdict.principal()) {
    event.who = who->id;
    event.who_kind = who->kind;
    event.how = verdict.grant->kind;
    event.credential = verdict.grant->digest;
  }
  event.session = session.view();
  event.peer = &exchange.facts().peer;
  event.request_id = exchange.request_id();
  event.detail = name_of(*exchange.cut_reason());
  parts_.audit.record(event);
}

void GuardHandler::on_refused(const ConnectionFacts& facts, Refusal refusal, ParseFault fault) noexcept {
  if (refusal == Refusal::malformed) parts_.gate.record_refused(Door::http, facts, fault, "");
}

}  // namespace sallyport
