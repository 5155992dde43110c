// SPDX-License-Identifier: Apache-2.0
// ProvenDialer: a dialer that asks, before a byte is sent, whether it is still the tool that listens on its
// port.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "sallyport/net/dialer.h"

namespace sallyport {

inline constexpr std::size_t kProvenListenersMax = 8;

/// ProvenDialer keeps a tool's credential and its users' requests from whoever takes the port over while
/// the tool dies. After each connect to a loopback port it looks up, with one query to the kernel, which
/// listening socket stands there; a socket that it does not know yet is proven to belong to the tool as at
/// the tool's start, which walks /proc, and is seldom. Unix sockets in the session's private directory need
/// no proof. One loop.
class ProvenDialer final : public Dialer {
 public:
  explicit ProvenDialer(std::unique_ptr<Dialer> inner) : inner_(std::move(inner)) {}

  /// expect names the process of the tool whose endpoint this is; what was proven for another is forgotten.
  void expect(const SocketAddress& endpoint, pid_t tool);
  /// forget says that no tool of ours is at this endpoint any more.
  void forget(const SocketAddress& endpoint) noexcept;
  /// dial as Dialer::dial; permission_denied where somebody else listens.
  Task<Result<std::unique_ptr<Stream>>> dial(const SocketAddress& address, MonotonicTime deadline) override;

 private:
  [[nodiscard]] bool is_proven(const SocketAddress& address);
  std::unique_ptr<Dialer> inner_;
  struct Expected {
    pid_t tool = 0;
    std::vector<std::uint64_t> proven;  ///< inodes of listening sockets
  };
  std::unordered_map<std::uint16_t, Expected> tools_;  ///< by loopback port
};

}  // namespace sallyport
