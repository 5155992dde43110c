// SPDX-License-Identifier: Apache-2.0
// Boost.Beast as second opinion; its headers stay in one file.
#pragma once

#include <string>

#include "tests/interop/http_differential/reading.h"

namespace sallyport {

/// beast_objection is empty where Beast reads the same message, else what it reads differently.
std::string beast_objection(const Reading& ours);

}  // namespace sallyport
