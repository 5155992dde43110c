// SPDX-License-Identifier: Apache-2.0
// EXPECT: guessed
#include "sallyport/base/secret.h"

namespace sallyport {

void make() {
#ifdef MISTAKE
  static_cast<void>(sizeof(Secret<struct ShortTag, 15>));
#else
  Secret<struct LongTag, 16>* pointer = nullptr;
  static_cast<void>(pointer);
#endif
}

}  // namespace sallyport
