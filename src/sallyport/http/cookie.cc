// SPDX-License-Identifier: Apache-2.0
#include "sallyport/http/cookie.h"

#include <algorithm>

#include "sallyport/base/text.h"
#include "sallyport/http/internal/bytes.h"

namespace sallyport {
namespace {

constexpr std::chrono::seconds kCookieAgeMax = std::chrono::hours(24 * 400);  // RFC 6265bis section 5.5

/// cookie-octet, RFC 6265 section 4.1.1.
constexpr bool is_cookie_octet(char c) noexcept {
  return c > 0x20 && c < 0x7f && c != '"' && c != ',' && c != ';' && c != '\\';
}

constexpr std::string_view kHostCookie = "__Host-sallyport";
constexpr std::string_view kPlainCookie = "sallyport";
constexpr std::string_view kForm = "-form";

/// is_port_part: "-" and digits.
bool is_port_part(std::string_view text) noexcept {
  return text.size() > 1 && text.front() == '-' &&
         text.find_first_not_of("0123456789", 1) == std::string_view::npos;
}

}  // namespace

CookiePair next_cookie(std::string_view& rest) noexcept {
  const std::size_t semicolon = rest.find(';');
  const std::string_view pair = trimmed(rest.substr(0, semicolon));
  rest.remove_prefix(semicolon == std::string_view::npos ? rest.size() : semicolon + 1);
  const std::size_t equals = pair.find('=');
  if (equals == std::string_view::npos) return {{}, pair};
  return {trimmed(pair.substr(0, equals)), trimmed(pair.substr(equals + 1))};
}

CookieMatches cookies_named(const HeaderFields& fields, std::string_view name) noexcept {
  CookieMatches found;
  if (!fields.has(HeaderId::cookie)) return found;
  for (const HeaderField& field : fields) {
    if (field.id() != HeaderId::cookie) continue;
    std::string_view rest = field.value();
    while (!rest.empty()) {
      const CookiePair pair = next_cookie(rest);
      if (pair.name != name) continue;
      if (found.count == kSameCookieMax) {
        found.too_many = true;
        return found;
      }
      found.values[found.count++] = pair.value;
    }
  }
  return found;
}

std::string login_cookie_name(PublicPort reached) {
  if (reached.scheme == Scheme::http) return concat(kPlainCookie, '-', reached.port);
  if (reached.port == default_port_of(Scheme::https)) return std::string(kHostCookie);
  return concat(kHostCookie, '-', reached.port);
}

std::string form_cookie_name(PublicPort reached) { return concat(login_cookie_name(reached), kForm); }

bool is_gate_cookie(std::string_view name) noexcept {
  if (name.size() > kForm.size() && iequals(name.substr(name.size() - kForm.size()), kForm)) {
    name.remove_suffix(kForm.size());
  }
  if (iequals(name.substr(0, kHostCookie.size()), kHostCookie)) {
    name.remove_prefix(kHostCookie.size());
    return name.empty() || is_port_part(name);
  }
  return iequals(name.substr(0, kPlainCookie.size()), kPlainCookie) &&
         is_port_part(name.substr(std::min(name.size(), kPlainCookie.size())));
}

std::string cookies_without(const HeaderFields& fields, std::span<const std::string_view> names) {
  std::string kept;
  auto is_ours = [names](std::string_view name) {
    if (!names.empty() && is_gate_cookie(name)) return true;
    return std::any_of(names.begin(), names.end(),
                       [name](std::string_view ours) { return iequals(ours, name); });
  };
  for (const HeaderField& field : fields) {
    if (field.id() != HeaderId::cookie) continue;
    std::string_view rest = field.value();
    while (!rest.empty()) {
      const CookiePair pair = next_cookie(rest);
      // "=ours=x" is the cookie "ours" to some readers: of pairs without a name only plain words go on.
      const bool doubtful =
          pair.name.empty() && (pair.value.empty() || pair.value.find('=') != std::string_view::npos);
      if (doubtful || is_ours(pair.name)) continue;
      if (!kept.empty()) kept += "; ";
      if (!pair.name.empty()) kept += concat(pair.name, '=');
      kept += pair.value;
    }
  }
  return kept;
}

Result<std::string> SetCookie::str() const {
  if (!is_token(name)) return fail(Code::invalid_argument, "a cookie's name must be a token");
  if (!std::all_of(value.begin(), value.end(), is_cookie_octet)) {
    return fail(Code::invalid_argument,
                concat("the value of the cookie ", name, " holds a character that cookies cannot"));
  }
  if (name.size() + value.size() > kHttpCookieBytesMax) {
    return fail(Code::invalid_argument, concat("the cookie ", name, " is longer than browsers keep"));
  }
  const bool host_prefix = iequals(name.substr(0, 7), "__Host-") || iequals(name.substr(0, 9), "__Secure-");
  if (host_prefix && secure == CookieSecure::off) {
    return fail(Code::invalid_argument, concat("the cookie ", name, " needs Secure, or browsers drop it"));
  }
  std::string text = concat(name, '=', value,
                            "; Path=/; HttpOnly; SameSite=", same_site == SameSite::lax ? "Lax" : "Strict");
  if (secure == CookieSecure::on) text += "; Secure";
  if (max_age)
    text += concat("; Max-Age=", std::clamp(*max_age, std::chrono::seconds(0), kCookieAgeMax).count());
  return text;
}

}  // namespace sallyport
