// SPDX-License-Identifier: Apache-2.0
#include "sallyport/policy/network_rules.h"

#include <algorithm>

namespace sallyport {

bool NetworkRules::admits(const IpAddress& peer) const noexcept {
  const auto holds = [&peer](const Cidr& network) { return network.contains(peer); };
  if (std::any_of(deny.begin(), deny.end(), holds)) return false;
  return allow.empty() || std::any_of(allow.begin(), allow.end(), holds);
}

bool NetworkRules::admits_local(const std::optional<PeerProcess>& peer) const noexcept {
  if (!judges_peers()) return true;
  if (!peer) return false;
  if (std::find(peer_uids.begin(), peer_uids.end(), peer->uid) != peer_uids.end()) return true;
  return std::any_of(peer_gids.begin(), peer_gids.end(), [&peer](std::uint32_t gid) {
    return gid == peer->gid || std::find(peer->groups.begin(), peer->groups.end(), gid) != peer->groups.end();
  });
}

bool NetworkRules::admits(const ConnectionFacts& facts) const noexcept {
  return facts.peer.is_unix() ? admits_local(facts.process) : admits(facts.peer.ip);
}

}  // namespace sallyport
