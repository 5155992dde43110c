// SPDX-License-Identifier: Apache-2.0
// EXPECT: cannot convert|no viable conversion
#include "sallyport/base/secret.h"

namespace sallyport {

using Ticket = Secret<struct TicketTag, 32>;
using Cookie = Secret<struct CookieTag, 32>;

bool same(const Ticket& mine, const Ticket& given, const Cookie& other) {
#ifdef MISTAKE
  return mine.matches(other) && given.matches(mine);
#else
  return mine.matches(given) && !other.expose().empty();
#endif
}

}  // namespace sallyport
