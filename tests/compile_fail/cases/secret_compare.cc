// SPDX-License-Identifier: Apache-2.0
// EXPECT: deleted
#include "sallyport/base/secret.h"

namespace sallyport {

using Key = Secret<struct KeyTag, 32>;

bool same(const Key& a, const Key& b) {
#ifdef MISTAKE
  return a == b;
#else
  return a.matches(b);
#endif
}

}  // namespace sallyport
