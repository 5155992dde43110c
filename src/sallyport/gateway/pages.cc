// SPDX-License-Identifier: Apache-2.0
#include "sallyport/gateway/pages.h"

#include <initializer_list>
#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/http/escape.h"

namespace sallyport {

namespace web {
extern const std::string_view style_css, login_html, login_password_html, login_tailscale_html, link_html,
    message_html, sessions_html;
}

namespace {

using Values = std::initializer_list<std::pair<std::string_view, std::string_view>>;

/// fill replaces {{name}} by its escaped value and {{!name}} by its value as it is: markup made here, of
/// escaped parts.
std::string fill(std::string_view page, Values values) {
  std::string out;
  out.reserve(page.size() + 512);
  for (;;) {
    const auto open = page.find("{{");
    out += page.substr(0, open);
    if (open == std::string_view::npos) return out;
    const auto close = page.find("}}", open);
    auto name = page.substr(open + 2, close - open - 2);
    page.remove_prefix(close + 2);
    const bool markup = name.front() == '!';
    if (markup) name.remove_prefix(1);
    for (const auto& [key, value] : values) {
      if (key == name) out += markup ? std::string(value) : escape_html(value);
    }
  }
}

std::string_view theme_link(const PageFrame& frame) {
  return frame.theme == PageFrame::Theme::linked ? R"(<link rel="stylesheet" href="/.sallyport/theme.css">)"
                                                 : "";
}

std::string notice_of(std::string_view kind, std::string_view text) {
  if (text.empty()) return {};
  return concat("<p class=\"", kind, "\" role=\"alert\">", escape_html(text), "</p>");
}

std::string row_of(const SignIn& row, std::string_view csrf) {
  const bool here = row.which == SignIn::Which::this_one;
  return concat("<tr><td>", escape_html(row.since), here ? "<span class=\"quiet mark\">this one</span>" : "",
                "</td><td>", escape_html(row.last_used), "</td><td class=\"roomy\">", escape_html(row.handle),
                "</td><td><form method=\"post\" action=\"/.sallyport/sessions\"><input type=\"hidden\" "
                "name=\"csrf\" value=\"",
                escape_html(csrf), "\"><button class=\"plain\" type=\"submit\" name=\"end\" value=\"",
                escape_html(row.handle), "\">End</button></form></td></tr>\n");
}

}  // namespace

std::string render_login(const PageFrame& frame, const LoginPage& page) {
  const bool with_user = page.user_field == LoginPage::UserField::shown;
  std::string forms;
  if (page.tailscale == LoginPage::Tailscale::offered)
    forms += fill(web::login_tailscale_html, {{"next", page.next}, {"csrf", page.csrf}});
  if (page.password == LoginPage::Password::taken) {
    forms += fill(
        web::login_password_html,
        {{"next", page.next},
         {"csrf", page.csrf},
         {"user_field",
          with_user
              ? R"(<label for="user">User</label><input id="user" name="user" type="text")"
                R"( autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus>)"
              : ""},
         {"password_focus", with_user ? "" : "autofocus"}});
  }
  return fill(web::login_html, {{"name", frame.name},
                                {"theme", theme_link(frame)},
                                {"host", page.host},
                                {"notice", notice_of("bad", page.notice)},
                                {"forms", forms},
                                {"password_place", page.password == LoginPage::Password::taken
                                                       ? "; its start lines say where the password is kept."
                                                       : "."}});
}

std::string render_link(const PageFrame& frame, std::string_view action, std::string_view csrf) {
  return fill(web::link_html,
              {{"name", frame.name}, {"theme", theme_link(frame)}, {"action", action}, {"csrf", csrf}});
}

std::string render_message(const PageFrame& frame, const MessagePage& page) {
  std::string detail;
  if (!page.output_tail.empty()) {
    detail = concat("<p class=\"quiet\">The last lines that the tool printed:</p>\n<pre tabindex=\"0\">",
                    escape_html(page.output_tail), "</pre>");
  }
  const bool refresh = page.refresh == MessagePage::Refresh::soon;
  return fill(web::message_html, {{"title", page.title},
                                  {"theme", theme_link(frame)},
                                  {"text", page.text},
                                  {"detail", detail},
                                  {"footer", page.footer.empty() ? std::string_view("sallyport")
                                                                 : std::string_view(page.footer)},
                                  {"width", page.output_tail.empty() ? "" : "wide"},
                                  {"refresh", refresh ? R"(<meta http-equiv="refresh" content="2">)" : ""}});
}

std::string render_sign_ins(const PageFrame& frame, const SignInsPage& page) {
  std::string end_others;
  if (page.rows.size() > 1) {
    end_others = concat(
        "<form method=\"post\" action=\"/.sallyport/sessions\"><input type=\"hidden\" name=\"csrf\" value=\"",
        escape_html(page.csrf),
        "\"><button name=\"end\" value=\"others\" type=\"submit\">End my other sign-ins</button></form>");
  }
  std::string rows;
  for (const auto& row : page.rows) rows += row_of(row, page.csrf);
  return fill(web::sessions_html,
              {{"name", frame.name},
               {"theme", theme_link(frame)},
               {"who", page.who},
               {"provider", page.provider},
               {"notice", notice_of(page.tone == SignInsPage::Tone::good ? "good" : "bad", page.notice)},
               {"rows", rows},
               {"end_others", end_others},
               {"csrf", page.csrf}});
}

std::string_view style_sheet() noexcept { return web::style_css; }

}  // namespace sallyport
