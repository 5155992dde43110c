// SPDX-License-Identifier: Apache-2.0
// EXPECT: deleted
#include <utility>

#include "sallyport/base/secret.h"

namespace sallyport {

using Key = Secret<struct KeyTag, 32>;

void keep(Key& here, Key& key) {
#ifdef MISTAKE
  here = key;
#else
  here = std::move(key);
#endif
}

}  // namespace sallyport
