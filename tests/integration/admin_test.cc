// SPDX-License-Identifier: Apache-2.0
// Question: does the admin door open for the gateway's own user alone, and does it tell a secret once and
// only where asked?
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "sallyport/gateway/admin_api.h"
#include "sallyport/gateway/internal/late.h"
#include "tests/integration/world.h"

namespace sallyport::testing_world {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;
using Json = nlohmann::json;

class NoObserver final : public SessionObserver {
 public:
  void on_change(const std::shared_ptr<const SessionView>&) override {}
  void on_output(const SessionId&, std::string_view) override {}
};

/// Admin is a world with its admin door, before a supervisor whose one session is never started.
class Admin : public testing::Test {
 protected:
  Admin() {
    GateRules rules{HostList(Scheme::http)};
    rules.hosts.add(*HostPort::parse("localhost"));
    rules.networks.peer_uids = {kOwnUid};
    rules.open_own_paths.clear();
    rules.presentations = {Presentation::local_peer};
    rules.local_principal = world_.owner;
    rules.own_uid = kOwnUid;
    gate_ = std::make_unique<Gate>(std::move(rules),
                                   GateParts{world_.store, world_.tickets, world_.monotonic, world_.audit});
    ListenerTraits traits;
    traits.reach = Reach::private_socket;
    traits.local_trust = LocalTrust::on;
    SessionSpec spec;
    spec.id = world_.session;
    spec.command = {"/bin/true", "{port}"};
    spec.life.start = StartMode::on_demand;
    spec.credential = mint(CredentialKind::backend_credential, world_.entropy).text;
    EXPECT_TRUE(supervisor_.create(std::move(spec)).has_value());
    EXPECT_TRUE(until([this] { return supervisor_.view(world_.session) != nullptr; }));
    const LoopSide::Powers powers{world_.monotonic, world_.wall, world_.entropy, limiter_, ServerLimits{}};
    side_ = std::make_unique<LoopSide>(powers, [this](Loop& loop) -> std::unique_ptr<Dialer> {
      auto made = std::make_unique<MemoryNetwork>(loop);
      network_ = made.get();
      return made;
    });
    network_->rules.capacity_bytes = 2 * kAdminBodyBytesMax;
    auto report = [this] { return report_; };
    auto url = [this](const SessionId&) { return world_.origin; };
    SessionEntry entry;
    entry.id = world_.session;
    entry.owner = world_.owner->id;
    EXPECT_TRUE(directory_.add(entry).has_value());
    side_->add_handler(std::make_unique<AdminApi>(AdminApi::Parts{*gate_,
                                                                  traits,
                                                                  supervisor_,
                                                                  service_,
                                                                  directory_,
                                                                  world_.tokens,
                                                                  access_tokens_,
                                                                  settings_,
                                                                  feed_,
                                                                  world_.links,
                                                                  world_.tickets,
                                                                  *world_.login_service,
                                                                  *world_.own_pages,
                                                                  *world_.pool,
                                                                  world_.monotonic,
                                                                  world_.wall,
                                                                  world_.fingerprinter,
                                                                  world_.audit,
                                                                  {},
                                                                  AdminApi::Parts::Sessions::one,
                                                                  report,
                                                                  url}));
    network_->listen(socket_,
                     [this](std::unique_ptr<Stream> stream) { side_->serve_stream(std::move(stream)); });
    report_.version = "1.2.3";
    report_.password_state = "good";
  }
  ~Admin() override {
    world_.pool.reset();
    side_->loop().drop_tasks();
  }

