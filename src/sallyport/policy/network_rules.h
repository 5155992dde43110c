// SPDX-License-Identifier: Apache-2.0
// NetworkRules: which addresses may come at all. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sallyport/base/address.h"
#include "sallyport/identity/facts.h"

namespace sallyport {

/// NetworkRules judges the socket's own address, or the one that a trusted proxy names; never one that a
/// client wrote. A denied network is denied whatever else holds. Where networks are allowed by name, all
/// others are denied. The unnamed peer of a Unix socket has no network: it is judged by its uid, and denied
/// where the kernel did not tell it. A mapped address (::ffff:192.0.2.1) is the v4 address that it stands
/// for; IpAddress sees to that.
struct NetworkRules {
  std::vector<Cidr> allow;  ///< empty: all
  std::vector<Cidr> deny;
  std::vector<std::uint32_t>
      peer_uids;  ///< of Unix peers; neither these nor gids: whom the socket's mode lets in
  std::vector<std::uint32_t> peer_gids{};  ///< of Unix peers: their group, or one of their further groups

  /// judges_peers tells whether it matters who a Unix peer is, so that the kernel need not be asked else.
  [[nodiscard]] bool judges_peers() const noexcept { return !peer_uids.empty() || !peer_gids.empty(); }

  [[nodiscard]] bool admits(const IpAddress& peer) const noexcept;
  [[nodiscard]] bool admits_local(const std::optional<PeerProcess>& peer) const noexcept;
  /// admits(facts) chooses between the two by the peer's family.
  [[nodiscard]] bool admits(const ConnectionFacts& facts) const noexcept;
};

}  // namespace sallyport
