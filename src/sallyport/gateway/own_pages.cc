// SPDX-License-Identifier: Apache-2.0
#include "sallyport/gateway/own_pages.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "sallyport/audit/event.h"
#include "sallyport/authn/gate.h"
#include "sallyport/base/text.h"
#include "sallyport/gateway/admin_json.h"
#include "sallyport/http/cookie.h"
#include "sallyport/http/form.h"
#include "sallyport/http/return_path.h"
#include "sallyport/http/status.h"

namespace sallyport {
namespace {

std::string_view first_cookie(const HeaderFields& fields, std::string_view name) {
  const auto found = cookies_named(fields, name);
  return found.all().empty() ? std::string_view() : found.values[0];
}

/// CookieNames are those of whoever came by this scheme to this port.
struct CookieNames {
  explicit CookieNames(const Verdict& verdict)
      : login(login_cookie_name(verdict.reached)),
        form(form_cookie_name(verdict.reached)),
        secure(verdict.reached.scheme == Scheme::https ? CookieSecure::on : CookieSecure::off) {}
  std::string login;
  std::string form;
  CookieSecure secure;
};

LoginCaller caller_of(const Exchange& exchange, const Verdict& verdict, const CookieNames& names) {
  const auto& fields = exchange.head().fields;
  return LoginCaller{exchange.facts(), verdict.client, first_cookie(fields, names.login),
                     first_cookie(fields, names.form), exchange.request_id()};
}

/// set_cookie adds one; a value that cannot stand in a cookie is a broken invariant, and the field is left
/// out.
void set_cookie(Response& response, CookieSecure secure, std::string_view name, std::string_view value,
                std::optional<std::chrono::seconds> max_age) {
  SetCookie cookie;
  cookie.name = name;
  cookie.value = value;
  cookie.secure = secure;
  cookie.max_age = max_age;
  if (const auto text = cookie.str()) response.add("Set-Cookie", *text);
}

Response see_other(std::string_view where) {
  Response response(303, "text/plain; charset=utf-8", "");
  response.add("Location", where).add("Cache-Control", "no-store");
  return response;
}

Response method_refused(std::string_view allowed) {
  auto response = problem(405, "method not allowed", concat("use ", allowed));
  response.add("Allow", allowed);
  return response;
}

Response busy() {
  auto response = problem(503, "busy", "too many sign-ins at once; try again in a moment");
  response.add("Retry-After", "2");
  return response;
}

bool is_form(const RequestHead& head) { return has_media_type(head, "application/x-www-form-urlencoded"); }

bool is_read(const RequestHead& head) { return head.method == Method::get || head.method == Method::head; }

/// is_logged_in: the verdict rests on a login, so that it can be ended and its forms can be signed.
bool is_logged_in(const Verdict& verdict) {
  return verdict.grant && verdict.grant->kind == CredentialKind::login;
}

Task<Result<FormFields>> read_form(Exchange& exchange) {
  if (!is_form(exchange.head())) co_return fail(Code::invalid_argument, "a form is expected");
  SALLYPORT_CO_TRY(body, co_await exchange.read_body(kOwnBodyBytesMax));
  auto fields = FormFields::parse(body);
  wipe(std::as_writable_bytes(std::span(body)));
  co_return fields;
}

std::string field_of(const FormFields& form, std::string_view name) {
  return std::string(form.one(name).value_or(std::string_view()));
}

std::string own_origin(const Exchange& exchange, const Verdict& verdict) {
  return concat(name_of(verdict.reached.scheme), "://", exchange.head().fields.value_of(HeaderId::host));
}

}  // namespace

/// Referrer-Policy is strict-origin, not no-referrer: with the latter browsers post our forms with "Origin:
/// null". It keeps the path, and so a one-time link, to ourselves all the same.
Response page_response(int status, std::string html) {
  Response response(status, "text/html; charset=utf-8", std::move(html));
  response.add("Cache-Control", "no-store")
      .add("Content-Security-Policy", kPagePolicy)
      .add("Referrer-Policy", "strict-origin")
      .add("X-Content-Type-Options", "nosniff")
      .add("X-Frame-Options", "DENY")
      .add("Cross-Origin-Opener-Policy", "same-origin");
  return response;
}

Task<void> OwnPages::handle(Exchange& exchange, const Caller& caller) {
  const std::string path(exchange.head().target.path);
  if (path == kLoginPath) co_return co_await handle_login(exchange, caller);
  if (path.starts_with(kLinkPrefix)) co_return co_await handle_link(exchange, caller);
  if (path == "/.sallyport/logout") co_return co_await handle_logout(exchange, caller);
  if (path == "/.sallyport/sessions") co_return co_await handle_sign_ins(exchange, caller);
  if (path == "/.sallyport/api/auth/ws-ticket") co_return co_await mint_ticket(exchange, caller);

  Response response = problem(404, "not found", "there is nothing at this path of the gate");
  if (!is_read(exchange.head())) {
    response = method_refused("GET");
  } else if (path == "/.sallyport/auth/status") {
    response = status_of_caller(caller);
  } else if (path == "/.sallyport/style.css") {
    response = Response(200, "text/css; charset=utf-8", std::string(style_sheet()));
    response.add("Cache-Control", "max-age=3600").add("X-Content-Type-Options", "nosniff");
  } else if (path == "/.sallyport/theme.css" && !parts_.theme.empty()) {
    response = Response(200, "text/css; charset=utf-8", parts_.theme);
    response.add("Cache-Control", "max-age=60").add("X-Content-Type-Options", "nosniff");
  }
  (void)co_await exchange.respond(response);  // a client that went away needs no answer
}

PageFrame OwnPages::frame_for(const Caller& caller) const {
  PageFrame frame = parts_.frame;
  if (!caller.session.empty()) frame.name = caller.session.str();
  return frame;
}

Response OwnPages::login_form(const Exchange& exchange, const Caller& caller, std::string_view next,
                              std::string_view notice, int status) const {
  const CookieNames names(caller.verdict);
  const auto seed = parts_.logins.form_for(FormPurpose::login, caller_of(exchange, caller.verdict, names),
                                           parts_.monotonic.now());
  LoginPage page;
  page.host = std::string(exchange.head().fields.value_of(HeaderId::host));
  page.next = std::string(next);
  page.csrf = seed.field;
  page.notice = std::string(notice);
  page.user_field = parts_.user_field;
  if (!parts_.logins.takes_passwords()) page.password = LoginPage::Password::not_taken;
  if (parts_.tailnet != nullptr && came_over_tailnet(exchange.facts()))
    page.tailscale = LoginPage::Tailscale::offered;
  auto response = page_response(status, render_login(frame_for(caller), page));
  if (!seed.new_cookie.empty()) set_cookie(response, names.secure, names.form, seed.new_cookie, std::nullopt);
  return response;
}

Response OwnPages::reply(const Exchange& exchange, const Caller& caller, const LoginReply& reply,
                         std::string_view next) const {
  const CookieNames names(caller.verdict);
  if (reply.kind == LoginReply::Kind::logged_in) {
    auto response = see_other(reply.next);
    set_cookie(response, names.secure, names.login, reply.cookie.expose(), std::nullopt);
    set_cookie(response, names.secure, names.form, "", std::chrono::seconds(0));
    return response;
  }
  if (reply.kind == LoginReply::Kind::logged_out) {
    auto response = see_other(kLoginPath);
    set_cookie(response, names.secure, names.login, "", std::chrono::seconds(0));
    response.add("Clear-Site-Data", "\"cache\"");
    return response;
  }
  if (reply.kind == LoginReply::Kind::done) return see_other("/.sallyport/sessions");
  auto response = login_form(exchange, caller, next, reply.text, reply.status);
  if (reply.retry_after > Duration::zero()) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(reply.retry_after);
    response.add("Retry-After", concat(seconds.count()));
  }
  return response;
}

