// SPDX-License-Identifier: Apache-2.0
// The gate: the order of its steps, and each credential with everything that is wrong about it.
#include <functional>

#include "tests/unit/authn/gate_fixture.h"

namespace sallyport {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

class GateTest : public GateFixture {};

struct FixedWait final : Throttle {
  Duration answer{};
  int asked = 0;
  Duration wait(const Knock&) override {
    ++asked;
    return answer;
  }
};

struct NobodyMay final : PermissionRule {
  bool permits(const Principal&, const Evidence&) override { return false; }
};

TEST_F(GateTest, nobody_is_nobody) { expect_denied({}, Denial::no_credential, GateStep::credential, 401); }

TEST_F(GateTest, a_default_verdict_is_a_denial) {
  const Verdict verdict;
  EXPECT_FALSE(verdict.allowed());
  EXPECT_EQ(verdict.denial, Denial::unspecified);
  EXPECT_GE(verdict.status, 400);
}

TEST_F(GateTest, the_steps_come_in_one_order_and_the_first_that_fails_decides) {
  // Everything is wrong with this request; each turn mends what was found.
  FixedWait lockout;
  FixedWait rate;
  NobodyMay permissions;
  lockout.answer = seconds(3);
  rate.answer = seconds(4);
  lockout_ = &lockout;
  rate_ = &rate;
  permissions_ = &permissions;
  rules_.networks.deny.push_back(*Cidr::parse("192.0.2.0/24"));
  audit_.refusing = true;

  Asked asked = upgrade_of();
  asked.method = "POST";
  asked.host = "evil.example";
  asked = asked.with("Origin", "http://evil.example");
  expect_denied(asked, Denial::malformed_request, GateStep::target, 400);
  asked.method = "GET";
  expect_denied(asked, Denial::host_not_allowed, GateStep::host, 421);
  asked.host = "127.0.0.1:7070";
  expect_denied(asked, Denial::origin_not_allowed, GateStep::origin, 403);
  asked = upgrade_of().with("Origin", "http://127.0.0.1:7070");
  expect_denied(asked, Denial::network_not_allowed, GateStep::network, 403);
  EXPECT_EQ(lockout.asked, 0);
  rules_.networks.deny.clear();
  expect_denied(asked, Denial::locked_out, GateStep::lockout, 403);
  EXPECT_EQ(admit(asked).retry_after, seconds(3));
  lockout.answer = {};
  EXPECT_EQ(rate.asked, 0);
  expect_denied(asked, Denial::rate_limited, GateStep::rate, 429);
  EXPECT_EQ(admit(asked).retry_after, seconds(4));
  rate.answer = {};
  expect_denied(asked, Denial::no_credential, GateStep::credential, 401);
  asked = asked.with("Authorization", "Bearer " + access_token());
  expect_denied(asked, Denial::not_permitted, GateStep::permission, 403);
  permissions_ = nullptr;
  expect_denied(asked, Denial::store_unavailable, GateStep::audit, 503);
  audit_.refusing = false;
  EXPECT_TRUE(admit(asked).allowed());
}

TEST_F(GateTest, AT_03_an_access_token_admits_until_it_expires_or_is_removed) {
  const std::string text = access_token(clock_.now() + hours(1));
  const Asked asked = Asked{}.with("Authorization", "bEaReR   " + text);
  const Verdict verdict = admit(asked);
  ASSERT_TRUE(verdict.allowed());
  EXPECT_EQ(verdict.principal()->id, "robot");
  EXPECT_TRUE(verdict.credential().matches(read_token(text)->digest));
  EXPECT_EQ(verdict.expires, clock_.now() + hours(1));
  clock_.advance(hours(1));
  expect_denied(asked, Denial::expired, GateStep::credential, 401);
  store_.remove(read_token(text)->digest);
  expect_denied(asked, Denial::unknown_credential, GateStep::credential, 401);
}

TEST_F(GateTest, AT_03_every_path_but_the_public_ones_is_protected) {
  for (const char* open : {"/health", "/health?x=1", "/.sallyport/login", "/.sallyport/login?next=/a",
                           "/.sallyport/link/abc", "/.sallyport/style.css"}) {
    Asked asked;
    asked.target = open;
    EXPECT_EQ(admit(asked).kind, Verdict::Kind::anonymous) << open;
  }
  for (const char* closed :
       {"/", "/healthy", "/health/", "/health/x", "/HEALTH", "//health", "/x/health", "/.sallyport",
        "/.sallyport/", "/.sallyport/loginx", "/.sallyport/logout", "/.sallyport/sessions",
        "/.sallyport/links", "/?/health", "/x?y=/.sallyport/login"}) {
    Asked asked;
    asked.target = closed;
    EXPECT_FALSE(admit(asked).allowed()) << closed;
  }
}

TEST_F(GateTest, AT_03_a_public_path_is_for_reading_only_and_never_for_upgrades) {
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PURGE"}) {
    Asked asked;
    asked.target = "/health";
    asked.method = method;
    EXPECT_FALSE(admit(asked).allowed()) << method;
  }
  Asked head;
  head.target = "/health";
  head.method = "HEAD";
  EXPECT_TRUE(admit(head).allowed());
  EXPECT_FALSE(admit(upgrade_of("/health").with("Origin", "http://127.0.0.1:7070")).allowed());
  EXPECT_FALSE(admit(upgrade_of("/.sallyport/login").with("Origin", "http://127.0.0.1:7070")).allowed());
}

