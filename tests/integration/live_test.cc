// SPDX-License-Identifier: Apache-2.0
// Question: when a credential ends, do the connections that it opened end with it, and no others?
#include <gmock/gmock.h>

#include "tests/integration/world.h"

namespace sallyport::testing_world {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

/// The frame that ends a tunnel by policy: FIN and close, then 1008 (RFC 6455 section 7.4.1).
constexpr std::string_view kClose1008 = "\x03\xf0";

class Live : public testing::Test {
 protected:
  /// settled lets all happen and looks at what came.
  End& settled(End& end) {
    world_.settle();
    end.pull();
    return end;
  }
  bool is_open(End& end) { return settled(end).open(); }
  End upgrade_with(std::string_view token) {
    End end = world_.begin(Request::upgrade("/ws").bearer(token));
    EXPECT_THAT(end.take(), StartsWith("HTTP/1.1 101"));
    return end;
  }
  End events_with(std::string_view token) {
    End end = world_.begin(Request::get("/events").bearer(token));
    EXPECT_THAT(end.heard(), HasSubstr("data: 1\n\n"));
    return end;
  }
  std::string rotate(Duration grace) {
    const auto minted = world_.tokens.rotate(world_.session, grace, world_.monotonic.now());
    EXPECT_TRUE(minted.has_value());
    world_.settle();
    return std::string(minted->text.expose());
  }
  World world_;
};

TEST_F(Live, AT_06_a_tunnel_carries_bytes_both_ways_untouched) {
  End client = upgrade_with(world_.access_token());
  const std::string up("\x81\x82\x01\x02\x03\x04ik", 8);
  client.write(up);
  world_.settle();
  End& tool = world_.tool.visits().back().end;
  EXPECT_EQ(tool.take(), up);
  tool.write(std::string("\x81\x02hi", 4));
  EXPECT_EQ(settled(client).take(), std::string("\x81\x02hi", 4));
  tool.shut();
  EXPECT_FALSE(is_open(client));
}

TEST_F(Live, BY_02_logout_cuts_its_own_tunnel_with_1008_and_no_other) {
  Browser browser(world_);
  Browser laptop(world_);
  ASSERT_EQ(browser.log_in().status, 303);
  ASSERT_EQ(laptop.log_in().status, 303);
  const auto request = Request::upgrade("/ws").with("Origin", world_.origin);
  End mine = browser.begin(request);
  End other = laptop.begin(request);
  ASSERT_THAT(mine.take(), StartsWith("HTTP/1.1 101"));
  ASSERT_THAT(other.take(), StartsWith("HTTP/1.1 101"));
  const Answer page = browser.get("/.sallyport/sessions");
  EXPECT_EQ(browser.post("/.sallyport/logout", {{"csrf", csrf_in(page)}}).status, 303)
      << "the answer itself is not cut";
  EXPECT_FALSE(is_open(mine));
  EXPECT_THAT(mine.heard(), StartsWith("\x88"));
  EXPECT_THAT(mine.heard(), HasSubstr(kClose1008));
  EXPECT_TRUE(is_open(other));
  EXPECT_THAT(other.heard(), IsEmpty());
  EXPECT_TRUE(world_.recorded(AuditKind::connection_cut, "revoked"));
}

TEST_F(Live, BY_02_ending_my_other_sign_ins_cuts_their_tunnels) {
  Browser browser(world_);
  Browser laptop(world_);
  ASSERT_EQ(browser.log_in().status, 303);
  ASSERT_EQ(laptop.log_in().status, 303);
  End mine = browser.begin(Request::get("/events"));
  End other = laptop.begin(Request::get("/events"));
  const Answer page = browser.get("/.sallyport/sessions");
  EXPECT_EQ(browser.post("/.sallyport/sessions", {{"csrf", csrf_in(page)}, {"end", "others"}}).status, 303);
  EXPECT_TRUE(is_open(mine));
  EXPECT_FALSE(is_open(other));
}

TEST_F(Live, BY_02_revoked_access_token_ends_its_event_stream_short_of_the_last_chunk) {
  const std::string token = world_.access_token();
  const std::string session_token = world_.session_token();
  End stream = events_with(token);
  End other = events_with(session_token);
  world_.tool.visits().front().end.write("9\r\ndata: 2\n\n\r\n");
  EXPECT_THAT(settled(stream).heard(), HasSubstr("data: 2"));
  EXPECT_EQ(world_.store.remove(read_token(token)->digest), 1U);
  EXPECT_FALSE(is_open(stream));
  EXPECT_THAT(stream.heard(), Not(EndsWith("0\r\n\r\n"))) << "a cut shows as one";
  EXPECT_TRUE(is_open(other));
  EXPECT_FALSE(world_.tool.visits().front().end.open()) << "the tool is told as well";
  EXPECT_EQ(world_.ask(Request::get("/").bearer(token)).status, 401);
}

/// IdleLife is a world in which a login ends after ten idle minutes.
class IdleLife : public testing::Test {
 protected:
  static WorldOptions ten_minutes() {
    WorldOptions options;
    options.logins.idle_max = 10min;
    return options;
  }
  bool is_open(End& end) {
    world_.housekeep();
    end.pull();
    return end.open();
  }
  World world_{ten_minutes()};
  Browser browser_{world_};
};

TEST_F(IdleLife, AT_10_a_websocket_that_moves_bytes_keeps_its_login_and_a_silent_one_does_not) {
  ASSERT_EQ(browser_.log_in().status, 303);
  End live = browser_.begin(Request::upgrade("/ws").with("Origin", world_.origin));
  ASSERT_THAT(live.take(), StartsWith("HTTP/1.1 101"));
  End& tool = world_.tool.visits().back().end;
  for (int i = 0; i < 6; ++i) {
    world_.advance(4min);
    tool.write(std::string("\x81\x02hi", 4));
    world_.settle();
    ASSERT_TRUE(is_open(live)) << i;
  }
  EXPECT_EQ(browser_.get("/").status, 200) << "after 24 minutes, for the page was in use";
  world_.advance(11min);
  EXPECT_FALSE(is_open(live)) << "silence is no use";
  EXPECT_EQ(browser_.get("/").status, 302);
}

TEST_F(IdleLife, WT_05_one_that_was_opened_by_ticket_keeps_the_login_behind_it) {
  ASSERT_EQ(browser_.log_in().status, 303);
  const GrantRef login = world_.store.find(read_token(browser_.login_cookie())->digest);
  TicketOrder order;
  order.minter = login;
  order.session = world_.session;
  order.path = "/ws";
  order.origin = world_.origin;
  const auto minted = world_.tickets.mint(order, world_.monotonic.now());
  ASSERT_TRUE(minted.has_value());
  End live = world_.begin(
      Request::upgrade("/ws?ticket=" + std::string(minted->text.expose())).with("Origin", world_.origin));
  ASSERT_THAT(live.take(), StartsWith("HTTP/1.1 101"));
  for (int i = 0; i < 4; ++i) {
    world_.advance(6min);
    live.write(std::string("\x81\x82\x01\x02\x03\x04ik", 8));
    world_.settle();
    ASSERT_TRUE(is_open(live)) << i;
  }
  EXPECT_EQ(browser_.get("/").status, 200);
}

TEST_F(IdleLife, AT_10_an_event_stream_keeps_its_login_while_it_tells_something) {
  ASSERT_EQ(browser_.log_in().status, 303);
  End stream = browser_.begin(Request::get("/events"));
  for (int i = 0; i < 3; ++i) {
    world_.advance(6min);
    world_.tool.visits().back().end.write("9\r\ndata: 2\n\n\r\n");
    world_.settle();
    ASSERT_TRUE(is_open(stream)) << i;
  }
  world_.advance(11min);
  EXPECT_FALSE(is_open(stream));
}

TEST_F(Live, SA_07_rotation_without_grace_ends_the_old_token_and_its_connections_at_once) {
  const std::string before = world_.session_token();
  End stream = events_with(before);
  End tunnel = upgrade_with(before);
  const std::string now = rotate(0s);
  EXPECT_FALSE(is_open(stream));
  EXPECT_FALSE(is_open(tunnel));
  EXPECT_THAT(tunnel.heard(), HasSubstr(kClose1008));
  EXPECT_EQ(world_.ask(Request::get("/").bearer(before)).status, 401);
  EXPECT_EQ(world_.ask(Request::get("/").bearer(now)).status, 200);
  EXPECT_EQ(world_.ask(Request::get("/").with("X-Session-Token", now)).status, 200);
}

TEST_F(Live, SA_07_rotation_with_grace_lets_the_old_token_go_on_until_the_grace_ends) {
  const std::string before = world_.session_token();
  End stream = events_with(before);
  const std::string now = rotate(30s);
  EXPECT_TRUE(is_open(stream));
  EXPECT_EQ(world_.ask(Request::get("/").bearer(before)).status, 200);
  EXPECT_EQ(world_.ask(Request::get("/").bearer(now)).status, 200);
  world_.advance(30s - 1ns);
  world_.housekeep();
  EXPECT_TRUE(is_open(stream));
  EXPECT_EQ(world_.ask(Request::get("/").bearer(before)).status, 200);
  world_.advance(1ns);
  EXPECT_EQ(world_.ask(Request::get("/").bearer(before)).status, 401) << "strictly before the end";
  world_.housekeep();
  EXPECT_FALSE(is_open(stream));
  EXPECT_EQ(world_.ask(Request::get("/").bearer(now)).status, 200);
}

TEST_F(Live, SA_07_a_second_rotation_does_not_leave_a_chain_of_graces) {
  const std::string first = world_.session_token();
  const std::string second = rotate(1h);
  const std::string third = rotate(0s);
  EXPECT_EQ(world_.ask(Request::get("/").bearer(first)).status, 401);
  EXPECT_EQ(world_.ask(Request::get("/").bearer(second)).status, 401);
  EXPECT_EQ(world_.ask(Request::get("/").bearer(third)).status, 200);
}

TEST_F(Live, SA_02_token_of_another_session_does_not_open_this_one) {
  const auto other = world_.tokens.create(SessionId("other"), world_.owner, world_.monotonic.now());
  ASSERT_TRUE(other.has_value());
  world_.audit.clear();
  EXPECT_EQ(world_.ask(Request::get("/").bearer(other->text.expose())).status, 401);
  EXPECT_THAT(world_.take_denials(), testing::ElementsAre(Denial::wrong_session));
}

TEST_F(Live, SA_02_end_of_the_session_cuts_tunnels_and_tickets) {
  const std::string token = world_.session_token();
  End tunnel = upgrade_with(token);
  const Answer minted =
      world_.ask(Request::post_json("/.sallyport/api/auth/ws-ticket", R"({"path":"/ws"})").bearer(token));
  const std::string ticket = between(minted.body, R"("ticket":")", "\"");
  ASSERT_THAT(ticket, StartsWith("spt_"));
  world_.tokens.end(world_.session);
  EXPECT_FALSE(is_open(tunnel));
  EXPECT_EQ(world_.ask(Request::upgrade("/ws?ticket=" + ticket).with("Origin", world_.origin)).status, 401);
}

