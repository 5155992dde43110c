// SPDX-License-Identifier: Apache-2.0
// Question: does every value that a page shows stay text, and does no page hold a script, a gap or another's
// resource?
#include <gmock/gmock.h>

#include "sallyport/gateway/pages.h"

namespace sallyport {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kHostile = R"("><script>alert(1)</script><img src=x onerror='a'>{{csrf}}{{!detail}}&)";

/// count_of counts a text in another.
std::size_t count_of(std::string_view text, std::string_view what) {
  std::size_t count = 0;
  for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

/// hostile_pages are all pages, with something hostile in every value.
std::vector<std::string> hostile_pages() {
  PageFrame frame;
  frame.name = kHostile;
  LoginPage login;
  login.host = login.next = login.csrf = login.notice = kHostile;
  login.user_field = LoginPage::UserField::shown;
  login.tailscale = LoginPage::Tailscale::offered;
  MessagePage message;
  message.title = message.text = message.output_tail = message.footer = kHostile;
  message.refresh = MessagePage::Refresh::soon;
  SignInsPage sign_ins;
  sign_ins.who = sign_ins.provider = sign_ins.csrf = sign_ins.notice = kHostile;
  sign_ins.rows = {SignIn{kHostile, kHostile, kHostile, SignIn::Which::this_one},
                   SignIn{kHostile, kHostile, kHostile, SignIn::Which::other}};
  return {render_login(frame, login), render_link(frame, kHostile, kHostile), render_message(frame, message),
          render_sign_ins(frame, sign_ins)};
}

TEST(Pages, AT_10_hostile_values_stay_text_on_every_page) {
  for (const auto& page : hostile_pages()) {
    EXPECT_THAT(page, AllOf(Not(HasSubstr("<script")), Not(HasSubstr("<img")), HasSubstr("&lt;script&gt;")));
    EXPECT_THAT(page, Not(HasSubstr(kHostile))) << "no value closes its attribute";
    EXPECT_THAT(page, HasSubstr("{{csrf}}")) << "a value is not a template";
  }
}

TEST(Pages, AT_10_every_page_is_whole_and_uses_nothing_from_elsewhere) {
  for (const auto& page : hostile_pages()) {
    EXPECT_EQ(count_of(page, "<html"), 1U);
    EXPECT_EQ(count_of(page, "</html>"), 1U);
    EXPECT_EQ(count_of(page, "<main"), 1U);
    EXPECT_THAT(page, HasSubstr("<html lang=\"en\">"));
    EXPECT_THAT(page, AllOf(Not(HasSubstr("http://")), Not(HasSubstr("https://")),
                            Not(HasSubstr(" style=\"")), Not(HasSubstr("<style"))));
  }
  EXPECT_THAT(style_sheet(),
              AllOf(Not(testing::IsEmpty()), Not(HasSubstr("@import")), Not(HasSubstr("url(http"))));
}

TEST(Pages, BY_10_the_login_page_has_a_form_for_each_way_that_there_is) {
  LoginPage page;
  EXPECT_THAT(render_login({}, page), AllOf(HasSubstr("name=\"password\""), Not(HasSubstr("tailscale"))));
  page.password = LoginPage::Password::not_taken;
  EXPECT_THAT(render_login({}, page), AllOf(Not(HasSubstr("<form")), Not(HasSubstr("password"))));
  page.tailscale = LoginPage::Tailscale::offered;
  EXPECT_THAT(render_login({}, page),
              AllOf(HasSubstr("name=\"by\" value=\"tailscale\""), Not(HasSubstr("password"))));
}

TEST(Pages, AT_10_placeholders_of_the_templates_are_all_filled) {
  PageFrame frame;
  frame.name = "tool";
  EXPECT_THAT(render_login(frame, {}), Not(HasSubstr("{{")));
  EXPECT_THAT(render_link(frame, "/.sallyport/link/x", "c"), Not(HasSubstr("{{")));
  EXPECT_THAT(render_message(frame, {}), Not(HasSubstr("{{")));
  EXPECT_THAT(render_sign_ins(frame, {}), Not(HasSubstr("{{")));
}

TEST(Pages, AT_10_login_form_has_what_password_managers_and_screen_readers_need) {
  PageFrame frame;
  frame.name = "tool";
  LoginPage page;
  page.next = "/a?b=1&c=2";
  page.csrf = "field";
  const std::string plain = render_login(frame, page);
  EXPECT_THAT(plain,
              AllOf(HasSubstr("autocomplete=\"current-password\""), HasSubstr("<label for=\"password\">"),
                    HasSubstr("value=\"/a?b=1&amp;c=2\""), HasSubstr("method=\"post\"")));
  EXPECT_THAT(plain, Not(HasSubstr("role=\"alert\""))) << "no notice without a reason";
  EXPECT_THAT(plain, Not(HasSubstr("name=\"user\"")));
  page.user_field = LoginPage::UserField::shown;
  page.notice = "Wrong";
  const std::string full = render_login(frame, page);
  EXPECT_THAT(full, AllOf(HasSubstr("<label for=\"user\">"), HasSubstr("autocomplete=\"username\""),
                          HasSubstr("role=\"alert\"")));
  EXPECT_EQ(count_of(full, "autofocus"), 1U);
}

TEST(Pages, theme_is_linked_where_there_is_one) {
  PageFrame frame;
  EXPECT_THAT(render_message(frame, {}), Not(HasSubstr("theme.css")));
  frame.theme = PageFrame::Theme::linked;
  EXPECT_THAT(render_message(frame, {}), HasSubstr("href=\"/.sallyport/theme.css\""));
}

TEST(Pages, BY_08_message_refreshes_and_shows_output_only_where_told) {
  MessagePage page;
  page.title = "tool is starting";
  EXPECT_THAT(render_message({}, page), AllOf(Not(HasSubstr("http-equiv")), Not(HasSubstr("<pre"))));
  page.refresh = MessagePage::Refresh::soon;
  page.output_tail = "line 1\nline 2";
  EXPECT_THAT(render_message({}, page),
              AllOf(HasSubstr("http-equiv=\"refresh\""), HasSubstr("line 1\nline 2</pre>")));
}

TEST(Pages, AT_10_sign_ins_name_this_one_and_carry_the_field_in_each_form) {
  SignInsPage page;
  page.csrf = "field";
  page.rows = {SignIn{"aaa", "then", "now", SignIn::Which::this_one},
               SignIn{"bbb", "then", "now", SignIn::Which::other}};
  const std::string html = render_sign_ins({}, page);
  EXPECT_EQ(count_of(html, ">this one<"), 1U);
  EXPECT_EQ(count_of(html, "<form"), 4U);
  EXPECT_EQ(count_of(html, "name=\"csrf\" value=\"field\""), 4U);
  EXPECT_THAT(html, AllOf(HasSubstr("value=\"aaa\""), HasSubstr("value=\"bbb\"")));
  page.rows.pop_back();
  EXPECT_THAT(render_sign_ins({}, page), Not(HasSubstr("value=\"others\""))) << "there are none to end";
}

TEST(Pages, AT_10_policy_allows_no_script_and_no_frame) {
  EXPECT_THAT(std::string(kPagePolicy),
              AllOf(HasSubstr("default-src 'none'"), HasSubstr("frame-ancestors 'none'"),
                    HasSubstr("base-uri 'none'"), Not(HasSubstr("script-src")), Not(HasSubstr("unsafe"))));
}

}  // namespace
}  // namespace sallyport