TEST_F(GateTest, a_public_path_still_needs_our_host_and_hands_on_no_identity) {
  Asked asked;
  asked.target = "/health";
  asked = asked.with("Authorization", "Bearer spa_wrong");
  const Verdict verdict = admit(asked);
  EXPECT_EQ(verdict.kind, Verdict::Kind::anonymous);
  EXPECT_EQ(verdict.principal(), nullptr);
  asked.host = "evil.example";
  EXPECT_EQ(admit(asked).status, 421);
}

TEST_F(GateTest, AT_05_WT_09_unminted_empty_and_wrong_values_are_refused) {
  const std::string good = access_token();
  std::string flipped = good;
  flipped.back() = flipped.back() == 'A' ? 'Q' : 'A';
  struct Row {
    std::string value;
    Denial denial;
  };
  const Row rows[] = {{"Bearer spa_", Denial::malformed_credential},
                      {"Bearer " + good + "x", Denial::malformed_credential},
                      {"Bearer " + good.substr(0, good.size() - 1), Denial::malformed_credential},
                      {"Bearer sps_" + good.substr(4), Denial::unknown_credential},
                      {"Bearer spb_" + good.substr(4), Denial::wrong_kind},
                      {"Bearer spt_" + good.substr(4), Denial::wrong_kind},
                      {"Bearer spl_" + good.substr(4), Denial::wrong_kind},
                      {"Bearer spc_" + good.substr(4), Denial::wrong_kind},
                      {"Bearer spz_" + good.substr(4), Denial::unknown_credential},
                      {"Bearer " + good.substr(4), Denial::unknown_credential},
                      {"Bearer", Denial::unknown_credential},
                      {"Bearer " + good + " " + good, Denial::unknown_credential},
                      {"Basic " + good, Denial::unknown_credential},
                      {good, Denial::unknown_credential},
                      {"", Denial::unknown_credential}};
  for (const auto& row : rows) {
    SCOPED_TRACE(row.value.substr(0, 14));
    expect_denied(Asked{}.with("Authorization", row.value), row.denial, GateStep::credential, 401);
  }
  EXPECT_FALSE(admit(Asked{}.with("Authorization", "Bearer " + flipped)).allowed());
  EXPECT_TRUE(admit(Asked{}.with("Authorization", "Bearer " + good)).allowed());
}

TEST_F(GateTest, a_session_token_opens_its_own_session_only) {
  const std::string text = session_token(SessionId(std::string("demo")));
  for (const char* name : {"X-Session-Token", "Authorization"}) {
    const std::string value = std::string_view(name) == "Authorization" ? "Bearer " + text : text;
    EXPECT_TRUE(admit(Asked{}.with(name, value)).allowed());
    Asked other = Asked{}.with(name, value);
    other.session = SessionId(std::string("other"));
    expect_denied(other, Denial::wrong_session, GateStep::credential, 401);
    other.session = SessionId();
    other.door = Door::admin;
    expect_denied(other, Denial::wrong_session, GateStep::credential, 401);
  }
}

TEST_F(GateTest, the_session_header_takes_session_tokens_and_nothing_else) {
  expect_denied(Asked{}.with("X-Session-Token", access_token()), Denial::wrong_kind, GateStep::credential,
                401);
  expect_denied(Asked{}.with("X-Session-Token", login()), Denial::wrong_kind, GateStep::credential, 401);
  expect_denied(Asked{}.with("X-Session-Token", ""), Denial::malformed_credential, GateStep::credential, 401);
  expect_denied(Asked{}.with("X-Session-Token", "hello"), Denial::malformed_credential, GateStep::credential,
                401);
}