TEST_F(Live, BY_02_a_login_that_reaches_its_age_ends_what_it_opened) {
  Browser browser(world_);
  ASSERT_EQ(browser.log_in().status, 303);
  End stream = browser.begin(Request::get("/events"));
  ASSERT_TRUE(is_open(stream));
  int hours = 0;
  for (; hours < 24 * 7 && is_open(stream); ++hours) {
    world_.tool.visits().front().end.write("9\r\ndata: x\n\n\r\n");
    for (int part = 0; part < 12; ++part) {
      world_.tool.visits().front().end.write("1\r\n\n\r\n");
      world_.advance(5min - 1s);
      world_.advance(1s);
    }
    EXPECT_EQ(hours < 24 * 7 - 1 ? browser.get("/").status : 302, hours < 24 * 7 - 1 ? 200 : 302);
  }
  world_.advance(2s);
  EXPECT_EQ(hours, 24 * 7);
  EXPECT_FALSE(is_open(stream));
  EXPECT_TRUE(world_.recorded(AuditKind::connection_cut, "expired"));
}

TEST_F(Live, AT_07_a_new_token_file_cuts_what_the_old_token_opened) {
  const std::string before = world_.access_token();
  End stream = events_with(before);
  world_.files.unreadable.insert("/state/token");
  world_.housekeep();
  EXPECT_TRUE(is_open(stream)) << "a file that cannot be read cuts nobody off";
  EXPECT_EQ(world_.ask(Request::get("/").bearer(before)).status, 401) << "and lets nobody in";
  world_.files.unreadable.clear();
  world_.files.files["/state/token"] = world_.unminted(CredentialKind::access_token);
  world_.housekeep();
  EXPECT_FALSE(is_open(stream));
  EXPECT_EQ(world_.ask(Request::get("/").bearer(world_.access_token())).status, 200);
}

TEST_F(Live, BY_14_stopping_closes_idle_connections_lets_answers_end_and_cuts_the_rest) {
  End idle = world_.begin(Request::get("/").bearer(world_.access_token()));
  End tunnel = upgrade_with(world_.access_token());
  world_.tool.script = [](const std::string&, const std::string&) { return Tool::Reply{}; };
  End slow = world_.begin(Request::get("/slow").bearer(world_.access_token()));
  world_.side->stop_after(5s);
  EXPECT_FALSE(is_open(idle));
  EXPECT_TRUE(is_open(slow));
  EXPECT_TRUE(is_open(tunnel));
  world_.tool.visits().front().end.write(
      "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate");  // reused: the first request's
  EXPECT_THAT(settled(slow).heard(), EndsWith("late"));
  EXPECT_FALSE(is_open(slow));
  world_.advance(6s);
  EXPECT_FALSE(is_open(tunnel));
  EXPECT_THAT(tunnel.heard(), HasSubstr("\x03\xe9")) << "1001, going away";
}

}  // namespace
}  // namespace sallyport::testing_world
