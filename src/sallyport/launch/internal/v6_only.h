// SPDX-License-Identifier: Apache-2.0
// Whether a listener on [::] leaves IPv4 alone, which no file in /proc tells.
#pragma once

#include <cstdint>
#include <set>

namespace sallyport::internal {

/// v6_only_listeners asks the kernel (sock_diag) for the inodes of those IPv6 sockets that listen on `port`
/// with IPV6_V6ONLY. Empty where there is none, and where the kernel does not say. Does not block; any
/// thread.
std::set<std::uint64_t> v6_only_listeners(std::uint16_t port);

}  // namespace sallyport::internal