TEST_F(GateTest, the_inner_credential_does_not_open_the_outer_door) {
  const Minted backend = mint(CredentialKind::backend_credential, entropy_);
  Grant grant;
  grant.kind = CredentialKind::backend_credential;
  grant.digest = backend.digest;
  grant.principal = principal_of("backend");
  grant.expires = kNever;
  ASSERT_TRUE(store_.put(std::move(grant)));
  const std::string text(backend.text.expose());
  EXPECT_FALSE(admit(Asked{}.with("Authorization", "Bearer " + text)).allowed());
  EXPECT_FALSE(admit(Asked{}.with("X-Session-Token", text)).allowed());
  EXPECT_FALSE(admit(Asked{}.with("Cookie", cookie(text))).allowed());
  EXPECT_FALSE(admit(upgrade_of("/ws?ticket=" + text).with("Origin", "http://127.0.0.1:7070")).allowed());
}

TEST_F(GateTest, WT_08_the_internal_credential_opens_named_endpoints_on_loopback_only) {
  const auto minted = internals_.mint_for(SessionId(std::string("demo")), {"/api/events"}, clock_.now());
  ASSERT_TRUE(minted);
  const std::string text(minted->text.expose());
  Asked asked = Asked{}.with("Authorization", "Bearer " + text);
  asked.peer = "127.0.0.1";
  asked.target = "/api/events?x=1";
  const Verdict verdict = admit(asked);
  ASSERT_TRUE(verdict.allowed());
  EXPECT_EQ(verdict.principal()->id, kInternalPrincipalId);
  EXPECT_EQ(audit_.events().back().who, kInternalPrincipalId);
  asked.target = "/api/events/more";
  expect_denied(asked, Denial::wrong_path, GateStep::credential, 401);
  asked.target = "/api/events";
  Asked tunnelled = asked.with("X-Forwarded-For", "203.0.113.5");
  expect_denied(tunnelled, Denial::network_not_allowed, GateStep::credential, 403);
  listener_.fronting = Fronting::proxied;
  expect_denied(asked, Denial::network_not_allowed, GateStep::credential, 403);
  listener_.fronting = Fronting::direct;
  asked.peer = "192.0.2.7";
  expect_denied(asked, Denial::network_not_allowed, GateStep::credential, 403);
  asked.peer = "127.0.0.1";
  internals_.revoke(SessionId(std::string("demo")));
  expect_denied(asked, Denial::unknown_credential, GateStep::credential, 401);
}

TEST_F(GateTest, AT_10_a_login_cookie_admits_and_a_second_one_of_a_sibling_does_no_harm) {
  const std::string mine = login();
  EXPECT_EQ(admit(Asked{}.with("Cookie", cookie(mine))).principal()->id, "alice");
  const std::string tossed = cookie("spc_" + std::string(43, 'A'));
  EXPECT_TRUE(admit(Asked{}.with("Cookie", concat("a=b; ", tossed, "; ", cookie(mine), "; c=d"))).allowed());
  EXPECT_TRUE(
      admit(Asked{}.with("Cookie", concat(cookie(""), "; ", cookie("x"), "; ", tossed, "; ", cookie(mine))))
          .allowed());
  EXPECT_FALSE(admit(Asked{}.with("Cookie", concat(tossed, "; ", tossed, "; ", tossed, "; ", tossed, "; ",
                                                   cookie(mine))))
                   .allowed());
  EXPECT_FALSE(admit(Asked{}.with("Cookie", concat("sallyport-8080=", mine))).allowed());
  EXPECT_FALSE(admit(Asked{}.with("Cookie", concat("Sallyport-7070=", mine))).allowed());
  EXPECT_FALSE(admit(Asked{}.with("Cookie", cookie(access_token()))).allowed());
  clock_.advance(hours(24 * 8));
  expect_denied(Asked{}.with("Cookie", cookie(mine)), Denial::expired, GateStep::credential, 401);
}

TEST_F(GateTest, AT_10_a_login_opens_no_door_but_by_cookie) {
  const std::string mine = login();
  EXPECT_FALSE(admit(Asked{}.with("Authorization", "Bearer " + mine)).allowed());
  EXPECT_FALSE(admit(upgrade_of("/ws?ticket=" + mine).with("Origin", "http://127.0.0.1:7070")).allowed());
}

