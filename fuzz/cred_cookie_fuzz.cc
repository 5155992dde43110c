// SPDX-License-Identifier: Apache-2.0
// Whatever is given as a magic cookie: no crash, an error exactly where a weakness was found, and no error
// that holds the value. A cookie that was taken matches itself and nothing shorter.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "sallyport/credential/magic_cookie.h"

namespace {

sallyport::Error expected(std::string_view text, sallyport::CookieWeakness weakness) {
  using namespace sallyport;
  if (text.empty()) return cookie_error(CookieFault::missing);
  return cookie_error(CookieFault::malformed, name_of(weakness));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const CookieStrictness strictness : {CookieStrictness::usual, CookieStrictness::strict}) {
    const CookieJudgement judgement = judge_cookie(text, strictness);
    if (!std::isfinite(judgement.bits_estimated) || judgement.bits_estimated < 0) std::abort();
    const auto cookie = MagicCookie::from_string(text, strictness);
    if (cookie.has_value() != (judgement.weakness == CookieWeakness::none)) std::abort();
    if (!cookie && cookie.error().what != expected(text, judgement.weakness).what) std::abort();
    if (cookie && (!cookie->matches(text) || cookie->matches(text.substr(1)))) std::abort();
  }
  const auto variable = cookie_variable_for(text);
  if (variable && (!variable->starts_with("PLUGIN_") || !variable->ends_with("_MAGIC_COOKIE"))) std::abort();
  return 0;
}
