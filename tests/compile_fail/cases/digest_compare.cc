// SPDX-License-Identifier: Apache-2.0
// EXPECT: no match for|invalid operands
#include "sallyport/base/digest.h"

namespace sallyport {

bool same(const Digest& a, const Digest& b) {
#ifdef MISTAKE
  return a == b;
#else
  return a.matches(b);
#endif
}

}  // namespace sallyport