Task<void> OwnPages::handle_login(Exchange& exchange, const Caller& caller) {
  const auto& head = exchange.head();
  if (head.method == Method::post) co_return co_await post_login(exchange, caller);
  Response response = method_refused("GET, POST");
  if (is_read(head)) {
    const auto query = find_in_query(head.target.query_raw, "next");
    const auto wanted = query.count == 1 ? form_decode(query.value_raw) : std::nullopt;
    const auto next = ReturnPath::parse_or_root(wanted.value_or("/"));
    response = is_logged_in(caller.verdict) ? see_other(next.str())
                                            : login_form(exchange, caller, next.str(), "", 200);
  }
  (void)co_await exchange.respond(response);
}

Task<void> OwnPages::post_login(Exchange& exchange, const Caller& caller) {
  auto form = co_await read_form(exchange);
  if (!form) {
    const auto response =
        login_form(exchange, caller, "/", "The form did not arrive whole. Please try again.", 400);
    (void)co_await exchange.respond(response);
    co_return;
  }
  if (field_of(*form, "by") == "tailscale") co_return co_await post_tailnet_login(exchange, caller, *form);
  const std::string next = ReturnPath::parse_or_root(field_of(*form, "next")).str();
  const CookieNames names(caller.verdict);
  SecretText password(form->one("password").value_or(std::string_view()));
  auto attempt =
      parts_.logins.begin(field_of(*form, "user"), std::move(password), field_of(*form, "csrf"), next,
                          caller_of(exchange, caller.verdict, names), parts_.monotonic.now());
  form->wipe();  // the attempt has the password now; the answer may take its time
  if (attempt.refused) {
    // A form from before the person signed in at another tab: what it asked for has happened.
    const bool stale_form = attempt.refused->status == 403 && is_logged_in(caller.verdict);
    const auto response = stale_form ? see_other(next) : reply(exchange, caller, *attempt.refused, next);
    (void)co_await exchange.respond(response);
    co_return;
  }
  auto verify = [&logins = parts_.logins, &attempt] { return logins.verify(attempt); };
  auto verdict = co_await parts_.pool.run(exchange.loop(), std::move(verify));
  if (!verdict) {
    const auto response = busy();
    (void)co_await exchange.respond(response);
    co_return;
  }
  const auto outcome = parts_.logins.finish(std::move(attempt), *verdict, parts_.monotonic.now());
  const auto response = reply(exchange, caller, outcome, next);
  (void)co_await exchange.respond(response);
}

