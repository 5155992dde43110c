// SPDX-License-Identifier: Apache-2.0
// EXPECT: two states
#include "sallyport/base/result.h"

namespace sallyport {

void make() {
#ifdef MISTAKE
  static_cast<void>(sizeof(Result<Error>));
#else
  Result<int>* pointer = nullptr;
  static_cast<void>(pointer);
#endif
}

}  // namespace sallyport
