// SPDX-License-Identifier: Apache-2.0
// BlockingWire: a connection whose every step waits, until a deadline. For threads that are not a loop's.
#pragma once

#include <sys/socket.h>

#include <span>
#include <string>

#include "sallyport/base/result.h"
#include "sallyport/env/clock.h"
#include "sallyport/env/posix/descriptor.h"
#include "sallyport/net/http_client.h"
#include "sallyport/net/internal/openssl.h"

namespace sallyport::internal {

class BlockingWire {
 public:
  BlockingWire(const MonotonicClock& clock, MonotonicTime deadline) : clock_(clock), deadline_(deadline) {}

  /// open connects, and does the TLS handshake where the endpoint says https.
  Status open(const HttpEndpoint& endpoint);
  Status write(std::string_view bytes);
  /// read gives at least one byte, or 0 at the peer's orderly end.
  Result<std::size_t> read(std::span<char> out);

 private:
  Status connect_to(const sockaddr* address, socklen_t bytes, int family);
  Status connect_tcp(const HttpEndpoint& endpoint);
  Status shake_hands(const HttpEndpoint& endpoint);
  Status await(short events);
  Status await_tls(int result);

  const MonotonicClock& clock_;
  const MonotonicTime deadline_;
  Descriptor socket_;
  SslContextPtr context_;
  SslPtr ssl_;
};

}  // namespace sallyport::internal
