// SPDX-License-Identifier: Apache-2.0
// Figures: what a gateway's loops and its TLS have counted, for metrics.
#pragma once

#include <cstdint>

namespace sallyport {

/// LoopFigures are the sums of one event loop since the start, and what is open there now.
struct LoopFigures {
  std::uint64_t turns = 0;
  std::uint64_t accepted = 0;          ///< connections
  std::uint64_t turned_away = 0;       ///< ... that met a cap, or found no descriptor left
  std::uint64_t open = 0;              ///< connections now
  std::uint64_t active = 0;            ///< requests now
  std::uint64_t requests = 0;          ///< requests whose head could be read
  std::uint64_t refused_heads = 0;     ///< malformed, or too slow to arrive
  std::uint64_t cut = 0;               ///< live requests and streams that were ended by us
  std::uint64_t smuggled_headers = 0;  ///< fields that claim an identity, removed on the way to a tool
  std::uint64_t dialed = 0;            ///< connections to tools
  std::uint64_t reused = 0;            ///< requests that found one open
  std::uint64_t tunnels = 0;           ///< WebSockets
};

/// HandshakeFigures are the sums of all TLS listeners since the start.
struct HandshakeFigures {
  std::uint64_t done = 0;
  std::uint64_t resumed = 0;  ///< of those
  std::uint64_t failed = 0;
  std::uint64_t plain_http = 0;  ///< of those: who spoke HTTP to it
  std::uint64_t too_slow = 0;
};

}  // namespace sallyport
