// SPDX-License-Identifier: Apache-2.0
// The PROXY protocol, versions 1 and 2 (haproxy.org, proxy-protocol.txt): what a proxy in front of us says of
// the connection that it passes on, before the first byte of that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "sallyport/base/address.h"
#include "sallyport/net/loop.h"
#include "sallyport/net/stream.h"
#include "sallyport/net/task.h"

namespace sallyport {

inline constexpr std::size_t kProxyHeaderBytesMax = 1024;  ///< version 2, with what may follow the addresses
inline constexpr std::size_t kProxyLineBytesMax = 107;     ///< version 1 (section 2.1), its end included

/// ProxyHeader is what was said. `own` is a connection of the proxy's own, such as a health check, or one of
/// which it knows no addresses.
struct ProxyHeader {
  enum class Kind : std::uint8_t { own, proxied } kind = Kind::own;
  SocketAddress source;
  SocketAddress destination;
};

/// ProxyParse is how far a reading has come.
struct ProxyParse {
  enum class State : std::uint8_t { more, done, bad } state = State::bad;
  std::size_t bytes_wanted =
      0;               ///< more: read so far in all, and never beyond, since what follows is not ours
  ProxyHeader header;  ///< done
};

/// parse_proxy_header reads the beginning of a connection, strictly: TCP over v4 or v6 only, addresses of the
/// family that was named, ports without leading zeros, further fields (TLV) in order, their checksum right
/// where there is one. `bytes` is all that was read, which is at most what was wanted before.
ProxyParse parse_proxy_header(std::string_view bytes);

/// accept_proxied reads the header from `stream`, whose peer must be in `senders`, and returns the connection
/// as one from whom the proxy named. Errors: permission_denied (the peer is not listed), invalid_argument (no
/// header, or a bad one), deadline_exceeded, unavailable; the connection is closed then.
Task<Result<std::unique_ptr<Stream>>> accept_proxied(Loop& loop, std::unique_ptr<Stream> stream,
                                                     std::span<const Cidr> senders, MonotonicTime deadline);

}  // namespace sallyport
