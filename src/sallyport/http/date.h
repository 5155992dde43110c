// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "sallyport/base/time.h"

namespace sallyport {

/// http_date is IMF-fixdate (RFC 9110 section 5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT". Years 0 to 9999. Make
/// it once a second, not once a request.
std::array<char, 29> http_date(WallTime now) noexcept;

}  // namespace sallyport