Task<void> OwnPages::post_tailnet_login(Exchange& exchange, const Caller& caller, const FormFields& form) {
  const std::string next = ReturnPath::parse_or_root(field_of(form, "next")).str();
  const std::string field = field_of(form, "csrf");
  Result<ProvenPerson> who = ProvenPerson{};
  if (parts_.tailnet != nullptr) {
    auto judge = [tailnet = parts_.tailnet, facts = exchange.facts()] { return tailnet->judge(facts); };
    who = co_await parts_.pool.run(exchange.loop(), std::move(judge));
  }
  Response response = busy();
  if (who) {
    const CookieNames names(caller.verdict);
    const auto outcome = parts_.logins.log_in_proven(
        *who, field, next, caller_of(exchange, caller.verdict, names), parts_.monotonic.now());
    response = reply(exchange, caller, outcome, next);
  }
  (void)co_await exchange.respond(response);
}

Task<void> OwnPages::handle_link(Exchange& exchange, const Caller& caller) {
  const auto& head = exchange.head();
  const std::string link(head.target.path.substr(kLinkPrefix.size()));
  const CookieNames names(caller.verdict);
  Response response = method_refused("GET, POST");
  if (is_read(head)) {
    const auto seed = parts_.logins.form_for(FormPurpose::link, caller_of(exchange, caller.verdict, names),
                                             parts_.monotonic.now());
    response = page_response(200, render_link(frame_for(caller), concat(kLinkPrefix, link), seed.field));
    if (!seed.new_cookie.empty())
      set_cookie(response, names.secure, names.form, seed.new_cookie, std::nullopt);
  } else if (head.method == Method::post) {
    auto form = co_await read_form(exchange);
    const std::string field = form ? field_of(*form, "csrf") : std::string();
    const auto outcome = parts_.logins.redeem_link(link, field, caller_of(exchange, caller.verdict, names),
                                                   parts_.monotonic.now());
    response = reply(exchange, caller, outcome, "/");
  }
  (void)co_await exchange.respond(response);
}

