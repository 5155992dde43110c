// SPDX-License-Identifier: Apache-2.0
// EXPECT: deleted
#include <utility>

#include "sallyport/base/secret.h"

namespace sallyport {

SecretText keep(SecretText& text) {
#ifdef MISTAKE
  return text;
#else
  return text.duplicate();
#endif
}

}  // namespace sallyport
