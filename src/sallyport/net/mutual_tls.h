// SPDX-License-Identifier: Apache-2.0
// MutualTls: TLS between two ends that know each other's certificate beforehand, for HTTP/2.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "sallyport/base/result.h"
#include "sallyport/net/http2.h"
#include "sallyport/net/loop.h"
#include "sallyport/net/stream.h"
#include "sallyport/net/task.h"
#include "sallyport/net/tls.h"

namespace sallyport {

/// MutualTls holds our identity and the certificates that the other end may show, for both roles. It
/// promises: TLS 1.2 or 1.3, both ends show a certificate, the other's chain ends in one of the trusted ones
/// (which need not be an authority) with the purpose that its role asks for, a client also checks the
/// server's name; h2 by ALPN; no resumption, which would skip all that. A peer that offers protocols, and not
/// h2, is refused; one that offers none is taken, as older gRPC does. In TLS 1.3 a refused client sees so at
/// its first read, not in its handshake. Immutable; any thread. OpenSSL's first context costs milliseconds:
/// make it early.
class MutualTls {
 public:
  /// make takes the one or more certificates to trust as PEM. Errors: invalid_argument (no certificate in
  /// it), internal.
  static Result<std::shared_ptr<const MutualTls>> make(std::shared_ptr<const TlsIdentity> identity,
                                                       std::string_view trusted_pem,
                                                       const std::string& server_name = "localhost");
  MutualTls(const MutualTls&) = delete;
  MutualTls& operator=(const MutualTls&) = delete;
  ~MutualTls();

  /// accept and connect do the handshake on a socket_stream that nothing was read from, and give the stream
  /// that takes its place. Errors: deadline_exceeded, cancelled; unavailable where the handshake fails.
  Task<Result<std::unique_ptr<Stream>>> accept(Loop& loop, std::unique_ptr<Stream> plain,
                                               MonotonicTime deadline) const;
  Task<Result<std::unique_ptr<Stream>>> connect(Loop& loop, std::unique_ptr<Stream> plain,
                                                MonotonicTime deadline) const;

 private:
  struct State;
  explicit MutualTls(std::unique_ptr<const State> state);
  Task<Result<std::unique_ptr<Stream>>> shake(Loop& loop, std::unique_ptr<Stream> plain,
                                              MonotonicTime deadline, Http2Role role) const;
  std::unique_ptr<const State> state_;
};

}  // namespace sallyport
