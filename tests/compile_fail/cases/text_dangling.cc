// SPDX-License-Identifier: Apache-2.0
// EXPECT: deleted
#include "sallyport/base/secret.h"

namespace sallyport {

SecretText make();

std::size_t size() {
#ifdef MISTAKE
  return make().expose().size();
#else
  const SecretText text = make();
  return text.expose().size();
#endif
}

}  // namespace sallyport