Task<void> OwnPages::handle_logout(Exchange& exchange, const Caller& caller) {
  Response response = method_refused("POST");
  if (exchange.head().method == Method::post) {
    if (is_logged_in(caller.verdict)) {
      auto form = co_await read_form(exchange);
      const CookieNames names(caller.verdict);
      const std::string field = form ? field_of(*form, "csrf") : std::string();
      exchange.unbind();  // the answer to a logout is not cut by the logout
      const auto outcome = parts_.logins.logout(
          *caller.verdict.grant, field, caller_of(exchange, caller.verdict, names), parts_.monotonic.now());
      response = outcome.kind == LoginReply::Kind::refused ? sign_ins(caller, outcome.text, outcome.status)
                                                           : reply(exchange, caller, outcome, "/");
    } else {
      response = see_other(kLoginPath);
    }
  }
  (void)co_await exchange.respond(response);
}

Response OwnPages::sign_ins(const Caller& caller, std::string_view notice, int status) const {
  const auto now = parts_.monotonic.now();
  const auto wall = parts_.clock.now();
  auto told = [&](MonotonicTime at) {
    std::string text;
    append_utc(text, wall - (now - at));
    return concat(text.substr(0, 10), ' ', text.substr(11, 5), " UTC");
  };
  SignInsPage page;
  page.who = caller.verdict.principal() == nullptr ? "" : caller.verdict.principal()->id;
  page.provider = caller.verdict.principal() == nullptr ? "" : caller.verdict.principal()->provider;
  page.notice = std::string(notice);
  if (status >= 400) page.tone = SignInsPage::Tone::bad;
  if (is_logged_in(caller.verdict)) {
    page.csrf = parts_.logins.account_form_for(*caller.verdict.grant, now);
    for (const auto& login : parts_.logins.own_logins(*caller.verdict.grant, now)) {
      const bool here = login.which == OwnLogin::Which::this_one;
      page.rows.push_back(SignIn{login.fingerprint, told(login.begun), told(login.last_used),
                                 here ? SignIn::Which::this_one : SignIn::Which::other});
    }
  } else if (page.notice.empty()) {
    page.notice = "You are here without a sign-in, so there is nothing to end.";
  }
  return page_response(status, render_sign_ins(frame_for(caller), page));
}

Task<void> OwnPages::handle_sign_ins(Exchange& exchange, const Caller& caller) {
  const auto& head = exchange.head();
  Response response = method_refused("GET, POST");
  if (is_read(head)) {
    response = sign_ins(caller, "", 200);
  } else if (head.method == Method::post && is_logged_in(caller.verdict)) {
    auto form = co_await read_form(exchange);
    const std::string field = form ? field_of(*form, "csrf") : std::string();
    const std::string end = form ? field_of(*form, "end") : std::string();
    const CookieNames names(caller.verdict);
    const auto who = caller_of(exchange, caller.verdict, names);
    const auto now = parts_.monotonic.now();
    exchange.unbind();
    const auto outcome = end == "others" ? parts_.logins.end_others(*caller.verdict.grant, field, who, now)
                                         : parts_.logins.end_one(*caller.verdict.grant, end, field, who, now);
    response = outcome.kind == LoginReply::Kind::refused ? sign_ins(caller, outcome.text, outcome.status)
                                                         : reply(exchange, caller, outcome, "/");
  } else if (head.method == Method::post) {
    response = see_other(kLoginPath);
  }
  (void)co_await exchange.respond(response);
}