TEST_F(GateTest, AT_10_a_login_counts_under_the_name_of_its_hosts_scheme_and_port_only) {
  rules_.hosts.add(*HostPort::parse("secure.example"), Scheme::https);
  rules_.hosts.add(*HostPort::parse("secure.example:8443"), Scheme::https);
  rules_.session_domains.push_back(*SessionDomain::make({Scheme::https, 443}, "tools.example"));
  const std::string mine = login();
  const std::vector<std::pair<std::string_view, std::string_view>> homes{
      {"tool.example:7070", "sallyport-7070"},
      {"secure.example", "__Host-sallyport"},
      {"secure.example:8443", "__Host-sallyport-8443"},
      {"demo.tools.example", "__Host-sallyport"}};
  for (const auto& [host, own] : homes) {
    for (const std::string_view name :
         {"sallyport-7070", "sallyport-443", "sallyport-8443", "sallyport-80", "__Host-sallyport",
          "__Host-sallyport-443", "__Host-sallyport-7070", "__Host-sallyport-8443", "__host-sallyport"}) {
      Asked asked = Asked{}.with("Cookie", concat(name, "=", mine));
      asked.host = host;
      EXPECT_EQ(admit(asked).allowed(), name == own) << name << " at " << host;
    }
  }
}

TEST_F(GateTest, AT_10_the_word_of_a_proxy_does_not_change_which_cookie_counts) {
  rules_.hosts.add(*HostPort::parse("secure.example"), Scheme::https);
  Asked asked = Asked{}.with("Cookie", concat("sallyport-80=", login())).with("X-Forwarded-Proto", "http");
  asked.host = "secure.example";
  EXPECT_FALSE(admit(asked).allowed());
}

TEST_F(GateTest, two_credentials_sent_on_purpose_are_refused) {
  const std::string access = access_token();
  const std::string token = session_token(SessionId(std::string("demo")));
  const std::string spent = ticket(access);
  const Asked both = Asked{}.with("Authorization", "Bearer " + access).with("X-Session-Token", token);
  expect_denied(both, Denial::several_credentials, GateStep::credential, 400);
  const Asked upgrade = upgrade_of("/ws?ticket=" + spent).with("Origin", "http://127.0.0.1:7070");
  expect_denied(upgrade.with("Sec-WebSocket-Protocol", "chat, sallyport.ticket." + spent),
                Denial::several_credentials, GateStep::credential, 400);
  expect_denied(upgrade.with("Authorization", "Bearer " + access), Denial::several_credentials,
                GateStep::credential, 400);
  expect_denied(upgrade_of("/ws?ticket=" + spent + "&tick%65t=x").with("Origin", "http://127.0.0.1:7070"),
                Denial::several_credentials, GateStep::credential, 400);
  Asked open = both;
  open.target = "/health";
  EXPECT_EQ(admit(open).status, 400);
  EXPECT_TRUE(admit(upgrade).allowed()) << "none of the above spent the ticket";
}

TEST_F(GateTest, what_was_sent_on_purpose_decides_alone) {
  const Asked good_cookie = Asked{}.with("Cookie", cookie(login()));
  EXPECT_EQ(admit(good_cookie.with("Authorization", "Bearer " + access_token())).principal()->id, "robot");
  expect_denied(good_cookie.with("Authorization", "Bearer spa_" + std::string(43, 'A')),
                Denial::unknown_credential, GateStep::credential, 401);
  expect_denied(local_asked().with("Authorization", "Bearer spa_short"), Denial::malformed_credential,
                GateStep::credential, 401);
  EXPECT_EQ(lookups_, 0);
}

TEST_F(GateTest, an_authorization_of_the_tool_takes_nothing_from_our_cookie) {
  const Asked good_cookie = Asked{}.with("Cookie", cookie(login()));
  for (const char* theirs : {"Basic YTpi", "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x", "token abc", "Digest x=y"}) {
    EXPECT_EQ(admit(good_cookie.with("Authorization", theirs)).principal()->id, "alice") << theirs;
    EXPECT_EQ(admit(local_asked().with("Authorization", theirs)).principal()->id, "owner") << theirs;
    expect_denied(Asked{}.with("Authorization", theirs), Denial::unknown_credential, GateStep::credential,
                  401);
  }
}

TEST_F(GateTest, the_configured_order_and_set_of_credentials_holds) {
  rules_.presentations = {Presentation::explicit_token};
  EXPECT_FALSE(admit(Asked{}.with("Cookie", cookie(login()))).allowed());
  EXPECT_FALSE(admit(local_asked()).allowed());
  EXPECT_TRUE(admit(Asked{}.with("Authorization", "Bearer " + access_token())).allowed());
  rules_.presentations = {Presentation::local_peer, Presentation::login_cookie};
  EXPECT_EQ(admit(local_asked().with("Cookie", cookie(login()))).principal()->id, "owner");
  rules_.presentations = {};
  EXPECT_FALSE(admit(local_asked()).allowed());
}

