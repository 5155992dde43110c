// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace sallyport {

/// is_authority: uri-host [ ":" port ] (RFC 3986 section 3.2) as a Host field may hold it: letters, digits,
/// '-', '.', '_', or an IPv6 literal in brackets; no userinfo, no percent-encoding; a port, where the colon
/// stands, of 1 to 65535,
/// without leading zeros.
bool is_authority(std::string_view text) noexcept;

}  // namespace sallyport