  Answer ask(const Request& request) { return ask(request, kOwnUid); }
  Answer ask(const Request& request, std::optional<std::uint32_t> uid) {
    ConnectionFacts facts;
    facts.local = socket_;
    facts.peer = SocketAddress::unix_path("");
    if (uid) facts.process = PeerProcess{*uid, 77};
    End end(network_->connect(facts));
    end.write(request.text("localhost"));
    EXPECT_TRUE(until([&] {
      side_->loop().run_until_idle();
      return end.pull();
    }));
    return Answer::read(end.heard());
  }
  /// until waits for the supervisor, which works on a thread of its own; false where it does not come to an
  /// end.
  static bool until(const std::function<bool()>& done) {
    const auto patience = std::chrono::steady_clock::now() + 20s;
    while (!done()) {
      if (std::chrono::steady_clock::now() > patience) return false;
      std::this_thread::yield();
    }
    return true;
  }
  std::string rotate(std::string_view body = "{}") {
    const Answer answer = ask(Request::post_json("/sessions/tool/auth/rotate", body));
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.field("Cache-Control"), "no-store");
    return between(answer.body, R"("token":")", "\"");
  }

  World world_;
  const SocketAddress socket_ = SocketAddress::unix_path("/state/admin.sock");
  NoObserver observer_;
  Supervisor supervisor_{world_.monotonic, world_.wall, world_.files,
                         SupervisorOptions{"/state", "/proc/self/exe", {}, 4}, observer_};
  SessionDirectory directory_{world_.owner->id, 20};
  MemorySessionRecords records_;
  MemoryAccessTokenRecords token_records_;
  DurableClock durable_clock_{world_.wall, world_.monotonic, "boot"};
  AccessTokens access_tokens_{world_.store, token_records_, world_.entropy, durable_clock_};
  LiveSettings settings_{world_.settings, [] {}};
  Feed feed_;
  SessionService service_{
      SessionService::Parts{directory_, supervisor_, world_.tokens, records_, world_.entropy, durable_clock_,
                            [] { return LifeRules{}; }, [] { return std::vector<std::string>(); },
                            SessionService::Parts::Origins::each, [](const SessionEntry&) {},
                            [](const SessionId&) {}, [](const SessionId&) {}}};
  ConnectionLimiter limiter_{ConnectionLimits{}};
  GatewayReport report_;
  std::unique_ptr<Gate> gate_;
  std::unique_ptr<LoopSide> side_;
  MemoryNetwork* network_ = nullptr;
};

TEST_F(Admin, SG_06_who_is_another_user_or_unknown_is_refused) {
  EXPECT_EQ(ask(Request::get("/health")).status, 200);
  for (const auto uid : {std::optional<std::uint32_t>(kForeignUid), std::optional<std::uint32_t>(UINT32_MAX),
                         std::optional<std::uint32_t>()}) {
    for (const auto& request :
         {Request::get("/health"), Request::get("/ready"), Request::get("/sessions"),
          Request::get("/nothing"), Request::post_json("/sessions/tool/auth/rotate", "{}"),
          Request::get("/health").bearer(world_.access_token())}) {
      const Answer answer = ask(request, uid);
      EXPECT_EQ(answer.status, 403) << request.target;
      EXPECT_EQ(answer.field("Content-Type"), "application/problem+json");
      EXPECT_THAT(answer.body, Not(HasSubstr("spa_")));
    }
  }
  EXPECT_FALSE(world_.tokens.describe(world_.session, world_.monotonic.now()).has_value())
      << "nothing was minted";
}

TEST_F(Admin, BY_04_what_a_browser_could_be_made_to_send_is_refused) {
  EXPECT_EQ(ask(Request::get("/health").with("Host", "evil.example")).status, 421);
  EXPECT_EQ(ask(Request::get("/health").with("Origin", "http://localhost")).status, 403);
  EXPECT_EQ(
      ask(Request::get("/health").with("Sec-Fetch-Site", "cross-site").with("Sec-Fetch-Mode", "no-cors"))
          .status,
      403);
  EXPECT_EQ(ask(Request::get("/health").with("X-Forwarded-For", "127.0.0.1")).status, 401)
      << "forwarded by something";
}

