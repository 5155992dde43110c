// SPDX-License-Identifier: Apache-2.0
// EXPECT: private|no matching
#include "sallyport/base/secret.h"

namespace sallyport {

using Key = Secret<struct KeyTag, 32>;

void make(std::span<const std::byte, 32> bytes) {
#ifdef MISTAKE
  Key key;
  static_cast<void>(bytes);
#else
  Key key(bytes);
  static_cast<void>(key.expose());
#endif
}

}  // namespace sallyport
