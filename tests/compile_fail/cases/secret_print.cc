// SPDX-License-Identifier: Apache-2.0
// EXPECT: deleted
#include <ostream>

#include "sallyport/base/secret.h"

namespace sallyport {

using Key = Secret<struct KeyTag, 32>;

void show(std::ostream& out, const Key& key) {
#ifdef MISTAKE
  out << key;
#else
  out << key.expose().size();
#endif
}

}  // namespace sallyport
