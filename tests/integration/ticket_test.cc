// SPDX-License-Identifier: Apache-2.0
// Question: does a ticket open one upgrade, once, where it was minted for, and nothing else?
#include <gmock/gmock.h>

#include "tests/integration/world.h"

namespace sallyport::testing_world {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

constexpr std::string_view kMintPath = "/.sallyport/api/auth/ws-ticket";

class Tickets : public testing::Test {
 protected:
  Tickets() { EXPECT_EQ(browser_.log_in().status, 303); }
  Answer order(std::string_view body) {
    return browser_.send(Request::post_json(kMintPath, body)
                             .with("Origin", world_.origin)
                             .with("Sec-Fetch-Site", "same-origin"));
  }
  std::string mint_for(std::string_view path) {
    const Answer answer = order(R"({"path":")" + std::string(path) + "\"}");
    EXPECT_EQ(answer.status, 201);
    EXPECT_EQ(answer.field("Cache-Control"), "no-store");
    EXPECT_THAT(answer.body, HasSubstr(R"("expires_in_s":30)"));
    world_.audit.clear();
    return between(answer.body, R"("ticket":")", "\"");
  }
  /// use spends a ticket as a page elsewhere would not: without a cookie.
  int use(std::string_view ticket, std::string_view path = "/ws") { return use(ticket, path, world_.origin); }
  int use(std::string_view ticket, std::string_view path, std::string_view origin) {
    auto request = Request::upgrade(std::string(path) + "?ticket=" + std::string(ticket));
    return world_.ask(origin.empty() ? request : request.with("Origin", origin)).status;
  }
  World world_;
  Browser browser_{world_};
};

TEST_F(Tickets, WT_01_mint_upgrade_once_replay_is_401) {
  const std::string ticket = mint_for("/ws");
  ASSERT_THAT(ticket, StartsWith("spt_"));
  EXPECT_EQ(use(ticket), 101);
  EXPECT_EQ(use(ticket), 401);
  EXPECT_EQ(use(ticket), 401);
  EXPECT_THAT(world_.take_denials(), ElementsAre(Denial::already_used, Denial::already_used));
  EXPECT_THAT(world_.tool.heads, SizeIs(1));
}

TEST_F(Tickets, WT_03_either_way_of_carrying_it_is_removed_from_what_the_tool_sees) {
  const std::string in_query = mint_for("/ws");
  EXPECT_EQ(world_.ask(Request::upgrade("/ws?a=1&ticket=" + in_query + "&b=2").with("Origin", world_.origin))
                .status,
            101);
  const std::string in_protocol = mint_for("/ws");
  EXPECT_EQ(world_
                .ask(Request::upgrade("/ws")
                         .with("Origin", world_.origin)
                         .with("Sec-WebSocket-Protocol", "chat, sallyport.ticket." + in_protocol))
                .status,
            101);
  const std::string spelled = mint_for("/ws");
  EXPECT_EQ(world_.ask(Request::upgrade("/ws?tick%65t=" + spelled).with("Origin", world_.origin)).status,
            101);
  ASSERT_THAT(world_.tool.heads, SizeIs(3));
  EXPECT_THAT(world_.tool.heads[0], StartsWith("GET /ws?a=1&b=2 HTTP/1.1\r\n"));
  EXPECT_EQ(value_in(world_.tool.heads[1], "Sec-WebSocket-Protocol"), "chat");
  EXPECT_THAT(world_.tool.heads[2], StartsWith("GET /ws HTTP/1.1\r\n"));
  for (const auto& ticket : {in_query, in_protocol, spelled}) {
    for (const auto& head : world_.tool.heads) EXPECT_THAT(head, Not(HasSubstr(ticket.substr(4))));
    EXPECT_THAT(world_.audit_text(), Not(HasSubstr(ticket.substr(4))));
  }
}

TEST_F(Tickets, WT_05_identity_travels_on_to_the_tool_and_the_log) {
  EXPECT_EQ(use(mint_for("/ws")), 101);
  EXPECT_EQ(value_in(world_.tool.heads.back(), "X-Forwarded-User"), "alice");
  EXPECT_THAT(world_.audit_text(), HasSubstr("alice"));
}

TEST_F(Tickets, WT_04_wrong_path_origin_or_session_is_refused_and_spends_it) {
  struct Wrong {
    std::string_view path, origin;
    Denial denial;
    int status;
  };
  const std::vector<Wrong> table{{"/other", world_.origin, Denial::wrong_path, 401},
                                 {"/ws/", world_.origin, Denial::wrong_path, 401},
                                 {"/WS", world_.origin, Denial::wrong_path, 401},
                                 {"/ws", "", Denial::wrong_origin, 401}};
  for (const auto& wrong : table) {
    const std::string ticket = mint_for("/ws");
    EXPECT_EQ(use(ticket, wrong.path, wrong.origin), wrong.status) << wrong.path;
    EXPECT_EQ(use(ticket), 401) << "spent";
    EXPECT_THAT(world_.take_denials(), ElementsAre(wrong.denial, Denial::already_used));
  }
  TicketOrder elsewhere;
  elsewhere.minter = world_.store.find(read_token(browser_.login_cookie())->digest);
  elsewhere.session = SessionId("other");
  elsewhere.path = "/ws";
  elsewhere.origin = world_.origin;
  const auto minted = world_.tickets.mint(elsewhere, world_.monotonic.now());
  ASSERT_TRUE(minted.has_value());
  EXPECT_EQ(use(minted->text.expose()), 401);
  EXPECT_THAT(world_.take_denials(), ElementsAre(Denial::wrong_session));
  EXPECT_THAT(world_.tool.heads, IsEmpty());
}

