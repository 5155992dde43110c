// SPDX-License-Identifier: Apache-2.0
// EXPECT: could not convert|no viable conversion|conversion from
#include <string>

#include "sallyport/base/secret.h"

namespace sallyport {

SecretText keep(const std::string& text) {
#ifdef MISTAKE
  return text;
#else
  return SecretText(text);
#endif
}

}  // namespace sallyport
