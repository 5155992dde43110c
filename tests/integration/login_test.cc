// SPDX-License-Identifier: Apache-2.0
// Question: does a person get in by password or link, and out again, with nothing but a browser and no
// script?
#include <gmock/gmock.h>

#include "tests/integration/world.h"

namespace sallyport::testing_world {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

class Login : public testing::Test {
 protected:
  World world_;
  Browser browser_{world_};
};

TEST_F(Login, AT_10_by_form_leads_back_to_where_one_wanted_to_go) {
  const Answer sent = browser_.get("/notes?id=7");
  ASSERT_EQ(sent.status, 302);
  const Answer form = browser_.get(sent.field("Location"));
  ASSERT_EQ(form.status, 200);
  EXPECT_EQ(between(form.body, R"(name="next" value=")", "\""), "/notes?id=7");
  EXPECT_THAT(form.body, Not(HasSubstr("<script")));
  const Answer in =
      browser_.post("/.sallyport/login",
                    {{"csrf", csrf_in(form)}, {"next", "/notes?id=7"}, {"password", std::string(kPassword)}});
  EXPECT_EQ(in.status, 303);
  EXPECT_EQ(in.field("Location"), "/notes?id=7");
  const auto set = in.all("Set-Cookie");
  ASSERT_THAT(set, testing::Not(IsEmpty()));
  EXPECT_THAT(set.front(),
              AllOf(StartsWith("__Host-sallyport-7070=spc_"), HasSubstr("HttpOnly"), HasSubstr("Secure"),
                    HasSubstr("SameSite=Lax"), HasSubstr("Path=/"), Not(HasSubstr("Domain"))));
  EXPECT_EQ(browser_.get("/notes?id=7").status, 200);
  EXPECT_THAT(world_.tool.heads, SizeIs(1));
  EXPECT_EQ(value_in(world_.tool.heads.front(), "X-Forwarded-User"), "alice");
}

TEST(LoginBehindAProxy, AT_10_the_cookie_follows_the_public_url_and_not_the_listener) {
  WorldOptions options;
  options.place = Place::loopback;
  options.settings = [](Settings& settings) {
    settings.public_urls = {*PublicUrl::parse("https://tool.example")};
    settings.no_local_trust = Switch::on;
  };
  World world(options);
  world.host = "tool.example";
  world.origin = "https://tool.example";
  Browser browser(world);
  const Answer in = browser.log_in();
  ASSERT_EQ(in.status, 303);
  EXPECT_THAT(in.all("Set-Cookie"),
              testing::Each(AllOf(StartsWith("__Host-sallyport"), HasSubstr("; Secure"))));
  EXPECT_EQ(browser.get("/").status, 200);
  EXPECT_EQ(value_in(world.tool.heads.back(), "X-Forwarded-Proto"), "https");
  const std::string login = browser.login_cookie();
  EXPECT_EQ(world.ask(Request::get("/").with("Cookie", "sallyport-7070=" + login)).status, 401);
  world.host = world.front.str();
  EXPECT_EQ(world.ask(Request::get("/").with("Cookie", "__Host-sallyport=" + login)).status, 401);
}

TEST_F(Login, AT_10_wrong_password_shows_the_form_again_and_opens_nothing) {
  const Answer wrong = browser_.log_in("not it", "/notes");
  EXPECT_EQ(wrong.status, 401);
  EXPECT_THAT(wrong.body, HasSubstr("do not match"));
  EXPECT_EQ(between(wrong.body, R"(name="next" value=")", "\""), "/notes");
  EXPECT_THAT(wrong.body, Not(HasSubstr("not it")));
  EXPECT_THAT(browser_.login_cookie(), IsEmpty());
  EXPECT_EQ(browser_.get("/").status, 302);
  EXPECT_THAT(world_.audit_text(), Not(HasSubstr("not it")));
}

TEST_F(Login, SG_11_many_wrong_passwords_bring_a_wait_that_time_ends) {
  Answer answer;
  for (int i = 0; i < 8; ++i) answer = browser_.log_in("not it");
  EXPECT_EQ(answer.status, 403);
  ASSERT_THAT(answer.field("Retry-After"), Not(IsEmpty()));
  EXPECT_EQ(browser_.log_in().status, 403) << "the right one has to wait as well";
  world_.advance(std::chrono::seconds(std::stoi(browser_.log_in().field("Retry-After"))));
  EXPECT_EQ(browser_.log_in().status, 303);
}