TEST_F(Admin, SA_06_mutations_demand_a_json_content_type) {
  for (const std::string type :
       {"text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp", ""}) {
    EXPECT_EQ(ask(Request::post("/sessions/tool/auth/rotate", type, "{}")).status, 415) << type;
  }
  EXPECT_EQ(ask(Request{"POST", "/sessions/tool/auth/rotate", {}, "{}"}).status, 415);
  EXPECT_EQ(ask(Request::post("/sessions/tool/auth/rotate", "Application/JSON; charset=utf-8", "{}")).status,
            200);
}

TEST_F(Admin, SA_06_rotate_tells_the_token_once_and_metadata_never_does) {
  const std::string token = rotate();
  ASSERT_THAT(token, StartsWith("sps_"));
  EXPECT_EQ(world_.ask(Request::get("/").bearer(token)).status, 200);
  const Answer metadata = ask(Request::get("/sessions/tool/auth"));
  const Json body = Json::parse(metadata.body);
  EXPECT_THAT(body["fingerprint"].get<std::string>(), Not(IsEmpty()));
  EXPECT_THAT(token, Not(HasSubstr(body["fingerprint"].get<std::string>())));
  EXPECT_EQ(body["rotations"], 0);
  EXPECT_FALSE(body["last_used"].is_null());
  for (const std::string target :
       {"/sessions", "/sessions/tool", "/sessions/tool/auth", "/auth/sessions", "/auth/status", "/health"}) {
    EXPECT_THAT(ask(Request::get(target)).body, Not(HasSubstr(token.substr(4)))) << target;
  }
  EXPECT_THAT(world_.audit_text(), Not(HasSubstr(token.substr(4))));
  const std::string next = rotate(R"({"grace":"30s"})");
  EXPECT_NE(next, token);
  EXPECT_EQ(world_.ask(Request::get("/").bearer(token)).status, 200) << "within its grace";
  EXPECT_EQ(Json::parse(ask(Request::get("/sessions/tool/auth")).body)["rotations"], 1);
  (void)rotate();
  EXPECT_EQ(world_.ask(Request::get("/").bearer(token)).status, 401);
  EXPECT_EQ(world_.ask(Request::get("/").bearer(next)).status, 401);
}

TEST_F(Admin, SA_06_bad_bodies_are_400_and_change_nothing) {
  const std::string token = rotate();
  for (const std::string body : {"[]", "null", "\"x\"", "{", R"({"grace":30})", R"({"grace":"30"})",
                                 R"({"grace":null})", R"({"grace":"-5s"})", R"({"grace":"2h"})",
                                 R"({"backend":"yes"})", R"({"backend":1})", R"({"backend":null})"}) {
    EXPECT_EQ(ask(Request::post_json("/sessions/tool/auth/rotate", body)).status, 400) << body;
  }
  EXPECT_NE(
      ask(Request::post_json("/sessions/tool/auth/rotate", std::string(kAdminBodyBytesMax + 1, ' '))).status,
      200);
  EXPECT_EQ(world_.ask(Request::get("/").bearer(token)).status, 200);
}

TEST_F(Admin, SA_06_sessions_are_listed_and_found_by_their_exact_id) {
  const Json all = Json::parse(ask(Request::get("/sessions")).body);
  ASSERT_THAT(all["sessions"], SizeIs(1));
  EXPECT_EQ(all["sessions"][0]["id"], "tool");
  EXPECT_EQ(all["sessions"][0]["state"], "dormant");
  EXPECT_EQ(all["sessions"][0]["url"], world_.origin);
  EXPECT_EQ(Json::parse(ask(Request::get("/sessions/tool")).body)["id"], "tool");
  for (const std::string target : {"/sessions/", "/sessions/other", "/sessions/TOOL", "/sessions/tool/",
                                   "/sessions/tool/nothing", "/nothing", "/", "/sessions/tool/auth/"}) {
    EXPECT_EQ(ask(Request::get(target)).status, 404) << target;
  }
  for (const auto* path : {"/health", "/sessions/tool/auth", "/tokens/x"}) {
    const Answer odd = ask(Request::post(path, "text/plain", "x"));
    EXPECT_EQ(odd.status, 405) << path << ": the method is looked at before the body";
    EXPECT_THAT(odd.field("Allow"), Not(IsEmpty()));
  }
  EXPECT_EQ(ask(Request::post("/no/such/path", "text/plain", "x")).status, 404);
  EXPECT_EQ(ask(Request::post_json("/health", "{}")).status, 405);
  EXPECT_EQ(ask(Request::post_json("/sessions/tool/auth", "{}")).status, 405);
  EXPECT_EQ(ask(Request::post_json("/sessions/tool", "{}")).status, 405);
  EXPECT_EQ(ask(Request::get("/api/auth/ws-ticket")).status, 405);
  EXPECT_EQ(ask(Request::get("/sessions/tool/link")).status, 405);
}

