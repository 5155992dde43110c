// SPDX-License-Identifier: Apache-2.0
// Stands in where libboost-dev is missing; CMake says so.
#include "tests/interop/http_differential/beast_oracle.h"

namespace sallyport {

std::string beast_objection(const Reading&) { return {}; }

}  // namespace sallyport
