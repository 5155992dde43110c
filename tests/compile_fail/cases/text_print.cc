// SPDX-License-Identifier: Apache-2.0
// EXPECT: deleted
#include <ostream>

#include "sallyport/base/secret.h"

namespace sallyport {

void show(std::ostream& out, const SecretText& text) {
#ifdef MISTAKE
  out << text;
#else
  out << text.size();
#endif
}

}  // namespace sallyport
