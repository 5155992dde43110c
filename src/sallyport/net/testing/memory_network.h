// SPDX-License-Identifier: Apache-2.0
// MemoryNetwork: connections without a kernel, for tests of everything above net. Deterministic, with the bad
// habits of real networks on demand: tiny reads and writes, full buffers, half-close, reset, peers that never
// answer.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "sallyport/net/dialer.h"
#include "sallyport/net/stream.h"

namespace sallyport {

/// MemoryRules shape a connection, the same in both directions.
struct MemoryRules {
  MemoryRules() = default;
  std::size_t capacity_bytes = 64 * 1024;  ///< on the way in each direction; a writer that fills it must wait
  std::size_t read_bytes_max = SIZE_MAX;   ///< one try_read gives no more
  std::size_t write_bytes_max = SIZE_MAX;  ///< one try_write takes no more
};

/// StreamPair is both ends of one connection.
struct StreamPair {
  std::unique_ptr<Stream> client;
  std::unique_ptr<Stream> server;
};

/// memory_pair connects two streams on one loop. The server's facts name the client as peer, and the other
/// way round.
StreamPair memory_pair(Loop& loop, const ConnectionFacts& server_facts, const MemoryRules& rules);

/// MemoryNetwork is a Dialer, and the listeners that it reaches, on one loop.
class MemoryNetwork final : public Dialer {
 public:
  using OnConnection = std::function<void(std::unique_ptr<Stream>)>;
  explicit MemoryNetwork(Loop& loop) noexcept : loop_(loop) {}

  MemoryRules rules;      ///< of connections made from now on
  std::size_t dials = 0;  ///< calls of dial(), the failed ones too

  /// listen serves `address` until unlisten(); a second call replaces the first.
  void listen(const SocketAddress& address, OnConnection on_connection);
  void unlisten(const SocketAddress& address);
  /// black_hole lets every dial to `address` run into its deadline.
  void black_hole(const SocketAddress& address);

  /// connect makes a connection as `facts` describe it, seen from the server: facts.local is who is called,
  /// facts.peer, facts.process and facts.tls are the caller. Null where nobody listens there.
  std::unique_ptr<Stream> connect(const ConnectionFacts& facts);
  Task<Result<std::unique_ptr<Stream>>> dial(const SocketAddress& address, MonotonicTime deadline) override;

 private:
  Loop& loop_;
  std::map<std::string, OnConnection> listeners_;
  std::set<std::string> black_holes_;
};

}  // namespace sallyport
