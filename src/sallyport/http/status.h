// SPDX-License-Identifier: Apache-2.0
// HTTP status codes for our error codes: this is the one place that converts.
#pragma once

#include <cstdint>
#include <string_view>

#include "sallyport/base/result.h"

namespace sallyport {

/// http_status_of maps an error of our own: 400, 401, 403, 404, 409, 429, 503, 504, 499 (nobody listens),
/// 500.
std::uint16_t http_status_of(Code code) noexcept;
/// reason_phrase returns the standard phrase, "Unknown" where there is none.
std::string_view reason_phrase(std::uint16_t status) noexcept;

}  // namespace sallyport
