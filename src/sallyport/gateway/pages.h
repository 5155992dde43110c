// SPDX-License-Identifier: Apache-2.0
// The gate's own pages, from the templates under web/: no script, no outside resource, every value escaped.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport {

/// PageFrame is what every page shows: the guarded tool's name, and whether a theme is linked after the style
/// sheet.
struct PageFrame {
  enum class Theme : std::uint8_t { none, linked };
  std::string name;
  Theme theme = Theme::none;
};

/// LoginPage is the form. `next` was judged by http's return path; `notice` says why the last try failed.
struct LoginPage {
  enum class UserField : std::uint8_t { hidden, shown };
  std::string host;
  std::string next;
  std::string csrf;
  std::string notice;
  UserField user_field = UserField::hidden;
  enum class Password : std::uint8_t { taken, not_taken };
  Password password = Password::taken;
  enum class Tailscale : std::uint8_t { absent, offered };
  Tailscale tailscale = Tailscale::absent;
};
std::string render_login(const PageFrame& frame, const LoginPage& page);

/// render_link is the page behind a one-time link: a button, since previews follow links. `action` holds the
/// link's own path, and so a secret: the answer must not be cached or logged.
std::string render_link(const PageFrame& frame, std::string_view action, std::string_view csrf);

/// MessagePage tells of a state: starting, unreachable, refused. `output_tail` is shown as text, if any.
struct MessagePage {
  enum class Refresh : std::uint8_t { none, soon };
  std::string title;
  std::string text;
  std::string output_tail;
  std::string footer;
  Refresh refresh = Refresh::none;
};
std::string render_message(const PageFrame& frame, const MessagePage& page);

/// SignIn is one row of the page of a person's own sign-ins.
struct SignIn {
  enum class Which : std::uint8_t { this_one, other };
  std::string handle;  ///< a fingerprint: names the sign-in in the form and in the audit log; no secret
  std::string since;
  std::string last_used;
  Which which = Which::other;
};
struct SignInsPage {
  enum class Tone : std::uint8_t { good, bad };
  std::string who;
  std::string provider;
  std::string csrf;
  std::string notice;
  Tone tone = Tone::good;
  std::vector<SignIn> rows;
};
std::string render_sign_ins(const PageFrame& frame, const SignInsPage& page);

/// style_sheet is web/style.css.
std::string_view style_sheet() noexcept;

/// kPagePolicy is the Content-Security-Policy of all of the above.
inline constexpr std::string_view kPagePolicy =
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'";

}  // namespace sallyport
