// SPDX-License-Identifier: Apache-2.0
// SHA-1 for Sec-WebSocket-Accept, where RFC 6455 asks for it. Good for nothing else: no secret depends on it.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace sallyport {

/// sha1: FIPS 180-4 section 6.1, for short texts.
std::array<std::byte, 20> sha1(std::string_view text);

}  // namespace sallyport
