// SPDX-License-Identifier: Apache-2.0
// What a browser may be made to send: Host, Origin, Sec-Fetch-*, local trust, tickets; and the property that
// nothing but a valid credential yields allow.
#include <functional>
#include <random>

#include "tests/unit/authn/gate_fixture.h"

namespace sallyport {
namespace {

using std::chrono::seconds;

constexpr const char* kOurOrigin = "http://127.0.0.1:7070";

class BrowserTest : public GateFixture {};

TEST_F(BrowserTest, BY_04_a_host_that_is_not_ours_is_refused_on_every_door) {
  const std::string token = "Bearer " + access_token();
  for (const Door door : {Door::http, Door::websocket, Door::admin, Door::library}) {
    for (const char* host :
         {"evil.example", "evil.example:7070", "127.0.0.1", "127.0.0.1:7071", "localhost.evil.example:7070",
          "localhost.:7070", "[::1]:7070", "0.0.0.0:7070", "2130706433:7070", "127.1:7070"}) {
      Asked asked = door == Door::websocket ? upgrade_of() : Asked{};
      asked.door = door;
      asked.host = host;
      expect_denied(asked.with("Authorization", token), Denial::host_not_allowed, GateStep::host, 421);
    }
    Asked asked = door == Door::websocket ? upgrade_of() : Asked{};
    asked.door = door;
    asked.host = "LOCALHOST:7070";
    EXPECT_TRUE(admit(asked.with("Authorization", token)).allowed());
  }
}

TEST_F(BrowserTest, BY_04_a_foreign_page_cannot_use_what_a_browser_sends_by_itself) {
  const Asked rows[] = {Asked{}.with("Cookie", cookie(login())), local_asked()};
  for (const Asked& ambient : rows) {
    EXPECT_TRUE(admit(ambient).allowed());
    for (const char* method : {"GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"}) {
      Asked asked = ambient;
      asked.method = method;
      for (const char* origin :
           {"http://evil.example", "null", "https://127.0.0.1:7070", "http://127.0.0.1:7071",
            "http://127.0.0.1", "file://", "http://127.0.0.1:7070.evil.example", "http://127.0.0.1:7070/",
            "http://x@127.0.0.1:7070", ""}) {
        expect_denied(asked.with("Origin", origin), Denial::origin_not_allowed, GateStep::origin, 403);
      }
      EXPECT_TRUE(admit(asked.with("Origin", kOurOrigin)).allowed()) << method;
      for (const char* site : {"cross-site", "same-site", "nonsense"}) {
        expect_denied(asked.with("Sec-Fetch-Site", site).with("Sec-Fetch-Mode", "no-cors"),
                      Denial::sec_fetch_not_allowed, GateStep::origin, 403);
        expect_denied(asked.with("Sec-Fetch-Site", site).with("Sec-Fetch-Mode", "cors"),
                      Denial::sec_fetch_not_allowed, GateStep::origin, 403);
      }
      EXPECT_TRUE(
          admit(asked.with("Sec-Fetch-Site", "same-origin").with("Sec-Fetch-Mode", "cors")).allowed());
      EXPECT_TRUE(admit(asked.with("Sec-Fetch-Site", "none").with("Sec-Fetch-Mode", "navigate")).allowed());
    }
  }
}

TEST_F(BrowserTest, BY_04_a_link_from_elsewhere_may_lead_here_with_a_cookie_but_not_by_local_trust) {
  const auto followed = [](Asked asked) {
    return asked.with("Sec-Fetch-Site", "cross-site")
        .with("Sec-Fetch-Mode", "navigate")
        .with("Sec-Fetch-Dest", "document");
  };
  Asked with_cookie = Asked{}.with("Cookie", cookie(login()));
  EXPECT_TRUE(admit(followed(with_cookie)).allowed());
  const Verdict verdict = admit(followed(local_asked()));
  EXPECT_FALSE(verdict.allowed());
  EXPECT_EQ(verdict.local_trust, LocalTrustMiss::cross_site);
  with_cookie.method = "POST";
  EXPECT_EQ(admit(followed(with_cookie)).status, 403);
}

TEST_F(BrowserTest, a_token_sent_on_purpose_may_come_from_any_page_but_not_upgrade_from_there) {
  const std::string token = "Bearer " + access_token();
  EXPECT_TRUE(admit(Asked{}.with("Authorization", token).with("Origin", "http://evil.example")).allowed());
  expect_denied(upgrade_of().with("Authorization", token).with("Origin", "http://evil.example"),
                Denial::origin_not_allowed, GateStep::origin, 403);
}

TEST_F(BrowserTest, AT_06_upgrades_pass_the_same_gate) {
  const std::string token = "Bearer " + access_token();
  EXPECT_TRUE(admit(upgrade_of().with("Authorization", token)).allowed());
  EXPECT_TRUE(admit(upgrade_of().with("Cookie", cookie(login())).with("Origin", kOurOrigin)).allowed());
  expect_denied(upgrade_of().with("Cookie", cookie(login())), Denial::origin_not_allowed, GateStep::origin,
                403);
  expect_denied(upgrade_of().with("Origin", kOurOrigin), Denial::no_credential, GateStep::credential, 401);
  expect_denied(upgrade_of(), Denial::no_credential, GateStep::credential, 401);
  for (const char* origin : {"null", "http://evil.example", "http://localhost", "ws://127.0.0.1:7070", ""}) {
    expect_denied(upgrade_of().with("Cookie", cookie(login())).with("Origin", origin),
                  Denial::origin_not_allowed, GateStep::origin, 403);
  }
}

TEST_F(BrowserTest, AT_06_an_upgrade_at_the_http_door_is_judged_as_an_upgrade) {
  Asked asked = upgrade_of().with("Cookie", cookie(login()));
  asked.door = Door::http;
  expect_denied(asked, Denial::origin_not_allowed, GateStep::origin, 403);
}

TEST_F(BrowserTest, AT_06_local_trust_upgrades_need_our_origin) {
  Asked asked = upgrade_of();
  asked.peer = "127.0.0.1";
  asked.uid = kOwnUid;
  EXPECT_EQ(admit(asked).local_trust, LocalTrustMiss::foreign_origin);
  EXPECT_EQ(admit(asked).status, 401);
  EXPECT_TRUE(admit(asked.with("Origin", "http://localhost:7070")).allowed());
}

TEST_F(BrowserTest, AT_01_local_trust_needs_every_condition) {
  EXPECT_EQ(admit(local_asked()).principal()->id, "owner");
  EXPECT_EQ(admit(local_asked()).expires, kNever);
  struct Row {
    LocalTrustMiss miss;
    std::function<void(Asked&)> spoil;
  };
  const auto add = [](const char* name, const char* value) {
    return [name, value](Asked& asked) { asked = asked.with(name, value); };
  };
  const Row rows[] = {
      {LocalTrustMiss::switched_off, [this](Asked&) { listener_.local_trust = LocalTrust::off; }},
      {LocalTrustMiss::switched_off, [this](Asked&) { rules_.local_principal = nullptr; }},
      {LocalTrustMiss::behind_proxy, [this](Asked&) { listener_.fronting = Fronting::proxied; }},
      {LocalTrustMiss::behind_proxy,
       [this](Asked&) { rules_.trusted_proxies.push_back(*Cidr::parse("10.0.0.0/8")); }},
      {LocalTrustMiss::public_listener, [this](Asked&) { listener_.reach = Reach::network; }},
      {LocalTrustMiss::public_listener, [this](Asked&) { listener_.reach = Reach::private_socket; }},
      {LocalTrustMiss::peer_elsewhere, [](Asked& asked) { asked.peer = "192.0.2.7"; }},
      {LocalTrustMiss::peer_elsewhere, [](Asked& asked) { asked.local = "192.0.2.1"; }},
      {LocalTrustMiss::foreign_host, [](Asked& asked) { asked.host = "tool.example:7070"; }},
      {LocalTrustMiss::forwarded, add("Forwarded", "for=1.2.3.4")},
      {LocalTrustMiss::forwarded, add("X-Forwarded-For", "1.2.3.4")},
      {LocalTrustMiss::forwarded, add("X_Forwarded_For", "1.2.3.4")},
      {LocalTrustMiss::forwarded, add("X-Forwarded-Anything", "1")},
      {LocalTrustMiss::forwarded, add("X-Real-IP", "1.2.3.4")},
      {LocalTrustMiss::forwarded, add("Via", "1.1 tunnel")},
      {LocalTrustMiss::forwarded, add("Tailscale-User-Login", "a@b")},
      {LocalTrustMiss::forwarded, add("CF-Connecting-IP", "1.2.3.4")},
      {LocalTrustMiss::cross_site,
       [](Asked& asked) {
         asked = asked.with("Sec-Fetch-Site", "same-site")
                     .with("Sec-Fetch-Mode", "navigate")
                     .with("Sec-Fetch-Dest", "document");
       }},
      {LocalTrustMiss::foreign_origin, add("Origin", "http://tool.example:7070")},
      {LocalTrustMiss::unknown_peer, [](Asked& asked) { asked.uid.reset(); }},
      {LocalTrustMiss::foreign_uid, [](Asked& asked) { asked.uid = kOwnUid + 1; }},
      {LocalTrustMiss::foreign_uid, [](Asked& asked) { asked.uid = 0; }},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(name_of(row.miss));
    const GateRules rules = rules_;
    const ListenerTraits listener = listener_;
    Asked asked = local_asked();
    row.spoil(asked);
    lookups_ = 0;
    const Verdict verdict = admit(asked);
    EXPECT_FALSE(verdict.allowed());
    EXPECT_EQ(verdict.status, 401) << "the ordinary login";
    EXPECT_EQ(name_of(verdict.local_trust), name_of(row.miss));
    const bool needs_kernel =
        row.miss == LocalTrustMiss::unknown_peer || row.miss == LocalTrustMiss::foreign_uid;
    EXPECT_EQ(lookups_, needs_kernel ? 1 : 0) << "the kernel is asked last";
    if (row.miss != LocalTrustMiss::switched_off) {
      EXPECT_EQ(audit_.events().back().detail, name_of(row.miss));
    }
    rules_ = rules;
    listener_ = listener;
  }
}

TEST_F(BrowserTest, AT_01_mapped_and_other_loopback_addresses_count_as_what_they_are) {
  Asked asked = local_asked();
  asked.peer = "::ffff:127.0.0.1";
  EXPECT_TRUE(admit(asked).allowed());
  asked.peer = "127.8.9.10";
  EXPECT_TRUE(admit(asked).allowed());
  asked.peer = "::ffff:192.0.2.7";
  EXPECT_FALSE(admit(asked).allowed());
}

TEST_F(BrowserTest, AT_01_a_stale_cookie_does_not_lock_out_the_local_user) {
  EXPECT_EQ(admit(local_asked().with("Cookie", cookie("spc_" + std::string(43, 'A')))).principal()->id,
            "owner");
}

TEST_F(BrowserTest, AT_01_a_unix_peer_is_trusted_on_the_admin_door_only) {
  unix_peer_ = true;
  listener_.reach = Reach::private_socket;
  Asked asked = local_asked();
  asked.host = "localhost:7070";
  EXPECT_FALSE(admit(asked).allowed()) << "a front proxy of the same user would bring strangers";
  asked.door = Door::admin;
  EXPECT_TRUE(admit(asked).allowed());
  asked.uid = 0;
  EXPECT_TRUE(admit(asked).allowed());
  asked.uid = kOwnUid + 1;
  EXPECT_EQ(admit(asked).local_trust, LocalTrustMiss::foreign_uid);
  asked.uid = kOwnUid;
  EXPECT_EQ(admit(asked.with("Origin", "http://localhost:7070")).local_trust, LocalTrustMiss::foreign_origin);
  EXPECT_EQ(admit(asked.with("Via", "1.1 x")).local_trust, LocalTrustMiss::forwarded);
}

class TicketTest : public GateFixture {
 protected:
  std::string minter_ = login();
  Asked by_query(const std::string& text) {
    return upgrade_of("/ws?a=b&ticket=" + text).with("Origin", kOurOrigin);
  }
  Asked by_protocol(const std::string& text) {
    return upgrade_of()
        .with("Origin", kOurOrigin)
        .with("Sec-WebSocket-Protocol", "chat, sallyport.ticket." + text);
  }
};

TEST_F(TicketTest, WT_03_a_ticket_comes_by_query_or_subprotocol_and_once) {
  for (const bool query : {true, false}) {
    const std::string text = ticket(minter_);
    const Asked asked = query ? by_query(text) : by_protocol(text);
    EXPECT_EQ(admit(asked).principal()->id, "alice");
    expect_denied(asked, Denial::already_used, GateStep::credential, 401);
    for (const auto& event : audit_.events()) EXPECT_EQ(event.line.find(text.substr(4)), std::string::npos);
  }
}

TEST_F(TicketTest, WT_03_beside_a_ticket_the_cookie_of_the_page_does_not_count) {
  const std::string text = ticket(minter_);
  EXPECT_TRUE(admit(by_protocol(text).with("Cookie", cookie(minter_))).allowed());
  expect_denied(by_protocol(text).with("Cookie", cookie(minter_)), Denial::already_used, GateStep::credential,
                401);
}

TEST_F(TicketTest, WT_03_a_parameter_named_ticket_is_the_tools_own_outside_upgrades) {
  Asked asked;
  asked.target = "/?ticket=" + ticket(minter_);
  expect_denied(asked, Denial::no_credential, GateStep::credential, 401);
  EXPECT_TRUE(admit(asked.with("Cookie", cookie(minter_))).allowed());
}

TEST_F(TicketTest, WT_04_a_ticket_is_bound_to_session_path_and_origin_and_spent_in_the_wrong_place) {
  struct Row {
    Denial denial;
    std::function<void(Asked&)> spoil;
  };
  const Row rows[] = {
      {Denial::wrong_session, [](Asked& asked) { asked.session = SessionId(std::string("other")); }},
      {Denial::wrong_path, [](Asked& asked) { asked.target = "/other" + asked.target.substr(3); }},
      {Denial::wrong_origin, [](Asked& asked) {
         asked.fields.replace(asked.fields.find(kOurOrigin), std::string_view(kOurOrigin).size(),
                              "http://localhost:7070");
       }}};
  for (const auto& row : rows) {
    const std::string text = ticket(minter_);
    Asked asked = by_query(text);
    row.spoil(asked);
    expect_denied(asked, row.denial, GateStep::credential, 401);
    expect_denied(by_query(text), Denial::already_used, GateStep::credential, 401);
  }
}

TEST_F(TicketTest, WT_06_unknown_expired_and_used_tickets_look_alike_outside_and_differ_in_the_log) {
  const std::string used = ticket(minter_);
  EXPECT_TRUE(admit(by_query(used)).allowed());
  const std::string old = ticket(minter_);
  clock_.advance(seconds(30));
  const std::pair<std::string, Denial> rows[] = {{used, Denial::already_used},
                                                 {old, Denial::expired},
                                                 {"spt_" + std::string(43, 'A'), Denial::unknown_credential},
                                                 {"spt_x", Denial::malformed_credential},
                                                 {"", Denial::malformed_credential}};
  for (const auto& [text, denial] : rows) expect_denied(by_query(text), denial, GateStep::credential, 401);
}

TEST_F(TicketTest, WT_05_a_connection_by_ticket_is_bound_to_the_login_behind_it) {
  const Verdict verdict = admit(by_query(ticket(minter_)));
  ASSERT_TRUE(verdict.allowed());
  EXPECT_TRUE(verdict.credential().matches(read_token(minter_)->digest));
  EXPECT_EQ(verdict.expires, store_.find(read_token(minter_)->digest)->expires);
  EXPECT_EQ(audit_.events().back().how, CredentialKind::ticket);
}

TEST_F(TicketTest, a_ticket_dies_with_its_login) {
  const std::string text = ticket(minter_);
  store_.remove_family(read_token(minter_)->digest);
  EXPECT_FALSE(admit(by_query(text)).allowed());
}

TEST_F(TicketTest, a_local_peer_can_mint_and_use_a_ticket) {
  const Verdict local = admit(local_asked());
  ASSERT_TRUE(local.allowed());
  const auto minted =
      tickets_.mint({local.grant, SessionId(std::string("demo")), "/ws", kOurOrigin}, clock_.now());
  ASSERT_TRUE(minted);
  const Verdict verdict = admit(by_query(std::string(minted->text.expose())));
  ASSERT_TRUE(verdict.allowed());
  EXPECT_EQ(verdict.principal()->id, "owner");
  EXPECT_EQ(verdict.expires, kNever);
}

/// Nothing but a valid credential yields allow: requests are put together at random from good and bad pieces;
/// whoever is let in must have sent, by construction, a valid piece, or be on a public path.
TEST_F(BrowserTest, AT_06_nothing_but_a_valid_credential_yields_allow) {
  const std::uint32_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const auto chance = [&random](int percent) { return static_cast<int>(random() % 100) < percent; };
  const std::string access = access_token();
  const std::string token = session_token(SessionId(std::string("demo")));
  const std::string mine = login();
  const std::string expired = access_token(clock_.now());
  const auto internal = internals_.mint_for(SessionId(std::string("demo")), {"/api"}, clock_.now());
  const Minted inner_door = mint(CredentialKind::backend_credential, entropy_);
  const std::string backend(inner_door.text.expose());
  const std::string inner(internal->text.expose());
  const std::string bad[] = {"",
                             "x",
                             expired,
                             backend,
                             "spa_" + std::string(43, 'A'),
                             "spz_" + std::string(43, 'A'),
                             access.substr(1),
                             access + "A",
                             "Bearer"};
  int allowed = 0;
  for (int i = 0; i < 20'000; ++i) {
    Asked asked = chance(30) ? upgrade_of() : Asked{};
    const char* targets[] = {"/", "/ws", "/health", "/api", "/.sallyport/login", "/.sallyport/logout"};
    asked.target = targets[random() % 6];
    const char* hosts[] = {"127.0.0.1:7070", "127.0.0.1:7070", "127.0.0.1:7070", "tool.example:7070",
                           "evil.example"};
    asked.host = hosts[random() % 5];
    const char* peers[] = {"127.0.0.1", "127.0.0.1", "192.0.2.7", "::1"};
    asked.peer = peers[random() % 4];
    if (chance(60)) asked.uid = chance(70) ? kOwnUid : 0;
    if (chance(10)) asked.session = SessionId(std::string("other"));
    const bool is_upgrade = asked.door == Door::websocket;
    if (!is_upgrade && chance(30)) asked.method = "POST";
    bool valid_token = false;
    bool valid_cookie = false;
    bool sent_on_purpose = false;
    if (chance(25)) {
      const int which = static_cast<int>(random() % 4);
      const std::string value = which == 0   ? access
                                : which == 1 ? token
                                : which == 2 ? inner
                                             : bad[random() % std::size(bad)];
      valid_token = (which == 0) || (which == 1 && asked.session.view() == "demo") ||
                    (which == 2 && asked.target == "/api" &&
                     *IpAddress::parse(asked.peer) != *IpAddress::parse("192.0.2.7"));
      sent_on_purpose = value.starts_with("sp") && value[2] != 'z';  // others are the tool's own
      asked = asked.with("Authorization", "Bearer " + value);
    }
    if (chance(15)) {
      const bool good = chance(50);
      sent_on_purpose = true;
      asked = asked.with("X-Session-Token", good ? token : bad[random() % std::size(bad)]);
      valid_token = valid_token || (good && asked.session.view() == "demo");
    }
    if (chance(30)) {
      valid_cookie = chance(50);
      asked = asked.with("Cookie", cookie(valid_cookie ? mine : bad[random() % std::size(bad)]));
    }
    if (chance(30)) {
      const char* origins[] = {kOurOrigin, "http://evil.example", "null", "http://localhost:7070"};
      asked = asked.with("Origin", origins[random() % 4]);
    }
    if (chance(20)) asked = asked.with("Sec-Fetch-Site", chance(50) ? "same-origin" : "cross-site");
    if (chance(20)) asked = asked.with("X-Forwarded-For", "203.0.113.9");
    const Verdict verdict = admit(asked);
    if (!verdict.allowed()) {
      ASSERT_GE(verdict.status, 400);
      continue;
    }
    ++allowed;
    ASSERT_NE(asked.host, "evil.example");
    const bool open_path = !is_upgrade && ((asked.target == "/health" && asked.method == "GET") ||
                                           asked.target == "/.sallyport/login");
    const bool trusted = !sent_on_purpose && asked.uid == kOwnUid &&
                         IpAddress::parse(asked.peer)->is_loopback() && asked.host == "127.0.0.1:7070" &&
                         asked.fields.find("X-Forwarded") == std::string::npos &&
                         asked.fields.find("cross-site") == std::string::npos;
    if (verdict.kind == Verdict::Kind::anonymous) {
      ASSERT_TRUE(open_path) << asked.target;
    } else {
      ASSERT_TRUE(valid_token || (!sent_on_purpose && valid_cookie) || trusted) << asked.fields;
    }
    if (!sent_on_purpose || is_upgrade) {
      ASSERT_EQ(asked.fields.find("evil.example"), std::string::npos) << asked.fields;
      ASSERT_EQ(asked.fields.find("Origin: null"), std::string::npos) << asked.fields;
    }
  }
  EXPECT_GT(allowed, 500) << "the pieces must make good requests too";
}

}  // namespace
}  // namespace sallyport