TEST_F(Login, AT_10_a_form_without_its_field_or_of_another_browser_is_refused) {
  const Answer mine = browser_.get("/.sallyport/login");
  Browser other(world_);
  const Answer theirs = other.get("/.sallyport/login");
  const std::string password(kPassword);
  for (const std::string& csrf : {std::string(), csrf_in(theirs), csrf_in(mine) + "A", std::string("x")}) {
    const Answer answer = browser_.post("/.sallyport/login", {{"csrf", csrf}, {"password", password}});
    EXPECT_EQ(answer.status, 403) << csrf;
    EXPECT_THAT(answer.body, HasSubstr("open for too long"));
  }
  const std::string body = "csrf=" + form_encode(csrf_in(mine)) + "&password=" + form_encode(password);
  EXPECT_EQ(
      browser_.send(Request::post("/.sallyport/login", "text/plain", body).with("Origin", world_.origin))
          .status,
      400);
  EXPECT_EQ(browser_
                .send(Request::post("/.sallyport/login", "application/x-www-form-urlencoded", body)
                          .with("Origin", "https://evil.example"))
                .status,
            403);
  EXPECT_EQ(
      browser_
          .send(Request::post("/.sallyport/login", "application/x-www-form-urlencoded", body + "&password=x")
                    .with("Origin", world_.origin))
          .status,
      401);
  world_.advance(kFormLife);
  EXPECT_EQ(browser_.post("/.sallyport/login", {{"csrf", csrf_in(mine)}, {"password", password}}).status,
            403);
  EXPECT_THAT(browser_.login_cookie(), IsEmpty());
}

TEST_F(Login, AT_10_many_tabs_can_stand_open_and_each_works) {
  std::vector<Answer> tabs;
  for (int i = 0; i < 20; ++i)
    tabs.push_back(browser_.get("/.sallyport/login?next=/tab" + std::to_string(i)));
  EXPECT_THAT(browser_.cookies, SizeIs(1)) << "one form cookie for all";
  for (const auto i : {7, 0, 19}) {
    Browser person = browser_;
    const auto next = "/tab" + std::to_string(i);
    const Answer in = person.post("/.sallyport/login", {{"csrf", csrf_in(tabs[static_cast<std::size_t>(i)])},
                                                        {"next", next},
                                                        {"password", std::string(kPassword)}});
    EXPECT_EQ(in.status, 303);
    EXPECT_EQ(in.field("Location"), next);
  }
}

TEST_F(Login, AT_10_a_planted_login_cookie_is_worth_nothing_after_the_login) {
  ASSERT_EQ(browser_.log_in().status, 303);
  const std::string before = browser_.login_cookie();
  Browser attacker = browser_;
  const Answer again = browser_.get("/.sallyport/login?next=/x");
  EXPECT_EQ(again.status, 303) << "who is in need not log in";
  world_.logins.end_all("alice");
  browser_.cookies = {{"__Host-sallyport-7070", before}};
  ASSERT_EQ(browser_.log_in().status, 303);
  EXPECT_NE(browser_.login_cookie(), before);
  EXPECT_EQ(attacker.get("/").status, 302);
}

TEST_F(Login, BY_03_link_opens_once_by_its_button_and_is_not_spent_by_looking) {
  const std::string link = world_.login_link();
  Answer page;
  for (int i = 0; i < 3; ++i) {
    Browser preview(world_);
    page = preview.get(link);
    EXPECT_EQ(page.status, 200);
    EXPECT_EQ(page.field("Referrer-Policy"), "strict-origin") << "the link stays here";
    EXPECT_THAT(preview.login_cookie(), IsEmpty());
    Request head = Request::get(link).navigating();
    head.method = "HEAD";
    EXPECT_EQ(preview.send(head).status, 200);
  }
  EXPECT_EQ(browser_.post(link, {{"csrf", csrf_in(page)}}).status, 403) << "another browser's button";
  page = browser_.get(link);
  const Answer in = browser_.post(link, {{"csrf", csrf_in(page)}});
  EXPECT_EQ(in.status, 303);
  EXPECT_EQ(in.field("Location"), "/");
  EXPECT_EQ(browser_.get("/").status, 200);
  Browser late(world_);
  page = late.get(link);
  EXPECT_EQ(page.status, 200) << "the page does not tell whether the link is still good";
  const Answer refused = late.post(link, {{"csrf", csrf_in(page)}});
  EXPECT_EQ(refused.status, 401);
  EXPECT_THAT(refused.body, HasSubstr("not good any more"));
  EXPECT_THAT(late.login_cookie(), IsEmpty());
  EXPECT_THAT(world_.audit_text(), Not(HasSubstr(link.substr(kLinkPrefix.size() + 4))))
      << "a link is a secret";
}

TEST_F(Login, BY_03_link_expires) {
  const std::string link = world_.login_link();
  const Answer page = browser_.get(link);
  world_.advance(std::chrono::minutes(10));
  EXPECT_EQ(browser_.post(link, {{"csrf", csrf_in(page)}}).status, 401);
}

