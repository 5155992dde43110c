// SPDX-License-Identifier: Apache-2.0
// EXPECT: deleted
#include <utility>

#include "sallyport/credential/token.h"

namespace sallyport {

Minted keep(Minted& minted) {
#ifdef MISTAKE
  return minted;
#else
  return std::move(minted);
#endif
}

}  // namespace sallyport