TEST_F(GateTest, insecurely_no_auth_lets_everybody_in_but_no_foreign_page) {
  rules_.authentication = Authentication::off;
  EXPECT_EQ(admit({}).kind, Verdict::Kind::anonymous);
  EXPECT_FALSE(admit(Asked{}.with("Origin", "http://evil.example")).allowed());
  EXPECT_FALSE(admit(upgrade_of().with("Origin", "http://evil.example")).allowed());
  Asked rebound;
  rebound.host = "evil.example";
  EXPECT_EQ(admit(rebound).status, 421);
}

TEST_F(GateTest, methods_that_are_no_business_of_a_gate_are_refused) {
  Asked asterisk;
  asterisk.method = "OPTIONS";
  asterisk.target = "*";
  expect_denied(asterisk.with("Authorization", "Bearer " + access_token()), Denial::malformed_request,
                GateStep::target, 400);
  Asked door = Asked{}.with("Authorization", "Bearer " + access_token());
  door.door = Door::websocket;
  expect_denied(door, Denial::malformed_request, GateStep::target, 400);
}

TEST_F(GateTest, admissions_are_recorded_once_a_minute_and_denials_always) {
  const Gate gate = make_gate();
  const Asked asked = Asked{}.with("Authorization", "Bearer " + access_token());
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(admit(gate, asked).allowed());
  EXPECT_EQ(audit_.events().size(), 1U);
  EXPECT_EQ(audit_.events()[0].who, "robot");
  clock_.advance(seconds(60));
  EXPECT_TRUE(admit(gate, asked).allowed());
  EXPECT_EQ(audit_.events().size(), 2U);
  Asked elsewhere = asked;
  elsewhere.peer = "192.0.2.8";
  EXPECT_TRUE(admit(gate, elsewhere).allowed());
  EXPECT_EQ(audit_.events().size(), 3U);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(admit(gate, {}).allowed());
  EXPECT_EQ(audit_.events().size(), 8U);
  const Asked upgrade = upgrade_of().with("Authorization", "Bearer " + access_token());
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(admit(gate, upgrade).allowed());
  EXPECT_EQ(audit_.events().size(), 11U);
}

TEST_F(GateTest, the_audit_log_names_whose_credential_failed_and_never_shows_it) {
  const std::string text = access_token(clock_.now());
  Asked asked = Asked{}.with("Authorization", "Bearer " + text);
  asked.target = "/a?ticket=" + text;
  EXPECT_FALSE(admit(asked).allowed());
  const auto event = audit_.events().back();
  EXPECT_EQ(event.who, "robot");
  EXPECT_EQ(event.denial, Denial::expired);
  EXPECT_EQ(event.line.find(text.substr(4, 8)), std::string::npos);
  EXPECT_EQ(event.line.find('?'), std::string::npos);
}

TEST_F(GateTest, what_does_not_parse_is_recorded) {
  facts_.peer = SocketAddress::tcp(*IpAddress::parse("192.0.2.9"), 1);
  make_gate().record_refused(Door::http, facts_, ParseFault::length_and_coding, "r9");
  const auto event = audit_.events().back();
  EXPECT_EQ(event.denial, Denial::malformed_request);
  EXPECT_EQ(event.status, 400);
  EXPECT_EQ(event.detail, name_of(ParseFault::length_and_coding));
}

TEST_F(GateTest, SG_08_behind_a_trusted_proxy_the_rightmost_untrusted_address_counts) {
  rules_.trusted_proxies.push_back(*Cidr::parse("192.0.2.7"));
  rules_.networks.allow.push_back(*Cidr::parse("203.0.113.0/24"));
  const Asked asked = Asked{}.with("Authorization", "Bearer " + access_token());
  EXPECT_EQ(admit(asked.with("X-Forwarded-For", "203.0.113.5")).client, *IpAddress::parse("203.0.113.5"));
  EXPECT_TRUE(admit(asked.with("X-Forwarded-For", "198.51.100.1, 203.0.113.5")).allowed());
  expect_denied(asked.with("X-Forwarded-For", "203.0.113.5, 198.51.100.1"), Denial::network_not_allowed,
                GateStep::network, 403);
  expect_denied(asked.with("X-Forwarded-For", "203.0.113.5, what"), Denial::malformed_request,
                GateStep::network, 400);
  Asked forged = asked.with("X-Forwarded-For", "203.0.113.5");
  forged.peer = "192.0.2.8";
  expect_denied(forged, Denial::network_not_allowed, GateStep::network, 403);
}

}  // namespace
}  // namespace sallyport