TEST_F(Admin, SA_10_health_reports_authentication_store_audit_password_and_sessions) {
  report_.listeners = {"192.0.2.1:7070 tls"};
  report_.tls.source = "local authority";
  report_.tls.days_left = 88;
  report_.authentication = "required";
  report_.store = "memory";
  report_.live_credentials = 3;
  report_.audit.written_events = 7;
  Json body = Json::parse(ask(Request::get("/health")).body);
  EXPECT_EQ(body["status"], "ok");
  EXPECT_EQ(body["version"], "1.2.3");
  EXPECT_EQ(body["listeners"], Json::parse(R"(["192.0.2.1:7070 tls"])"));
  EXPECT_EQ(body["tls"]["source"], "local authority");
  EXPECT_EQ(body["tls"]["days_left"], 88);
  EXPECT_EQ(body["authentication"], "required");
  EXPECT_EQ(body["store"]["live_credentials"], 3);
  EXPECT_EQ(body["audit"]["state"], "ok");
  EXPECT_EQ(body["audit"]["written"], 7);
  EXPECT_EQ(body["sessions"]["dormant"], 1);
  report_.audit.state = AuditHealth::State::failing;
  body = Json::parse(ask(Request::get("/health")).body);
  EXPECT_EQ(body["status"], "degraded");
  EXPECT_EQ(body["audit"]["state"], "failing");
  report_.audit.state = AuditHealth::State::ok;
  report_.password_state = "cannot open /state/password";
  EXPECT_EQ(Json::parse(ask(Request::get("/health")).body)["status"], "degraded");
  EXPECT_EQ(ask(Request::get("/ready")).status, 200) << "a tool on demand is as ready as can be";
}

TEST_F(Admin, BY_03_a_link_minted_here_opens_the_outer_door_once) {
  const Answer minted = ask(Request::post_json("/sessions/tool/link", "{}"));
  ASSERT_EQ(minted.status, 201);
  const std::string url = Json::parse(minted.body)["url"];
  ASSERT_THAT(url, StartsWith(world_.origin + "/.sallyport/link/spl_"));
  Browser browser(world_);
  const std::string path = url.substr(world_.origin.size());
  EXPECT_EQ(browser.post(path, {{"csrf", csrf_in(browser.get(path))}}).status, 303);
  EXPECT_EQ(browser.get("/").status, 200);
}

TEST_F(Admin, WT_01_a_ticket_minted_here_opens_its_upgrade_once) {
  const Answer minted = ask(Request::post_json("/api/auth/ws-ticket", R"({"session":"tool","path":"/ws"})"));
  ASSERT_EQ(minted.status, 201) << minted.body;
  const auto request = Request::upgrade("/ws?ticket=" + between(minted.body, R"("ticket":")", "\""))
                           .with("Origin", world_.origin);
  EXPECT_EQ(world_.ask(request).status, 101);
  EXPECT_EQ(world_.ask(request).status, 401);
  EXPECT_EQ(ask(Request::post_json("/api/auth/ws-ticket", R"({"session":"other","path":"/ws"})")).status,
            404);
  EXPECT_EQ(ask(Request::post_json("/api/auth/ws-ticket", R"({"session":"tool"})")).status, 400);
  EXPECT_EQ(ask(Request::post_json("/api/auth/ws-ticket", "[]")).status, 400);
}

