// SPDX-License-Identifier: Apache-2.0
#include "sallyport/base/text.h"
#include "sallyport/crypto/digest.h"
#include "sallyport/plugin/server.h"

namespace sallyport {
namespace {

Status malformed(std::string_view whose, CookieWeakness weakness) {
  return cookie_error(CookieFault::malformed, concat(whose, ": ", name_of(weakness)));
}

bool same(std::string_view presented, const SecretText& expected) noexcept {
  return sha256(presented).matches(sha256(expected.expose()));
}

/// check_handed judges a cookie that came by descriptor.
Status check_handed(const PluginServerOptions& options, std::string_view handed) {
  const auto judged = judge_cookie(handed, options.cookie_strictness.value_or(CookieStrictness::usual));
  if (judged.weakness != CookieWeakness::none)
    return malformed("the one handed over by descriptor", judged.weakness);
  const bool expected = options.cookie_key.empty() && !options.cookie_value.empty();
  if (!expected || same(handed, options.cookie_value)) return ok();
  return cookie_error(CookieFault::authentication_failed,
                      "the one handed over by descriptor is another plugin's, or another launch's");
}

}  // namespace

Status check_plugin_cookie(const PluginServerOptions& options, const VariableLookup& variables,
                           const std::optional<SecretText>& handed) {
  if (!options.cookie_key.empty() && options.cookie_value.empty()) {
    return fail(Code::invalid_argument,
                "this plugin is built with a magic cookie's key and no value; its author has to set "
                "cookie_value");
  }
  // A secret that is expected by descriptor alone must be one.
  const bool by_descriptor = options.cookie_key.empty();
  if (!options.cookie_value.empty() && (by_descriptor || options.cookie_strictness)) {
    const auto strictness = options.cookie_strictness.value_or(CookieStrictness::usual);
    const auto judged = judge_cookie(options.cookie_value.expose(), strictness);
    if (judged.weakness != CookieWeakness::none) return malformed("the plugin's own", judged.weakness);
  }
  const auto presented = by_descriptor ? std::string_view() : variables(options.cookie_key).value_or("");
  if (presented.empty()) {
    if (handed) return check_handed(options, handed->expose());
    if (options.cookie == PluginCookieDemand::optional) return ok();
    return cookie_error(CookieFault::missing,
                        by_descriptor ? std::string("none was handed over by descriptor")
                                      : concat("the variable ", options.cookie_key, " is not set"));
  }
  if (same(presented, options.cookie_value)) return ok();
  return cookie_error(CookieFault::authentication_failed,
                      concat("the variable ", options.cookie_key, " holds another cookie"));
}

}  // namespace sallyport
