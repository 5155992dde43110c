// SPDX-License-Identifier: Apache-2.0
// Question: does each refusal of the gate come out of the real handler with the status and body that the
// interface promises?
#include <gmock/gmock.h>

#include "tests/integration/world.h"

namespace sallyport::testing_world {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::string_view kForbidden = R"({"error":"forbidden"})";
constexpr std::string_view kUnauthenticated = R"({"error":"unauthenticated","login":"/.sallyport/login"})";

class FixedWait final : public Throttle {
 public:
  Duration left{};
  Duration wait(const Knock&) override { return left; }
};

class NobodyMay final : public PermissionRule {
 public:
  bool permits(const Principal&, const Evidence&) override { return false; }
};

class Denials : public testing::Test {
 protected:
  /// expect_json asks, and holds the answer against status and body; nothing may have reached the tool.
  Answer expect_json(const Request& request, int status, std::string_view body) {
    const Answer answer = world_.ask(request);
    EXPECT_EQ(answer.status, status) << request.text(world_.host);
    EXPECT_EQ(answer.body, body);
    EXPECT_EQ(answer.field("Content-Type"), "application/json");
    EXPECT_EQ(answer.field("Cache-Control"), "no-store");
    EXPECT_THAT(world_.tool.heads, IsEmpty());
    return answer;
  }
  World world_;
};

TEST_F(Denials, AT_10_navigation_without_credential_is_sent_to_the_login_and_back) {
  for (const std::string method : {"GET", "HEAD"}) {
    Request request = Request::get("/notebooks/a%20b?x=1&y=/2").navigating();
    request.method = method;
    const Answer answer = world_.ask(request);
    EXPECT_EQ(answer.status, 302);
    EXPECT_EQ(answer.field("Location"), "/.sallyport/login?next=%2Fnotebooks%2Fa%2520b%3Fx%3D1%26y%3D%2F2");
    EXPECT_EQ(answer.field("Cache-Control"), "no-store");
  }
  const Answer without_mode = world_.ask(Request::get("/").with("Accept", "text/html"));
  EXPECT_EQ(without_mode.status, 302);
  EXPECT_THAT(world_.take_denials(), testing::Each(Denial::no_credential));
}

TEST_F(Denials, AT_03_everything_else_without_credential_is_told_401_in_json) {
  const std::vector<Request> requests{
      Request::get("/"),
      Request::get("/api").with("Accept", "application/json"),
      Request::get("/").with("Accept", "text/html").with("X-Requested-With", "XMLHttpRequest"),
      Request::get("/").with("Accept", "text/html").with("Sec-Fetch-Mode", "cors"),
      Request::post_json("/", "{}").with("Accept", "text/html"),
      Request::get("/.sallyport/sessions"),
      Request::get("/.sallyport/auth/status"),
      Request::post_json("/.sallyport/api/auth/ws-ticket", R"({"path":"/ws"})"),
      Request::get("/.sallyport/unknown"),
  };
  for (const auto& request : requests) {
    const Answer answer = expect_json(request, 401, kUnauthenticated);
    EXPECT_EQ(answer.field("WWW-Authenticate"), "Bearer");
    EXPECT_THAT(answer.field("Location"), IsEmpty());
  }
}

TEST_F(Denials, AT_06_upgrade_without_credential_is_401_and_never_a_redirect) {
  const Request upgrade = Request::upgrade("/ws").with("Origin", world_.origin).navigating();
  const Answer answer = expect_json(upgrade, 401, kUnauthenticated);
  EXPECT_THAT(answer.field("Location"), IsEmpty());
  EXPECT_THAT(answer.field("Upgrade"), IsEmpty());
}

TEST_F(Denials, WT_09_wrong_credentials_of_every_kind_get_one_answer) {
  const std::string right = world_.access_token();
  std::string near = right;
  near.back() = near.back() == 'A' ? 'E' : 'A';
  const std::string ticket = world_.unminted(CredentialKind::ticket);
  const std::string link = world_.unminted(CredentialKind::login_link);
  for (const std::string& wrong :
       {near, right + "A", right.substr(0, right.size() - 1), std::string("spa_"), ticket, link,
        world_.unminted(CredentialKind::session_token), std::string(kBackendSecret),
        std::string("unprefixed"), std::string(kPassword)}) {
    expect_json(Request::get("/").bearer(wrong), 401, kUnauthenticated);
    expect_json(Request::get("/").with("X-Session-Token", wrong), 401, kUnauthenticated);
  }
  expect_json(Request::get("/").with("Authorization", "Basic YWxpY2U6cGFzc3dvcmQ="), 401, kUnauthenticated);
  expect_json(Request::get("/").with("X-Session-Token", right), 401,
              kUnauthenticated);  // an access token is none
  EXPECT_THAT(world_.audit_text(), Not(HasSubstr(near.substr(4))));
  EXPECT_THAT(world_.audit_text(), Not(HasSubstr(right.substr(4))));
}

TEST_F(Denials, BY_04_foreign_host_is_421_whatever_credential_comes_with_it) {
  const std::string token = world_.access_token();
  for (const std::string host :
       {"evil.example:7070", "192.0.2.1", "192.0.2.1:7071", "192.0.2.1.:7070", "localhost:7070"}) {
    const auto request = Request::get("/").with("Host", host).bearer(token);
    const Answer answer = expect_json(request, 421, R"({"error":"misdirected_request"})");
    EXPECT_THAT(answer.field("Location"), IsEmpty());
  }
}

TEST_F(Denials, BY_04_foreign_origin_and_fetch_metadata_are_403) {
  Browser browser(world_);
  ASSERT_EQ(browser.log_in().status, 303);
  for (const std::string origin :
       {"https://evil.example", "null", "http://192.0.2.1:7070", "https://192.0.2.1"}) {
    const Answer posted = browser.send(Request::post_json("/", "{}").with("Origin", origin));
    EXPECT_EQ(posted.status, 403) << origin;
    EXPECT_EQ(posted.body, kForbidden);
    const Answer upgraded = browser.send(Request::upgrade("/ws").with("Origin", origin));
    EXPECT_EQ(upgraded.status, 403) << origin;
  }
  EXPECT_EQ(browser.send(Request::upgrade("/ws")).status, 403) << "a cookie, and no Origin";
  for (const std::string site : {"cross-site", "same-site", "else"}) {
    EXPECT_EQ(
        browser.send(Request::get("/").with("Sec-Fetch-Site", site).with("Sec-Fetch-Mode", "no-cors")).status,
        403)
        << site;
  }
  EXPECT_THAT(world_.tool.heads, IsEmpty());
  EXPECT_THAT(world_.audit_text(), HasSubstr("https://evil.example")) << "the log says what came";
  const Answer linked = browser.send(
      Request::get("/").with("Sec-Fetch-Site", "cross-site").with("Sec-Fetch-Dest", "document").navigating());
  EXPECT_EQ(linked.status, 200) << "a link from elsewhere works";
}

TEST_F(Denials, malformed_and_ambiguous_requests_are_400_and_close) {
  const std::string host =
      "Host: " + world_.host + "\r\nAuthorization: Bearer " + world_.access_token() + "\r\n";
  const std::vector<std::string> texts{
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: " + world_.host + "\r\n" + host + "\r\n",
      "GET /../etc HTTP/1.1\r\n" + host + "\r\n",
      "GET /%2e%2e/etc HTTP/1.1\r\n" + host + "\r\n",
      "GET /a%2fb HTTP/1.1\r\n" + host + "\r\n",
      "POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "GET / HTTP/1.1\nHost: " + world_.host + "\n\n",
  };
  for (const auto& text : texts) {
    End end = world_.connect();
    end.write(text);
    world_.settle();
    world_.advance(5s);
    end.pull();
    EXPECT_THAT(end.heard(), testing::StartsWith("HTTP/1.1 4")) << text;
    EXPECT_FALSE(end.open()) << text;
  }
  EXPECT_THAT(world_.tool.heads, IsEmpty());
  EXPECT_THAT(world_.take_denials(), testing::Each(Denial::malformed_request));
}

TEST_F(Denials, several_credentials_are_400_and_close) {
  const std::string token = world_.access_token();
  const std::string session_token = world_.session_token();
  End end = world_.begin(Request::get("/").bearer(token).with("X-Session-Token", session_token));
  EXPECT_THAT(end.heard(), HasSubstr(R"({"error":"bad_request"})"));
  world_.advance(5s);
  end.pull();
  EXPECT_FALSE(end.open());
  EXPECT_EQ(world_.ask(Request::get("/").bearer(token).bearer(token)).status, 400);
  EXPECT_THAT(world_.tool.heads, IsEmpty());
}

TEST_F(Denials, AT_06_broken_handshakes_are_400_even_with_a_credential) {
  const auto base = Request::get("/ws")
                        .bearer(world_.access_token())
                        .with("Connection", "Upgrade")
                        .with("Upgrade", "websocket");
  EXPECT_EQ(world_.ask(base).status, 400);
  EXPECT_EQ(world_.ask(base.with("Sec-WebSocket-Version", "13").with("Sec-WebSocket-Key", "short")).status,
            400);
  EXPECT_EQ(
      world_.ask(base.with("Sec-WebSocket-Version", "8").with("Sec-WebSocket-Key", kWebSocketKey)).status,
      400);
  EXPECT_THAT(world_.tool.heads, IsEmpty());
}

TEST(DenialsByRule, SG_08_networks_that_are_denied_or_not_allowed_are_403) {
  WorldOptions options;
  options.settings = [](Settings& settings) {
    settings.allow.push_back(*Cidr::parse("198.51.100.0/24"));
    settings.deny.push_back(*Cidr::parse("198.51.100.64/26"));
  };
  World world(options);
  const auto request = Request::get("/").bearer(world.access_token());
  auto facts = world.stranger();
  EXPECT_EQ(world.ask(request, facts).status, 200);
  for (const auto* peer : {"198.51.100.70:1000", "203.0.113.9:1000", "[2001:db8::1]:1000"}) {
    facts.peer = *SocketAddress::parse(peer);
    const Answer answer = world.ask(request.with("X-Forwarded-For", "198.51.100.7"), facts);
    EXPECT_EQ(answer.status, 403) << peer;
    EXPECT_EQ(answer.body, kForbidden);
  }
  EXPECT_EQ(world.tool.heads.size(), 1U);
}

TEST(DenialsByRule, SG_11_locked_out_is_403_and_SG_12_too_many_is_429_both_with_retry_after) {
  FixedWait lockout;
  FixedWait rate;
  WorldOptions options;
  options.lockout = &lockout;
  options.rate = &rate;
  World world(options);
  const auto request = Request::get("/").bearer(world.access_token());
  rate.left = 1500ms;
  Answer answer = world.ask(request);
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(answer.body, R"({"error":"too_many_requests"})");
  EXPECT_THAT(answer.all("Retry-After"), ElementsAre("2")) << "rounded up";
  lockout.left = 90s;
  answer = world.ask(request);
  EXPECT_EQ(answer.status, 403);
  EXPECT_THAT(answer.all("Retry-After"), ElementsAre("90"));
  EXPECT_THAT(world.tool.heads, IsEmpty());
}

TEST(DenialsByRule, SG_09_who_is_known_and_not_allowed_is_403) {
  NobodyMay nobody;
  WorldOptions options;
  options.permissions = &nobody;
  World world(options);
  const Answer answer = world.ask(Request::get("/").bearer(world.access_token()));
  EXPECT_EQ(answer.status, 403);
  EXPECT_EQ(answer.body, kForbidden);
  EXPECT_THAT(world.take_denials(), ElementsAre(Denial::not_permitted));
  const Answer page = world.ask(Request::get("/").bearer(world.access_token()).navigating());
  EXPECT_EQ(page.status, 403);
  EXPECT_THAT(page.body, Not(HasSubstr("not_permitted"))) << "why is for the log";
}

TEST(DenialsByRule, SG_10_an_audit_log_that_must_not_lose_events_closes_the_door) {
  World world;
  world.audit.refusing = true;
  const Answer answer = world.ask(Request::get("/").bearer(world.access_token()));
  EXPECT_EQ(answer.status, 503);
  EXPECT_THAT(answer.all("Retry-After"), ElementsAre("2"));
  EXPECT_THAT(world.tool.heads, IsEmpty());
}

TEST(DenialsByRule, AT_01_local_trust_needs_every_condition_at_once) {
  WorldOptions options;
  options.place = Place::loopback;
  World world(options);
  const auto owner = world.owner_here();
  EXPECT_EQ(world.ask(Request::get("/"), owner).status, 200);
  EXPECT_EQ(world.ask(Request::get("/"), world.stranger()).status, 401) << "another user of this machine";
  auto unknown = owner;
  unknown.process.reset();
  EXPECT_EQ(world.ask(Request::get("/"), unknown).status, 401);
  EXPECT_EQ(world.ask(Request::get("/").with("X-Forwarded-For", "127.0.0.1"), owner).status, 401)
      << "came through a tunnel";
  EXPECT_EQ(world.ask(Request::get("/").with("Forwarded", "for=127.0.0.1"), owner).status, 401);
  EXPECT_EQ(world.ask(Request::get("/").with("Host", "evil.example:7070"), owner).status, 421) << "rebinding";
  EXPECT_EQ(world
                .ask(Request::get("/").with("Sec-Fetch-Site", "cross-site").with("Sec-Fetch-Mode", "no-cors"),
                     owner)
                .status,
            403);
  EXPECT_EQ(world.ask(Request::post_json("/", "{}").with("Origin", "http://localhost:8080"), owner).status,
            403);
  EXPECT_EQ(world.ask(Request::upgrade("/ws"), owner).status, 401) << "no Origin on an upgrade";
  EXPECT_EQ(world.ask(Request::upgrade("/ws").with("Origin", world.origin), owner).status, 101);
  EXPECT_EQ(world.ask(Request::get("/").bearer("spa_wrong"), owner).status, 401)
      << "what is sent on purpose decides alone";
  EXPECT_EQ(world.tool.heads.size(), 2U);
}

TEST(DenialsByRule, SG_07_without_authentication_hosts_and_origins_still_count) {
  WorldOptions options;
  options.place = Place::loopback;
  options.settings = [](Settings& settings) { settings.insecurely_no_auth = Switch::on; };
  World world(options);
  EXPECT_EQ(world.ask(Request::get("/")).status, 200);
  EXPECT_EQ(world.ask(Request::get("/").with("Host", "evil.example:7070")).status, 421);
  EXPECT_EQ(world.ask(Request::post_json("/", "{}").with("Origin", "https://evil.example")).status, 403);
  EXPECT_EQ(world.tool.heads.size(), 1U);
}

}  // namespace
}  // namespace sallyport::testing_world