TEST_F(Admin, SA_06_logs_come_as_text_and_ending_revokes_the_token) {
  const Answer logs = ask(Request::get("/sessions/tool/logs"));
  EXPECT_EQ(logs.status, 200);
  EXPECT_EQ(logs.field("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(logs.field("X-Content-Type-Options"), "nosniff");
  const std::string token = rotate();
  End stream = world_.begin(Request::get("/events").bearer(token));
  EXPECT_EQ(ask(Request{"DELETE", "/sessions/tool", {}, {}}).status, 204);
  world_.settle();
  stream.pull();
  EXPECT_FALSE(stream.open());
  EXPECT_EQ(world_.ask(Request::get("/").bearer(token)).status, 401);
}

/// Stuck waits, as a rotation does, for a thread that never brings what it was asked for.
class Stuck final : public RequestHandler {
 public:
  Task<void> handle(Exchange& exchange) override {
    internal::Late<std::string> late(exchange.loop());
    brought = late.deliver();
    const auto value = co_await late.value(exchange);
    Response response(value ? 200 : 503, "text/plain", value.value_or("stopping"));
    (void)co_await exchange.respond(response);
  }
  std::function<void(std::string)> brought;
};

class LateValue : public testing::Test {
 protected:
  LateValue() {
    const LoopSide::Powers powers{world_.monotonic, world_.wall, world_.entropy, limiter_, ServerLimits{}};
    side_ = std::make_unique<LoopSide>(powers, [this](Loop& loop) -> std::unique_ptr<Dialer> {
      auto made = std::make_unique<MemoryNetwork>(loop);
      network_ = made.get();
      return made;
    });
    auto handler = std::make_unique<Stuck>();
    stuck_ = handler.get();
    side_->add_handler(std::move(handler));
    network_->listen(socket_,
                     [this](std::unique_ptr<Stream> stream) { side_->serve_stream(std::move(stream)); });
    ConnectionFacts facts;
    facts.local = socket_;
    end_ = End(network_->connect(facts));
    end_.write(Request::get("/").text("localhost"));
    turn(0ms);
  }
  ~LateValue() override { side_->loop().drop_tasks(); }
  void turn(Duration by) {
    world_.monotonic.advance(by);
    side_->loop().run_until_idle();
    end_.pull();
  }

  World world_;
  const SocketAddress socket_ = SocketAddress::unix_path("/state/admin.sock");
  ConnectionLimiter limiter_{ConnectionLimits{}};
  std::unique_ptr<LoopSide> side_;
  MemoryNetwork* network_ = nullptr;
  Stuck* stuck_ = nullptr;
  End end_;
};

TEST_F(LateValue, SA_07_a_stop_does_not_wait_for_what_never_comes) {
  ASSERT_TRUE(end_.open());
  ASSERT_THAT(end_.heard(), IsEmpty());
  side_->stop_after(2s);
  for (int step = 0; step < 15; ++step) turn(100ms);
  EXPECT_TRUE(end_.open()) << "the patience is not over";
  for (int step = 0; step < 15 && end_.open(); ++step) turn(100ms);
  EXPECT_FALSE(end_.open());
  stuck_->brought("too late");
  turn(0ms);
}

TEST_F(LateValue, SA_06_a_wait_for_a_session_that_is_gone_ends) {
  turn(5s);
  EXPECT_THAT(end_.heard(), IsEmpty());
  stuck_->brought = nullptr;  // the supervisor drops calls for a session that it has forgotten
  turn(0ms);
  EXPECT_THAT(end_.heard(), HasSubstr("503"));
}

TEST_F(LateValue, SA_07_what_comes_is_told) {
  turn(5s);
  stuck_->brought("here");
  turn(0ms);
  EXPECT_THAT(end_.heard(), HasSubstr("here"));
}

}  // namespace
}  // namespace sallyport::testing_world
