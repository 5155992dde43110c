// SPDX-License-Identifier: Apache-2.0
// EXPECT: cannot convert|could not convert|no viable conversion|no known conversion
#include "sallyport/credential/grant.h"

namespace sallyport {

bool live(const Grant& grant, MonotonicTime now, WallTime date) {
#ifdef MISTAKE
  return grant.live_at(date) && now > MonotonicTime{};
#else
  return grant.live_at(now) && date > WallTime{};
#endif
}

}  // namespace sallyport
