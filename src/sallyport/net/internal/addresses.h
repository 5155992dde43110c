// SPDX-License-Identifier: Apache-2.0
// Between SocketAddress and the kernel's sockaddr.
#pragma once

#include <sys/socket.h>

#include <optional>

#include "sallyport/base/address.h"

namespace sallyport {

/// KernelAddress is a sockaddr with its length.
struct KernelAddress {
  sockaddr_storage storage{};
  socklen_t bytes = sizeof(sockaddr_storage);
  sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
  [[nodiscard]] const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
};

/// to_kernel: none where a Unix path does not fit (or is empty).
std::optional<KernelAddress> to_kernel(const SocketAddress& address) noexcept;
/// from_kernel unwraps v4-mapped addresses; an unnamed Unix socket has an empty path, an abstract one "@...".
SocketAddress from_kernel(const KernelAddress& address);
/// local_address is getsockname(2).
SocketAddress local_address(int socket);

}  // namespace sallyport
