// SPDX-License-Identifier: Apache-2.0
// RpcHealth: grpc.health.v1.Health.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "sallyport/net/loop.h"
#include "sallyport/rpc/server.h"

namespace sallyport {

/// Serving is a service's state, with its number on the wire.
enum class Serving : std::uint8_t { unknown = 0, yes = 1, no = 2, no_such_service = 3 };

/// RpcHealth answers Check and Watch. On the server's loop; outlives the server.
class RpcHealth {
 public:
  explicit RpcHealth(Loop& loop) : changed_(loop.scheduler()) {}
  RpcHealth(const RpcHealth&) = delete;
  RpcHealth& operator=(const RpcHealth&) = delete;
  void add_to(RpcServer& server);
  /// set says how `service` is; "" is the server as a whole. Those who watch it are told.
  void set(std::string_view service, Serving serving);
  /// set_all is for the time before the end: load balancers look elsewhere.
  void set_all(Serving serving);

 private:
  [[nodiscard]] Serving state_of(std::string_view service) const;
  RpcStatus check(std::string_view request, std::string& response) const;
  static Task<RpcStatus> watch(RpcHealth& health, RpcServerCall& call);

  std::map<std::string, Serving, std::less<>> states_;
  Signal changed_;
};

}  // namespace sallyport
