// SPDX-License-Identifier: Apache-2.0
// UpstreamPool: connections to backends that wait for their next request.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "sallyport/base/address.h"
#include "sallyport/net/loop.h"
#include "sallyport/net/stream.h"

namespace sallyport {

inline constexpr std::size_t kIdlePerBackendMax = 512;
inline constexpr std::size_t kIdleInAllMax = 2048;
inline constexpr Duration kIdleUpstreamMax = std::chrono::seconds(60);
/// A request that cannot be sent twice takes only a connection that was in use this recently: backends close
/// idle ones without a word, some after five seconds.
inline constexpr Duration kYoungUpstreamMax = std::chrono::seconds(2);

/// UpstreamAge says how old a pooled connection may be.
enum class UpstreamAge : std::uint8_t { any, young };

/// UpstreamPool keeps idle connections of one loop, last in first out, so that few stay warm and the rest
/// grow old and go. One that turned readable or hung up is not handed out: a backend has nothing to say
/// between two requests.
class UpstreamPool {
 public:
  explicit UpstreamPool(Loop& loop);
  UpstreamPool(const UpstreamPool&) = delete;
  UpstreamPool& operator=(const UpstreamPool&) = delete;

  /// take returns an idle connection to `address`, or null.
  std::unique_ptr<Stream> take(const SocketAddress& address, UpstreamAge age);
  /// put keeps `stream` after a whole answer; closes it where a cap is reached or more has come.
  void put(const SocketAddress& address, std::unique_ptr<Stream> stream);
  /// forget closes what is idle towards `address`: its backend has ended, and another may take its place.
  void forget(const SocketAddress& address) noexcept;
  [[nodiscard]] std::size_t idle() const noexcept { return idle_; }

 private:
  struct Idle {
    std::unique_ptr<Stream> stream;
    MonotonicTime since;
  };
  struct AddressHash {
    std::size_t operator()(const SocketAddress& address) const noexcept;
  };
  using Backends = std::unordered_map<SocketAddress, std::vector<Idle>, AddressHash>;
  /// find looks where it looked last first: most loops have one busy backend at a time.
  Backends::value_type* find(const SocketAddress& address) noexcept;
  Task<void> sweep();
  void drop_old() noexcept;

  Loop& loop_;
  Backends backends_;
  Backends::value_type* last_ = nullptr;
  std::size_t idle_ = 0;
  Signal filled_;
  Task<void> sweeper_;
};

}  // namespace sallyport
