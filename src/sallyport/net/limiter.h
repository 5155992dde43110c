// SPDX-License-Identifier: Apache-2.0
// ConnectionLimiter: how many connections there may be, in all and from one peer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <variant>

#include "sallyport/base/address.h"

namespace sallyport {

inline constexpr std::size_t kConnectionsPerPeerDefault = 256;
/// Descriptors that are never given to connections: listeners, logs, stores, pipes to children, loops.
inline constexpr std::size_t kDescriptorsKeptBack = 128;

/// connections_max_for derives the total cap from RLIMIT_NOFILE: each connection may need a second one to a
/// backend, and a few descriptors are kept back. At least 16.
std::size_t connections_max_for(std::size_t descriptors_max) noexcept;
/// raise_descriptor_limit lifts this process's soft RLIMIT_NOFILE to the hard one, and returns what it then
/// is.
std::size_t raise_descriptor_limit() noexcept;

/// ConnectionLimits are the caps. A peer is a v4 address or a v6 /64 network. Loopback and Unix peers have
/// the total cap only: behind a proxy on this host everybody is loopback.
struct ConnectionLimits {
  std::size_t total_max = 1024;
  std::size_t per_peer_max = kConnectionsPerPeerDefault;
};

/// ConnectionLimiter counts for all loops of a gateway; any thread. Outlives its places.
class ConnectionLimiter {
 public:
  explicit ConnectionLimiter(ConnectionLimits limits) noexcept : limits_(limits) {}

  /// Place is the right to one connection; its end gives it back. A resource that moves.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept : limiter_(std::exchange(other.limiter_, nullptr)), peer_(other.peer_) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(limiter_, other.limiter_);
      std::swap(peer_, other.peer_);
      return *this;
    }
    ~Place() {
      if (limiter_ != nullptr) limiter_->leave(peer_);
    }

   private:
    friend class ConnectionLimiter;
    Place(ConnectionLimiter& limiter, const std::optional<IpAddress>& peer)
        : limiter_(&limiter), peer_(peer) {}
    ConnectionLimiter* limiter_ = nullptr;
    std::optional<IpAddress> peer_;  ///< none: not counted by peer
  };

  enum class Refusal : std::uint8_t { total, per_peer };
  /// enter gives a place, or says which cap is reached.
  std::variant<Place, Refusal> enter(const SocketAddress& peer);
  [[nodiscard]] std::size_t count() const;
  [[nodiscard]] const ConnectionLimits& limits() const noexcept { return limits_; }

 private:
  void leave(const std::optional<IpAddress>& peer) noexcept;
  const ConnectionLimits limits_;
  mutable std::mutex mutex_;
  std::size_t total_ = 0;                      ///< guarded by mutex_
  std::map<IpAddress, std::size_t> per_peer_;  ///< guarded by mutex_; no entry is zero
};

}  // namespace sallyport
