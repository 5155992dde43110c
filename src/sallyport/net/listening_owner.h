// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "sallyport/base/address.h"

namespace sallyport {

/// listening_socket_of asks the kernel's socket table (sock_diag(7), one exact query) which socket listens
/// for connections to this loopback address: its inode, which no two open sockets share. None where nobody
/// does, or for another address. Costs a few system calls; any thread.
std::optional<std::uint64_t> listening_socket_of(const SocketAddress& address) noexcept;

}  // namespace sallyport