Response OwnPages::status_of_caller(const Caller& caller) const {
  nlohmann::ordered_json body{{"authenticated", caller.verdict.principal() != nullptr},
                              {"session", caller.session.view()}};
  if (const Principal* who = caller.verdict.principal()) {
    body["user"] = who->id;
    body["kind"] = name_of(who->kind);
    body["by"] = name_of(caller.verdict.grant->kind);
    body["roles"] = who->roles;
    if (caller.verdict.expires != kNever) {
      const auto left = caller.verdict.expires - parts_.monotonic.now();
      body["expires_in_s"] = std::chrono::duration_cast<std::chrono::seconds>(left).count();
    }
  }
  Response response(200, "application/json",
                    body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  response.add("Cache-Control", "no-store").add("Vary", "Authorization, Cookie");
  return response;
}

/// ticket_session is which session a ticket is wanted for: that of this origin, or, on the gateway's own
/// origin, the one that the body names and its caller may use.
Result<SessionId> OwnPages::ticket_session(const Caller& caller, std::string_view named) const {
  if (!caller.session.empty()) {
    if (named.empty() || named == caller.session.view()) return caller.session;
    return fail(Code::permission_denied, "this origin belongs to another session");
  }
  SessionId wanted{std::string(named)};
  const Principal* who = caller.verdict.principal();
  if (who != nullptr && parts_.may_use && parts_.may_use(*who, wanted)) return wanted;
  return fail(Code::permission_denied, "name a session of yours: {\"session\": \"its-id\", \"path\": ...}");
}

Response OwnPages::ticket_for(const Exchange& exchange, const Caller& caller, const SessionId& session,
                              std::string path) const {
  TicketOrder order;
  order.minter = caller.verdict.grant;
  order.session = session;
  order.path = std::move(path);
  const auto origin = exchange.head().fields.value_of(HeaderId::origin);
  order.origin = origin.empty() ? own_origin(exchange, caller.verdict) : std::string(origin);
  const auto minted = parts_.tickets.mint(order, parts_.monotonic.now());
  if (!minted && minted.error().code == Code::invalid_argument) {
    return problem(400, "bad request",
                   "a ticket needs a sign-in or token of yours, and a path that begins with /");
  }
  if (!minted) {
    return problem(http_status_of(minted.error().code), "refused",
                   "no ticket could be made now; try again later");
  }
  const auto life = std::chrono::duration_cast<std::chrono::seconds>(kTicketLife).count();
  Response response(
      201, "application/json",
      concat("{\"ticket\":", json_text(minted->text.expose()), ",\"expires_in_s\":", life, "}"));
  response.add("Cache-Control", "no-store");
  return response;
}

Task<void> OwnPages::mint_ticket(Exchange& exchange, const Caller& caller) {
  const auto& head = exchange.head();
  Response response = method_refused("POST");
  if (head.method == Method::post && !has_media_type(head, "application/json")) {
    response = problem(415, "unsupported media type", "send application/json");
  } else if (head.method == Method::post) {
    auto body = co_await exchange.read_body(kOwnBodyBytesMax);
    const auto wish = nlohmann::json::parse(body ? *body : std::string(), nullptr, false);
    const bool named = wish.is_object() && wish.contains("path") && wish["path"].is_string();
    const bool odd_session = named && wish.contains("session") && !wish["session"].is_string();
    if (!named) {
      response = problem(400, "bad request", "send {\"path\": \"/the/websocket\"}");
    } else if (odd_session) {
      response = problem(403, "forbidden", "session is the name of one");
    } else {
      const auto session = ticket_session(caller, wish.value("session", std::string()));
      response = session ? ticket_for(exchange, caller, *session, wish["path"].get<std::string>())
                         : problem(403, "forbidden", session.error().what);
    }
  }
  (void)co_await exchange.respond(response);
}

}  // namespace sallyport
