// SPDX-License-Identifier: Apache-2.0
// Connecting to a plugin: what the file system and the kernel say of the socket has to fit the process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "sallyport/base/address.h"
#include "sallyport/base/result.h"
#include "sallyport/identity/facts.h"
#include "sallyport/net/mutual_tls.h"
#include "sallyport/net/stream.h"
#include "sallyport/rpc/shared_loop.h"

namespace sallyport {

/// PluginPeer is who may be at the other end of a plugin's socket.
struct PluginPeer {
  std::uint32_t uid = 0;
  pid_t process = 0;  ///< the plugin's
  pid_t root = 0;     ///< it and all below it may hold the port
  /// below says whether what the process has started may be the peer of a Unix socket.
  enum class Below : std::uint8_t { no, yes } below = Below::yes;

  /// check_owner looks at a Unix socket's file, or at who holds a port, before anybody connects to it.
  /// Errors: unavailable (there is none), permission_denied.
  [[nodiscard]] Status check_owner(const SocketAddress& address) const;
  /// check judges what the kernel says of the other end. Error: permission_denied.
  [[nodiscard]] Status check(const SocketAddress& address, const std::optional<PeerProcess>& peer) const;

 private:
  [[nodiscard]] Status check_port(const SocketAddress& address) const;
};

/// connect_plugin dials, checks, and does the TLS handshake where `tls` is not null. Blocks. Errors: those of
/// PluginPeer, Dialer and MutualTls.
Result<std::unique_ptr<Stream>> connect_plugin(SharedLoop& loop, const SocketAddress& address,
                                               const PluginPeer& peer,
                                               const std::shared_ptr<const MutualTls>& tls,
                                               MonotonicTime deadline);

}  // namespace sallyport
