// SPDX-License-Identifier: Apache-2.0
// Cookies: reading one name out of a request, taking ours out of what is forwarded, and writing Set-Cookie
// (RFC 6265bis).
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sallyport/base/result.h"
#include "sallyport/http/host.h"
#include "sallyport/http/message.h"

namespace sallyport {

/// kSameCookieMax: of cookies with one name (a sibling site can add some) each is tried, up to this many.
inline constexpr std::size_t kSameCookieMax = 4;
inline constexpr std::size_t kHttpCookieBytesMax = 4096;  ///< name and value, RFC 6265bis section 5.6

struct CookiePair {
  std::string_view name;
  std::string_view value;
};

/// next_cookie cuts the first "name=value" off `rest`. A pair without '=' comes back with an empty name, as
/// browsers mean it.
CookiePair next_cookie(std::string_view& rest) noexcept;

/// CookieMatches are the values of one name in order of arrival. `too_many`: there were more than fit; treat
/// as none.
struct CookieMatches {
  std::array<std::string_view, kSameCookieMax> values;
  std::size_t count = 0;
  bool too_many = false;
  [[nodiscard]] std::span<const std::string_view> all() const noexcept {
    return {values.data(), too_many ? 0 : count};
  }
};
/// cookies_named looks through every Cookie field. Names are case-sensitive. No allocation.
CookieMatches cookies_named(const HeaderFields& fields, std::string_view name) noexcept;

/// login_cookie_name is "__Host-sallyport" for who came by https to its own port, "__Host-sallyport-PORT" at
/// another one, "sallyport-PORT" by http: cookies ignore ports, and two gates on one host must not take each
/// other's logins away.
std::string login_cookie_name(PublicPort reached);
/// form_cookie_name is its companion before a login.
std::string form_cookie_name(PublicPort reached);

/// is_gate_cookie: one of the names above for any port, whatever its case: the cookies of every gate on this
/// host, since browsers do not keep cookies of one host's ports apart.
bool is_gate_cookie(std::string_view name) noexcept;

/// cookies_without joins the Cookie fields into one value for the backend and leaves out the names given,
/// whatever their case, and, where any is given, those of every other gate; empty: send no Cookie field.
std::string cookies_without(const HeaderFields& fields, std::span<const std::string_view> names);

enum class CookieSecure : std::uint8_t { off, on };
enum class SameSite : std::uint8_t { strict, lax };

/// SetCookie is always HttpOnly, Path=/ and without Domain, so that it fits the __Host- prefix.
struct SetCookie {
  std::string_view name;
  std::string_view value;
  CookieSecure secure = CookieSecure::on;
  SameSite same_site = SameSite::lax;
  std::optional<std::chrono::seconds> max_age =
      std::nullopt;  ///< none: until the browser closes; 0: delete now

  /// str is the field's value. Code::invalid_argument: a name that is no token, "__Host-" without Secure, a
  /// value outside cookie-octet, or too long.
  [[nodiscard]] Result<std::string> str() const;
};

}  // namespace sallyport
