// SPDX-License-Identifier: Apache-2.0
// A consumer of sallyport::credential: mints a magic cookie, admits who shows it, refuses who does not.
#include <chrono>
#include <iostream>

#include "sallyport/credential/magic_cookie.h"
#include "sallyport/env/posix/system.h"

int main() {
  using namespace sallyport;
  SystemEntropy entropy;
  const SystemMonotonicClock clock;
  const auto cookie = MagicCookie::generate(entropy);
  if (!cookie) {
    std::cerr << cookie.error().what << '\n';
    return 1;
  }
  const CookieGuard guard(*cookie, clock.now());
  const Status right = guard.admit(cookie->text().expose(), clock.now());
  const Status wrong = guard.admit("a cookie that somebody made up", clock.now());
  const Status late = guard.admit(cookie->text().expose(), after(clock.now(), kCookieLife));
  const bool held = right.has_value() && !wrong && wrong.error().code == Code::unauthenticated && !late &&
                    late.error().code == Code::deadline_exceeded;
  std::cout << "cookie: " << (held ? "right admitted, wrong and late refused" : "the guard does not hold")
            << '\n';
  return held ? 0 : 1;
}
