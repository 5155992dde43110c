// SPDX-License-Identifier: Apache-2.0
// A port of the tool's own: picked free, and after the start proven to be held by the tool and nobody else.
// Whoever squats the port would otherwise receive every request of our users, with the backend credential on
// it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/address.h"
#include "sallyport/base/result.h"

namespace sallyport {

inline constexpr std::size_t kListeningSocketsMax = 65536;

/// free_loopback_port returns a TCP port that no socket holds on any address, below the range that outgoing
/// connections take theirs from where that leaves room. It can be taken again before the tool binds it: that
/// is what prove_listener is for. unavailable where the kernel has none.
Result<std::uint16_t> free_loopback_port();

/// ListeningSocket is a line of the kernel's table. A value.
struct ListeningSocket {
  SocketAddress address;
  std::uint32_t uid = 0;
  std::uint64_t inode = 0;
};

/// parse_listening reads the text of /proc/net/tcp or tcp6 and returns what listens; lines that it cannot
/// read are left out.
std::vector<ListeningSocket> parse_listening(std::string_view table);

enum class PortOwner : std::uint8_t {
  nobody,   ///< nothing listens there yet
  tool,     ///< proven
  foreign,  ///< somebody else listens there
};

/// PortProof says who would answer. `address` is where to connect, with `tool` only: 127.0.0.1 where that is
/// served, else
/// ::1. `note` is for the operator: who squats, or that the tool listens beyond loopback.
struct PortProof {
  PortOwner owner = PortOwner::nobody;
  SocketAddress address;
  std::string note;
};

/// prove_listener judges every socket that listens on `port` and could answer on 127.0.0.1 or ::1. `tool`
/// only where each of them belongs to our uid and is held by a process at or below `root`. Blocks on /proc;
/// any thread.
PortProof prove_listener(std::uint16_t port, pid_t root);

}  // namespace sallyport
