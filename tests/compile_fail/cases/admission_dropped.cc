// SPDX-License-Identifier: Apache-2.0
// EXPECT: ignoring|unused|nodiscard
#include "sallyport/credential/grant.h"

namespace sallyport {

Admission judge();

bool run() {
#ifdef MISTAKE
  judge();
  return true;
#else
  return judge().ok();
#endif
}

}  // namespace sallyport
