// SPDX-License-Identifier: Apache-2.0
// Question: are the gate's own pages safe to show: their headers, what is in them, where they lead, and when
// they appear?
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/integration/world.h"

namespace sallyport::testing_world {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

/// expect_page_headers holds what every page of ours carries.
void expect_page_headers(const Answer& page) {
  EXPECT_EQ(page.field("Content-Type"), "text/html; charset=utf-8");
  EXPECT_THAT(page.all("Cache-Control"), ElementsAre("no-store"));
  EXPECT_THAT(page.all("Content-Security-Policy"), ElementsAre(std::string(kPagePolicy)));
  EXPECT_THAT(page.field("Content-Security-Policy"), Not(HasSubstr("unsafe")));
  EXPECT_EQ(page.field("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(page.field("X-Frame-Options"), "DENY");
  EXPECT_EQ(page.field("Referrer-Policy"), "strict-origin")
      << "no path, and so no link, leaves for elsewhere";
  EXPECT_EQ(page.field("Cross-Origin-Opener-Policy"), "same-origin");
  EXPECT_THAT(lowered(page.body), Not(HasSubstr("<script")));
  EXPECT_THAT(lowered(page.body), Not(HasSubstr("style=")));
  EXPECT_THAT(page.body, Not(HasSubstr("{{")));
}

class Pages : public testing::Test {
 protected:
  Answer page(std::string_view target) {
    return world_.ask(Request::get(target).navigating().bearer(world_.access_token()));
  }
  Answer api(std::string_view target) {
    return world_.ask(Request::get(target).with("Accept", "application/json").bearer(world_.access_token()));
  }
  World world_;
};

TEST_F(Pages, AT_10_all_pages_carry_the_headers_that_keep_them_harmless) {
  Browser browser(world_);
  expect_page_headers(browser.get("/.sallyport/login"));
  expect_page_headers(browser.log_in("wrong"));
  expect_page_headers(browser.get(world_.login_link()));
  ASSERT_EQ(browser.log_in().status, 303);
  expect_page_headers(browser.get("/.sallyport/sessions"));
  world_.adopt([](SessionView& view) { view.state = SessionState::starting; });
  expect_page_headers(browser.get("/"));
}

TEST_F(Pages, AT_10_style_sheet_is_open_and_unknown_own_paths_are_404_for_who_is_in) {
  const Answer style = world_.ask(Request::get("/.sallyport/style.css"));
  EXPECT_EQ(style.status, 200);
  EXPECT_EQ(style.field("Content-Type"), "text/css; charset=utf-8");
  EXPECT_EQ(style.body, style_sheet());
  for (const std::string_view target : {"/.sallyport", "/.sallyport/", "/.sallyport/nothing",
                                        "/.sallyport/theme.css", "/.sallyport/login/x"}) {
    EXPECT_EQ(page(target).status, 404) << target;
  }
  EXPECT_THAT(world_.tool.heads, IsEmpty()) << "the prefix never reaches the tool";
}

TEST_F(Pages, AT_10_no_spelling_of_the_prefix_reaches_the_tool_as_ours) {
  for (const std::string target : {"/%2esallyport/login", "/.%73allyport/login", "/.sallyport/%6cogin"}) {
    EXPECT_EQ(world_.ask(Request::get(target)).status, 200) << target << ": the login page";
  }
  for (const std::string target : {"//.sallyport/login", "/.Sallyport/login", "/.sallyportx",
                                   "/.sallyport%2flogin", "/x/../.sallyport/login"}) {
    const int status = world_.ask(Request::get(target)).status;
    EXPECT_TRUE(status == 400 || status == 401) << target << ": another path, and not an open one";
  }
  EXPECT_THAT(world_.tool.heads, IsEmpty());
}

TEST_F(Pages, AT_10_next_never_leads_to_another_origin) {
  const std::vector<std::string> bad{"//evil.example",
                                     "///evil.example",
                                     "/\\evil.example",
                                     "\\\\evil.example",
                                     "https://evil.example/",
                                     "http:evil.example",
                                     "javascript:alert(1)",
                                     "data:text/html,x",
                                     " /x",
                                     "/\t/evil.example",
                                     "/\n/evil.example",
                                     "/x\r\nSet-Cookie: a=b",
                                     "x",
                                     "",
                                     "?x",
                                     "#x",
                                     "/.sallyport/logout",
                                     "/.sallyport/login?next=/",
                                     "/%2f/evil.example/..//",
                                     "/../x",
                                     "/a/..//evil.example",
                                     "/.//evil.example",
                                     std::string("/\0x", 3),
                                     "/" + std::string(3000, 'a'),
                                     "/%5cevil.example",
                                     "/%09/evil.example"};
  for (const auto& next : bad) {
    Browser browser(world_);
    const Answer in = browser.log_in(kPassword, next);
    ASSERT_EQ(in.status, 303) << next;
    const std::string where = in.field("Location");
    EXPECT_TRUE(where == "/" || (where.starts_with("/%") && !where.starts_with("//")))
        << next << " -> " << where;
    EXPECT_THAT(in.all("Location"), SizeIs(1));
    const Answer again = browser.get("/.sallyport/login?next=" + form_encode(next));
    EXPECT_EQ(again.field("Location"), where) << next;
  }
  for (const std::string next : {"/", "/x", "/x?y=https://evil.example/&z=1", "/a%20b", "/~u/;p=1"}) {
    Browser browser(world_);
    EXPECT_EQ(browser.log_in(kPassword, next).field("Location"), next);
  }
}

TEST_F(Pages, BY_08_while_the_tool_starts_a_page_or_json_says_so) {
  world_.adopt([](SessionView& view) { view.state = SessionState::starting; });
  const Answer told = page("/");
  EXPECT_EQ(told.status, 503);
  EXPECT_THAT(told.all("Retry-After"), ElementsAre("2"));
  EXPECT_THAT(told.body, testing::AllOf(HasSubstr("tool is starting"), HasSubstr("http-equiv=\"refresh\"")));
  End waits = world_.begin(Request::get("/api").bearer(world_.access_token()));
  EXPECT_THAT(waits.heard(), IsEmpty()) << "a program waits a little";
  world_.advance(kOnDemandWait + 1s);
  waits.pull();
  const Answer answer = Answer::read(waits.heard());
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.body, R"({"error":"starting"})");
  EXPECT_THAT(answer.all("Retry-After"), ElementsAre("2"));
  EXPECT_THAT(world_.tool.heads, IsEmpty());
  EXPECT_EQ(world_.ask(Request::get("/")).status, 401) << "strangers are not told";
}

TEST_F(Pages, BY_08_the_starting_page_shows_the_output_so_far_as_text_to_who_is_signed_in) {
  world_.adopt([](SessionView& view) { view.state = SessionState::starting; });
  world_.output = "reading <b>42</b> files\n</pre><script>alert(1)</script>";
  Browser browser(world_);
  ASSERT_EQ(browser.log_in().status, 303);
  const Answer told = browser.get("/");
  EXPECT_EQ(told.status, 503);
  EXPECT_THAT(told.body, testing::AllOf(HasSubstr("reading &lt;b&gt;42&lt;/b&gt; files"),
                                        HasSubstr("http-equiv=\"refresh\""), Not(HasSubstr("<script"))));
  EXPECT_THAT(world_.output_readers, ElementsAre("alice"));
  EXPECT_THAT(page("/").body, Not(HasSubstr("files"))) << "a token is no sign-in";
  EXPECT_THAT(world_.ask(Request::get("/").navigating()).body, Not(HasSubstr("files")));
  EXPECT_THAT(world_.output_readers, SizeIs(1)) << "nobody else is even asked for";
  world_.output.clear();
  EXPECT_THAT(browser.get("/").body, testing::AllOf(HasSubstr("tool is starting"), Not(HasSubstr("<pre"))));
}

TEST_F(Pages, BY_08_a_request_that_waits_goes_on_as_soon_as_the_tool_is_ready) {
  world_.adopt([](SessionView& view) { view.state = SessionState::dormant; });
  End waits = world_.begin(Request::get("/api").bearer(world_.access_token()));
  EXPECT_EQ(world_.demands, 1) << "it is asked to start";
  world_.advance(3s);
  waits.pull();
  EXPECT_THAT(waits.heard(), IsEmpty());
  world_.adopt([](SessionView&) {});
  world_.advance(1s);
  waits.pull();
  EXPECT_EQ(Answer::read(waits.heard()).status, 200);
}

TEST_F(Pages, BY_02_a_credential_that_ends_while_its_request_waits_ends_the_wait) {
  world_.adopt([](SessionView& view) { view.state = SessionState::starting; });
  const std::string token = world_.session_token();
  End waits = world_.begin(Request::get("/api").bearer(token));
  world_.tokens.revoke(world_.session);
  world_.adopt([](SessionView&) {});
  world_.advance(2s);
  waits.pull();
  EXPECT_THAT(world_.tool.heads, IsEmpty()) << "nothing is passed on any more";
  EXPECT_NE(Answer::read(waits.heard()).status, 200);
}

TEST_F(Pages, BY_08_after_a_failure_the_tail_of_the_output_is_shown_as_text) {
  world_.adopt([](SessionView& view) {
    view.state = SessionState::failed;
    view.detail = "it ended with status 1 <b>";
    view.tail = "</pre><script>alert('x')</script>\"><img src=x onerror=alert(1)>&amp;{{csrf}}";
  });
  const Answer told = page("/");
  EXPECT_EQ(told.status, 503);
  EXPECT_THAT(told.body, HasSubstr("could not be started"));
  EXPECT_THAT(told.body, HasSubstr("&lt;script&gt;"));
  EXPECT_THAT(told.body,
              testing::AllOf(Not(HasSubstr("<script")), Not(HasSubstr("<img")), Not(HasSubstr("<b>"))));
  EXPECT_THAT(told.body, HasSubstr("&amp;amp;{{csrf}}")) << "values are not templates";
  EXPECT_THAT(told.body, Not(HasSubstr("http-equiv=\"refresh\"")));
  const Answer json = api("/");
  EXPECT_EQ(json.status, 503);
  EXPECT_EQ(json.body, R"({"error":"failed"})");
  world_.adopt([](SessionView& view) { view.state = SessionState::stopped; });
  EXPECT_EQ(api("/").body, R"({"error":"ended"})");
  EXPECT_EQ(world_.ask(Request::get("/").navigating()).status, 302) << "strangers see none of it";
}

TEST_F(Pages, unreachable_or_broken_tool_is_502_and_silent_one_504) {
  world_.tool.script = [](const std::string&, const std::string&) {
    return Tool::Reply{"HTTP/9.9 nonsense\r\n\r\n"};
  };
  EXPECT_EQ(page("/").status, 502);
  EXPECT_EQ(api("/").body, R"({"error":"bad_backend"})");
  world_.tool.script = [](const std::string&, const std::string&) {
    return Tool::Reply{"", Tool::Reply::Then::close};
  };
  EXPECT_EQ(page("/").status, 502);
  world_.network->unlisten(world_.tool_address);
  const Answer away = page("/");
  EXPECT_EQ(away.status, 502);
  expect_page_headers(away);
  EXPECT_EQ(api("/").body, R"({"error":"backend_unreachable"})");
  world_.network->listen(world_.tool_address,
                         [this](std::unique_ptr<Stream> stream) { world_.tool.accept(std::move(stream)); });
  world_.tool.script = [](const std::string&, const std::string&) { return Tool::Reply{}; };
  End silent = world_.begin(Request::get("/").with("Accept", "text/html").bearer(world_.access_token()));
  EXPECT_THAT(silent.heard(), IsEmpty());
  world_.advance(ForwardTimeouts{}.response + 2s);
  silent.pull();
  const Answer late = Answer::read(silent.heard());
  EXPECT_EQ(late.status, 504);
  expect_page_headers(late);
}

TEST_F(Pages, a_client_that_stops_sending_its_body_is_told_408) {
  End slow = world_.connect();
  slow.write("POST / HTTP/1.1\r\nHost: " + world_.host + "\r\nAuthorization: Bearer " +
             world_.access_token() + "\r\nContent-Length: 10\r\n\r\n123");
  world_.tool.script = [](const std::string&, const std::string&) { return Tool::Reply{}; };
  world_.settle();
  world_.advance(ForwardTimeouts{}.client_body_idle + 5s);
  slow.pull();
  EXPECT_EQ(Answer::read(slow.heard()).status, 408);
}

TEST(PublicPaths, AT_03_are_exact_and_for_reading_only) {
  WorldOptions options;
  options.settings = [](Settings& settings) { settings.public_paths = {"/health", "/static/*"}; };
  World world(options);
  for (const std::string target : {"/health", "/health?x=1", "/static/a.css", "/static/b/c.js"}) {
    EXPECT_EQ(world.ask(Request::get(target)).status, 200) << target;
  }
  for (const std::string target :
       {"/", "/healthz", "/health/", "/health/x", "/Health", "/staticx", "/h%65althz"}) {
    EXPECT_EQ(world.ask(Request::get(target)).status, 401) << target;
  }
  for (const std::string target :
       {"/static/../secret", "/static/%2e%2e/secret", "/static/..%2fsecret", "/static/.%2e/secret"}) {
    EXPECT_EQ(world.ask(Request::get(target)).status, 400) << target;
  }
  EXPECT_EQ(world.ask(Request::post_json("/health", "{}")).status, 401);
  EXPECT_EQ(world.ask(Request::upgrade("/health").with("Origin", world.origin)).status, 401);
  EXPECT_EQ(world.tool.heads.size(), 4U);
}

TEST_F(Pages, AT_10_status_tells_who_one_is) {
  Browser browser(world_);
  ASSERT_EQ(browser.log_in().status, 303);
  world_.advance(1h);
  const auto body = nlohmann::json::parse(browser.send(Request::get("/.sallyport/auth/status")).body);
  EXPECT_EQ(body["user"], "alice");
  EXPECT_EQ(body["by"], "login");
  EXPECT_EQ(body["session"], "tool");
  EXPECT_EQ(body["expires_in_s"], 24 * 7 * 3600 - 3600);
  const Answer by_token = api("/.sallyport/auth/status");
  EXPECT_EQ(nlohmann::json::parse(by_token.body)["by"], "access_token");
  EXPECT_EQ(by_token.field("Cache-Control"), "no-store");
}

}  // namespace
}  // namespace sallyport::testing_world
