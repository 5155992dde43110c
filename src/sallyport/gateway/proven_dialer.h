// SPDX-License-Identifier: Apache-2.0
// ProvenDialer: a dialer that asks, before a byte is sent, whether it is still the tool that listens on its
// port.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "sallyport/net/dialer.h"

namespace sallyport {

inline constexpr std::size_t kProvenListenersMax = 8;

/// ProvenDialer keeps the tool's credential and its users' requests from whoever takes the port over while
/// the tool dies. After each connect to a loopback port it looks up, with one query to the kernel, which
/// listening socket stands there; a socket that it does not know yet is proven to belong to the tool as at
/// the tool's start, which walks /proc, and is seldom. Unix sockets in the session's private directory need
/// no proof. One loop.
class ProvenDialer final : public Dialer {
 public:
  explicit ProvenDialer(std::unique_ptr<Dialer> inner) : inner_(std::move(inner)) {}

  /// expect names the tool's process; what was proven for another is forgotten.
  void expect(pid_t tool) noexcept;
  /// dial as Dialer::dial; permission_denied where somebody else listens.
  Task<Result<std::unique_ptr<Stream>>> dial(const SocketAddress& address, MonotonicTime deadline) override;

 private:
  [[nodiscard]] bool is_proven(const SocketAddress& address);
  std::unique_ptr<Dialer> inner_;
  pid_t tool_ = 0;
  std::vector<std::uint64_t> proven_;  ///< inodes of listening sockets
};

}  // namespace sallyport
