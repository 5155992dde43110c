// SPDX-License-Identifier: Apache-2.0
#include "sallyport/credential/magic_cookie.h"

#include <algorithm>
#include <array>
#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/crypto/digest.h"

namespace sallyport {
namespace {

constexpr std::size_t kPluginNameMax = 64;

constexpr std::array<CookieAdvice, 4> kAdvice{{
    {"magic_cookie_missing", "there is no magic cookie",
     "let the host that starts the plugin hand one over; make one with: sallyport cookie generate",
     Code::not_found},
    {"magic_cookie_malformed", "the magic cookie cannot be used",
     "take a random one: sallyport cookie generate", Code::invalid_argument},
    {"authentication_failed", "the magic cookie is not the expected one",
     "each plugin and each launch has its own cookie; hand over the one of this launch",
     Code::unauthenticated},
    {"validation_timed_out", "the magic cookie came after its lifetime",
     "start the plugin anew for a new cookie, or raise cookie_timeout", Code::deadline_exceeded},
}};

}  // namespace

const CookieAdvice& advice_for(CookieFault fault) noexcept {
  return kAdvice[static_cast<std::size_t>(fault)];
}

Error cookie_error(CookieFault fault, std::string_view detail) {
  const CookieAdvice& advice = advice_for(fault);
  const std::string_view colon = detail.empty() ? "" : ": ";
  return fail(advice.code, concat(advice.message, colon, detail, "; ", advice.hint));
}

std::optional<CookieFault> cookie_fault_of(const Error& error) noexcept {
  for (std::size_t i = 0; i < kAdvice.size(); ++i) {
    if (kAdvice[i].code == error.code) return static_cast<CookieFault>(i);
  }
  return std::nullopt;
}

MagicCookie::MagicCookie(SecretText text) noexcept
    : text_(std::move(text)), digest_(sha256(text_.expose())) {}

Result<MagicCookie> MagicCookie::generate(Entropy& entropy, std::size_t bytes) {
  if (bytes < kCookieBytesMin || bytes > kCookieBytesMax) {
    return cookie_error(CookieFault::malformed,
                        concat("its length must be ", kCookieBytesMin, " to ", kCookieBytesMax, " bytes"));
  }
  return MagicCookie(SecretText::filled_by(base64url_size(bytes), [&](std::span<char> out) {
    std::array<std::byte, kCookieBytesMax> random;
    const std::span<std::byte> drawn = std::span(random).first(bytes);
    entropy.fill(drawn);
    base64url_encode(drawn, out);
    wipe(drawn);
  }));
}

Result<MagicCookie> MagicCookie::from_string(std::string_view text, CookieStrictness strictness) {
  if (text.empty()) return cookie_error(CookieFault::missing);
  const CookieJudgement judgement = judge_cookie(text, strictness);
  if (judgement.weakness != CookieWeakness::none) {
    return cookie_error(CookieFault::malformed, name_of(judgement.weakness));
  }
  return MagicCookie(SecretText(text));
}

Result<MagicCookie> MagicCookie::from_env(const VariableLookup& lookup, std::string_view name,
                                          CookieStrictness strictness) {
  const auto text = secret_from_variable(lookup, name);
  if (!text) return cookie_error(CookieFault::missing, text.error().what);
  return from_string(text->expose(), strictness);
}

Result<MagicCookie> MagicCookie::from_config(std::optional<std::string_view> value, Absence absence,
                                             Entropy& entropy, CookieStrictness strictness) {
  if (value) return from_string(*value, strictness);
  if (absence == Absence::generate_as_host) return generate(entropy);
  return cookie_error(CookieFault::missing);
}

bool MagicCookie::matches(std::string_view presented) const noexcept {
  if (presented.empty() || presented.size() > kCookieTextMax || text_.empty()) return false;
  return sha256(presented).matches(digest_);
}

Result<std::string> cookie_variable_for(std::string_view plugin) {
  std::string middle;
  for (const char c : plugin) {
    const char upper = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    const bool plain = (upper >= 'A' && upper <= 'Z') || (upper >= '0' && upper <= '9');
    const bool joint = upper == '-' || upper == '_' || upper == '.';
    if (!plain && !joint)
      return cookie_error(CookieFault::malformed, "a plugin's name has letters, digits, '-', '_', '.'");
    middle.push_back(plain ? upper : '_');
  }
  if (middle.empty() || middle.size() > kPluginNameMax) {
    return cookie_error(CookieFault::malformed, "a plugin's name has 1 to 64 characters");
  }
  return concat("PLUGIN_", middle, "_MAGIC_COOKIE");
}

Status CookieGuard::admit(std::optional<std::string_view> presented, MonotonicTime now) const {
  if (!presented || presented->empty()) return cookie_error(CookieFault::missing);
  if (presented->size() > kCookieTextMax || !sha256(*presented).matches(digest_)) {
    return cookie_error(CookieFault::authentication_failed);
  }
  if (now >= expires_) return cookie_error(CookieFault::timed_out);
  return ok();
}

}  // namespace sallyport
