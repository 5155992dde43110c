// SPDX-License-Identifier: Apache-2.0
// Dialer: the power to open a connection. SocketDialer is the real one; tests have a memory network.
#pragma once

#include <memory>

#include "sallyport/base/address.h"
#include "sallyport/base/result.h"
#include "sallyport/net/loop.h"
#include "sallyport/net/stream.h"
#include "sallyport/net/task.h"

namespace sallyport {

/// Dialer opens connections on one loop, and is used on that loop's thread.
class Dialer {
 public:
  virtual ~Dialer() = default;
  /// dial connects to `address`, kept by the caller until it ends. Errors: unavailable (refused, unreachable,
  /// no such socket), deadline_exceeded, permission_denied, exhausted (no descriptor left), cancelled (the
  /// loop closes).
  virtual Task<Result<std::unique_ptr<Stream>>> dial(const SocketAddress& address,
                                                     MonotonicTime deadline) = 0;
};

/// SocketDialer connects TCP and Unix sockets without blocking. A loopback connection that the kernel made
/// with itself (the port was free, and was picked as the source) counts as refused.
class SocketDialer final : public Dialer {
 public:
  explicit SocketDialer(Loop& loop) noexcept : loop_(loop) {}
  Task<Result<std::unique_ptr<Stream>>> dial(const SocketAddress& address, MonotonicTime deadline) override;

 private:
  Loop& loop_;
};

}  // namespace sallyport
