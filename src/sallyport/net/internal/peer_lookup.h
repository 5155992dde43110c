// SPDX-License-Identifier: Apache-2.0
// Who is at the other end of a local connection, by the kernel's word.
#pragma once

#include <optional>

#include "sallyport/identity/facts.h"

namespace sallyport {

/// unix_peer is SO_PEERCRED and SO_PEERGROUPS: the process that connected, even if it has passed the socket
/// on since.
std::optional<PeerProcess> unix_peer(int socket);
/// loopback_tcp_peer asks the kernel's socket table (sock_diag(7), one exact query) who owns the socket whose
/// own address is `peer` and whose other end is `local`. None unless both are loopback addresses and that
/// socket is open in a process still: for one that is closed the table would say uid 0, which is not a fact
/// about anybody.
std::optional<PeerProcess> loopback_tcp_peer(const SocketAddress& peer, const SocketAddress& local) noexcept;

}  // namespace sallyport
