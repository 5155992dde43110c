// SPDX-License-Identifier: Apache-2.0
// `sallyport cookie generate` and `cookie check`.
#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "sallyport/base/text.h"
#include "sallyport/credential/magic_cookie.h"
#include "sallyport/env/posix/system.h"

namespace sallyport {
namespace {

/// read_standard_input reads to the end, and drops one line end.
Result<SecretText> read_standard_input() {
  char buffer[kCookieTextMax + 3];
  std::size_t have = 0;
  while (have < sizeof buffer) {
    const ssize_t got = ::read(STDIN_FILENO, buffer + have, sizeof buffer - have);
    if (got < 0) return fail(Code::unavailable, "cannot read standard input");
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  std::string_view text(buffer, have);
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  SecretText secret(text);
  wipe(std::as_writable_bytes(std::span(buffer)));
  return secret;
}

Result<SecretText> value_of(CookieCheck& check, const Environment& environment) {
  if (!check.variable.empty()) {
    const auto value = environment.get(check.variable);
    if (!value)
      return cookie_error(CookieFault::missing,
                          concat("the variable ", escaped(check.variable), " is not set"));
    return SecretText(*value);
  }
  if (!check.value) {
    return fail(Code::invalid_argument,
                "name a cookie: VALUE, - for standard input, or --env NAME; see --help");
  }
  if (*check.value == "-") return read_standard_input();
  return SecretText(*check.value);
}

int report(const CookieJudgement& judgement, Output output) {
  const bool good = judgement.weakness == CookieWeakness::none;
  const auto bits = static_cast<int>(judgement.bits_estimated);
  if (output == Output::json) {
    std::cout << nlohmann::ordered_json{{"good", good},
                                        {"weakness", name_of(judgement.weakness)},
                                        {"bits_estimated", bits}}
                     .dump()
              << '\n';
  } else if (good) {
    std::cout << "good: about " << bits << " bits (an estimate; it does not prove randomness)\n";
  } else {
    std::cerr << "sallyport: the cookie is refused: " << name_of(judgement.weakness)
              << (bits > 0 ? concat(" (about ", bits, " bits by estimate)") : std::string())
              << ". Make one with: sallyport cookie generate\n";
  }
  return good ? kExitDone : kExitRefused;
}

}  // namespace

int command_cookie_generate(std::size_t length_bytes) {
  SystemEntropy entropy;
  const auto cookie = MagicCookie::generate(entropy, length_bytes);
  if (!cookie) return complain(cookie.error());
  std::cout << cookie->text().expose() << '\n';
  return kExitDone;
}

int command_cookie_check(CookieCheck check, Output output, const Environment& environment) {
  const auto text = value_of(check, environment);
  if (!text) {
    const int status = complain(text.error());
    return text.error().code == Code::not_found ? kExitRefused : status;
  }
  const bool strict = check.strictness == CookieCheck::Strictness::strict;
  return report(judge_cookie(text->expose(), strict ? CookieStrictness::strict : CookieStrictness::usual),
                output);
}

}  // namespace sallyport
