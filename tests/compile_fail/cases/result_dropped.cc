// SPDX-License-Identifier: Apache-2.0
// EXPECT: ignoring|unused|nodiscard
#include "sallyport/base/result.h"

namespace sallyport {

Status save();

void run() {
#ifdef MISTAKE
  save();
#else
  if (!save()) return;
#endif
}

}  // namespace sallyport