TEST_F(Login, AT_10_ends_by_idleness_and_by_age_on_the_monotonic_clock_alone) {
  ASSERT_EQ(browser_.log_in().status, 303);
  world_.wall.advance(std::chrono::hours(24 * 400));
  EXPECT_EQ(browser_.get("/").status, 200) << "a wall clock that leaps forward changes nothing";
  world_.wall.advance(-std::chrono::hours(24 * 4000));
  EXPECT_EQ(browser_.get("/").status, 200) << "nor one that leaps back";
  world_.advance(std::chrono::hours(24) - 1s);
  EXPECT_EQ(browser_.get("/").status, 200);
  world_.advance(std::chrono::hours(24));
  EXPECT_EQ(browser_.get("/").status, 302) << "idle for a day";
  ASSERT_EQ(browser_.log_in().status, 303);
  for (int hour = 0; hour < 24 * 7 - 1; ++hour) {
    world_.advance(std::chrono::hours(1));
    ASSERT_EQ(browser_.get("/").status, 200) << "busy, hour " << hour;
  }
  world_.advance(std::chrono::hours(1));
  EXPECT_EQ(browser_.get("/").status, 302) << "a week old, however busy";
}

TEST_F(Login, AT_10_logout_needs_its_form_and_leaves_the_others_in) {
  Browser laptop(world_);
  ASSERT_EQ(browser_.log_in().status, 303);
  ASSERT_EQ(laptop.log_in().status, 303);
  EXPECT_EQ(browser_.get("/.sallyport/logout").status, 405);
  EXPECT_EQ(browser_.get("/").status, 200) << "a GET ends nothing";
  const Answer page = browser_.get("/.sallyport/sessions");
  ASSERT_EQ(page.status, 200);
  EXPECT_NE(
      browser_.post("/.sallyport/logout", {{"csrf", csrf_in(laptop.get("/.sallyport/sessions"))}}).status,
      303)
      << "another login's form";
  EXPECT_EQ(browser_.get("/").status, 200);
  const std::string cookie = browser_.login_cookie();
  const Answer out = browser_.post("/.sallyport/logout", {{"csrf", csrf_in(page)}});
  EXPECT_EQ(out.status, 303);
  EXPECT_EQ(out.field("Location"), "/.sallyport/login");
  EXPECT_THAT(browser_.login_cookie(), IsEmpty()) << "the browser is told to forget it";
  browser_.cookies.emplace_back("__Host-sallyport-7070", cookie);
  EXPECT_EQ(browser_.get("/").status, 302) << "and the cookie would be worth nothing";
  EXPECT_EQ(laptop.get("/").status, 200);
}

TEST_F(Login, AT_10_the_page_of_sign_ins_ends_one_or_all_others) {
  Browser laptop(world_);
  Browser phone(world_);
  for (auto* device : {&browser_, &laptop, &phone}) ASSERT_EQ(device->log_in().status, 303);
  const Answer page = browser_.get("/.sallyport/sessions");
  EXPECT_THAT(page.body, AllOf(HasSubstr(">this one<"), HasSubstr("alice")));
  for (auto* device : {&browser_, &laptop, &phone})
    EXPECT_THAT(page.body, Not(HasSubstr(device->login_cookie().substr(4))));
  const auto own_row = page.body.find(">this one<");
  const auto other =
      between(page.body.substr(page.body.find("</tr>", own_row)), R"(name="end" value=")", "\"");
  const Answer ended = browser_.post("/.sallyport/sessions", {{"csrf", csrf_in(page)}, {"end", other}});
  EXPECT_EQ(ended.status, 303);
  EXPECT_EQ(ended.field("Location"), "/.sallyport/sessions");
  EXPECT_EQ(laptop.get("/").status, 302);
  EXPECT_EQ(phone.get("/").status, 200);
  EXPECT_EQ(browser_.post("/.sallyport/sessions", {{"csrf", csrf_in(page)}, {"end", "others"}}).status, 303);
  EXPECT_EQ(phone.get("/").status, 302);
  EXPECT_EQ(browser_.get("/").status, 200);
  const Answer unasked = browser_.post("/.sallyport/sessions", {{"csrf", "x"}, {"end", "others"}});
  EXPECT_NE(unasked.status, 303);
}

TEST_F(Login, AT_07_a_changed_password_counts_at_once_and_ends_the_logins_of_the_old_one) {
  ASSERT_EQ(browser_.log_in().status, 303);
  world_.files.files["/state/password"] = "a new one, long enough\n";
  Browser fresh(world_);
  EXPECT_EQ(fresh.log_in().status, 401);
  EXPECT_EQ(fresh.log_in("a new one, long enough").status, 303);
  world_.housekeep();
  EXPECT_EQ(browser_.get("/").status, 302);
}

TEST_F(Login, AT_07_an_unreadable_or_empty_password_file_lets_nobody_in) {
  ASSERT_EQ(browser_.log_in().status, 303);
  Browser fresh(world_);
  world_.files.unreadable.insert("/state/password");
  for (const std::string_view password : {kPassword, std::string_view("")})
    EXPECT_EQ(fresh.log_in(password).status, 503);
  world_.files.unreadable.clear();
  world_.files.files["/state/password"] = "";
  for (const std::string_view password : {kPassword, std::string_view("")})
    EXPECT_EQ(fresh.log_in(password).status, 503);
  EXPECT_EQ(browser_.get("/").status, 200) << "who is in stays in";
}

}  // namespace
}  // namespace sallyport::testing_world
