// SPDX-License-Identifier: Apache-2.0
// ConnectionFacts: what the kernel and the TLS layer know about one connection. Made by net; nothing in it
// can be forged by the other end.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "sallyport/base/address.h"
#include "sallyport/base/digest.h"
#include "sallyport/base/time.h"
#include "sallyport/identity/principal.h"

namespace sallyport {

/// PeerProcess is the kernel's word about the process at the other end of a local connection.
struct PeerProcess {
  std::uint32_t uid = UINT32_MAX;
  std::int32_t pid = 0;                 ///< 0 where unknown (TCP)
  std::uint32_t gid = UINT32_MAX;       ///< Unix only
  std::vector<std::uint32_t> groups{};  ///< the further ones; Unix only
};

/// CertifiedPeer is who a client certificate proved, as it was judged in the handshake. Shared by the
/// connection and by whoever may end it.
struct CertifiedPeer {
  std::shared_ptr<const Principal> principal;
  Digest fingerprint;                      ///< SHA-256 of the certificate
  MonotonicTime expires{};                 ///< with the certificate
  mutable std::atomic<bool> ended{false};  ///< revoked since: no further request counts
};

enum class Tls : std::uint8_t { off, on };

/// ConnectionFacts lives as long as its connection. `peer` and `local` are the socket's own addresses.
struct ConnectionFacts {
  SocketAddress peer;
  SocketAddress local;
  Tls tls = Tls::off;
  std::optional<PeerProcess>
      process;  ///< Unix: SO_PEERCRED; loopback TCP: the kernel's socket table; else none
  std::shared_ptr<const CertifiedPeer> certified{};  ///< null: no client certificate was shown
};

}  // namespace sallyport
