// SPDX-License-Identifier: Apache-2.0
// EXPECT: deleted
#include "sallyport/base/secret.h"

namespace sallyport {

bool same(const SecretText& a, const SecretText& b) {
#ifdef MISTAKE
  return a == b;
#else
  return a.matches(b);
#endif
}

}  // namespace sallyport
