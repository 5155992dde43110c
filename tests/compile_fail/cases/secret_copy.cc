// SPDX-License-Identifier: Apache-2.0
// EXPECT: deleted
#include <utility>

#include "sallyport/base/secret.h"

namespace sallyport {

using Key = Secret<struct KeyTag, 32>;

Key keep(Key& key) {
#ifdef MISTAKE
  return key;
#else
  return std::move(key);
#endif
}

}  // namespace sallyport
