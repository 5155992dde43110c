// SPDX-License-Identifier: Apache-2.0
// EXPECT: deleted
#include <utility>

#include "sallyport/credential/magic_cookie.h"

namespace sallyport {

MagicCookie keep(MagicCookie& cookie) {
#ifdef MISTAKE
  return cookie;
#else
  return std::move(cookie);
#endif
}

}  // namespace sallyport
