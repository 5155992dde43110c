// SPDX-License-Identifier: Apache-2.0
// The client's address behind a trusted proxy: the rightmost address of X-Forwarded-For that is not a trusted
// proxy itself.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "sallyport/base/address.h"
#include "sallyport/http/message.h"

namespace sallyport {

/// kForwardedHopsMax proxies in a row are believed.
inline constexpr std::size_t kForwardedHopsMax = 16;

/// client_address is `peer` unless that is in `trusted`; then X-Forwarded-For is read from the right.
/// nullopt: a trusted proxy reported something that is no address, or too many hops: nobody knows who asks,
/// so nobody is let in.
std::optional<IpAddress> client_address(const IpAddress& peer, const HeaderFields& fields,
                                        std::span<const Cidr> trusted);

}  // namespace sallyport
