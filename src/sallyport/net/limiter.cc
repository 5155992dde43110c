// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/limiter.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>

namespace sallyport {
namespace {

constexpr std::size_t kConnectionsMaxAtLeast = 16;
constexpr std::size_t kV6NetworkBytes = 8;

/// One host commonly has a whole /64, so that is what counts as one peer.
std::optional<IpAddress> counted_peer(const SocketAddress& peer) {
  if (peer.is_unix() || peer.ip.is_loopback()) return std::nullopt;
  if (peer.ip.is_v4()) return peer.ip;
  std::array<std::uint8_t, 16> network{};
  std::copy_n(peer.ip.bytes().begin(), kV6NetworkBytes, network.begin());
  return IpAddress::v6(network);
}

}  // namespace

std::size_t connections_max_for(std::size_t descriptors_max) noexcept {
  const std::size_t free = descriptors_max - std::min(descriptors_max, kDescriptorsKeptBack);
  return std::max(free / 2, kConnectionsMaxAtLeast);
}

std::size_t raise_descriptor_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  return static_cast<std::size_t>(::setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : before);
}

std::variant<ConnectionLimiter::Place, ConnectionLimiter::Refusal> ConnectionLimiter::enter(
    const SocketAddress& peer) {
  const std::optional<IpAddress> counted = counted_peer(peer);
  const std::lock_guard lock(mutex_);
  if (total_ >= limits_.total_max) return Refusal::total;
  if (counted.has_value()) {
    std::size_t& count = per_peer_[*counted];
    if (count >= limits_.per_peer_max) {
      if (count == 0) per_peer_.erase(*counted);
      return Refusal::per_peer;
    }
    ++count;
  }
  ++total_;
  return Place(*this, counted);
}

void ConnectionLimiter::leave(const std::optional<IpAddress>& peer) noexcept {
  const std::lock_guard lock(mutex_);
  --total_;
  if (!peer.has_value()) return;
  const auto found = per_peer_.find(*peer);
  if (--found->second == 0) per_peer_.erase(found);
}

std::size_t ConnectionLimiter::count() const {
  const std::lock_guard lock(mutex_);
  return total_;
}

}  // namespace sallyport