TEST_F(Tickets, WT_04_a_page_of_a_foreign_origin_cannot_even_spend_it) {
  const std::string ticket = mint_for("/ws");
  EXPECT_EQ(use(ticket, "/ws", "https://evil.example"), 403);
  EXPECT_EQ(use(ticket), 101) << "its origin step comes before the ticket is looked at";
}

TEST_F(Tickets, WT_01_expires_after_30_seconds_of_the_monotonic_clock) {
  const std::string in_time = mint_for("/ws");
  const std::string late = mint_for("/ws");
  world_.wall.advance(std::chrono::hours(48));
  world_.advance(30s - 1ns);
  EXPECT_EQ(use(in_time), 101);
  world_.advance(1ns);
  EXPECT_EQ(use(late), 401);
}

TEST_F(Tickets, WT_06_unknown_expired_and_used_ones_get_one_answer) {
  const std::string used = mint_for("/ws");
  EXPECT_EQ(use(used), 101);
  const std::string unknown = world_.unminted(CredentialKind::ticket);
  const std::string expired = mint_for("/ws");
  world_.advance(31s);
  std::vector<std::string> bodies;
  for (const auto& ticket : {used, unknown, expired, std::string("spt_x"), std::string()}) {
    const Answer answer = world_.ask(Request::upgrade("/ws?ticket=" + ticket).with("Origin", world_.origin));
    EXPECT_EQ(answer.status, 401);
    bodies.push_back(answer.body);
  }
  EXPECT_THAT(bodies, testing::Each(bodies.front()));
}

TEST_F(Tickets, WT_09_a_ticket_opens_upgrades_only) {
  const std::string ticket = mint_for("/ws");
  EXPECT_EQ(world_.ask(Request::get("/ws?ticket=" + ticket)).status, 401);
  EXPECT_EQ(world_.ask(Request::get("/ws").bearer(ticket)).status, 401);
  EXPECT_EQ(world_.ask(Request::get("/ws").with("Cookie", "__Host-sallyport-7070=" + ticket)).status, 401);
  EXPECT_EQ(use(ticket), 101) << "none of these spent it";
}

TEST_F(Tickets, WT_07_dies_with_the_login_that_minted_it) {
  const std::string ticket = mint_for("/ws");
  world_.logins.end_all("alice");
  EXPECT_EQ(use(ticket), 401);
}

TEST_F(Tickets, WT_05_a_connection_opened_by_ticket_is_cut_with_the_login_behind_it) {
  End tunnel = world_.begin(Request::upgrade("/ws?ticket=" + mint_for("/ws")).with("Origin", world_.origin));
  ASSERT_THAT(tunnel.take(), StartsWith("HTTP/1.1 101"));
  world_.logins.end_all("alice");
  world_.settle();
  tunnel.pull();
  EXPECT_FALSE(tunnel.open());
}

TEST_F(Tickets, WT_01_bad_orders_are_refused) {
  for (const std::string body :
       {"", "[]", "{}", R"({"path":7})", R"({"path":null})", "not json", R"({"path":"/ws")"}) {
    EXPECT_EQ(order(body).status, 400) << body;
  }
  for (const std::string path : {"", "ws", "//evil", "/a/../b", "/ws?x=1", "/ws#x", "/w s", "/w\\u0000s"}) {
    const Answer answer = order(R"({"path":")" + path + "\"}");
    EXPECT_TRUE(answer.status == 400 || answer.status == 201) << path << ' ' << answer.status;
    EXPECT_EQ(use(between(answer.body, R"("ticket":")", "\""), "/ws"), 401) << path;
  }
  EXPECT_EQ(order(R"({"path":"/ws","session":"other"})").status, 403);
  EXPECT_EQ(order(R"({"path":"/ws","session":["tool"]})").status, 403);
  EXPECT_EQ(order(R"({"path":"/ws","session":"tool"})").status, 201);
  EXPECT_EQ(
      browser_.send(Request::post(kMintPath, "text/plain", R"({"path":"/ws"})").with("Origin", world_.origin))
          .status,
      415);
  EXPECT_EQ(browser_.get(kMintPath).status, 405);
  EXPECT_EQ(order(std::string(100'000, ' ')).status, 400) << "too long";
  EXPECT_EQ(
      browser_.send(Request::post_json(kMintPath, R"({"path":"/ws"})").with("Origin", "https://evil.example"))
          .status,
      403);
}

TEST_F(Tickets, WT_07_the_oldest_of_too_many_goes) {
  const std::string first = mint_for("/ws");
  std::string last;
  for (std::size_t i = 0; i < TicketLimits{}.per_user_max; ++i) last = mint_for("/ws");
  EXPECT_EQ(use(first), 401);
  EXPECT_EQ(use(last), 101);
}

TEST(TicketsOnLoopback, WT_01_a_local_peer_may_mint_and_spend_one) {
  WorldOptions options;
  options.place = Place::loopback;
  World world(options);
  const Answer minted = world.ask(
      Request::post_json(kMintPath, R"({"path":"/ws"})").with("Origin", world.origin), world.owner_here());
  ASSERT_EQ(minted.status, 201);
  const auto request = Request::upgrade("/ws?ticket=" + between(minted.body, R"("ticket":")", "\""))
                           .with("Origin", world.origin);
  EXPECT_EQ(world.ask(request).status, 101);
  EXPECT_EQ(world.ask(request).status, 401);
}

}  // namespace
}  // namespace sallyport::testing_world
