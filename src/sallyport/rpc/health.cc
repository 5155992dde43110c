// SPDX-License-Identifier: Apache-2.0
#include "sallyport/rpc/health.h"

#include <optional>

#include "sallyport/rpc/wire.h"

namespace sallyport {
namespace {

constexpr Duration kWatchGlance = std::chrono::seconds(1);  ///< how late a dropped watch is noticed

/// service_in reads HealthCheckRequest; none where it is malformed.
std::optional<std::string> service_in(std::string_view request) {
  std::string service;
  WireReader reader(request);
  while (reader.next()) {
    if (reader.field() == 1 && reader.is_bytes()) service = reader.text();
  }
  if (!reader.ok()) return std::nullopt;
  return service;
}

std::string response_of(Serving serving) {
  std::string response;
  if (serving != Serving::unknown) wire_put(response, 1, static_cast<std::uint64_t>(serving));
  return response;
}

}  // namespace

void RpcHealth::add_to(RpcServer& server) {
  server.add("/grpc.health.v1.Health/Check",
             [this](RpcServerCall&, std::string_view request, std::string& response) {
               return check(request, response);
             });
  server.add_streaming("/grpc.health.v1.Health/Watch",
                       [this](RpcServerCall& call) { return watch(*this, call); });
}

void RpcHealth::set(std::string_view service, Serving serving) {
  states_[std::string(service)] = serving;
  changed_.notify_all();
}

void RpcHealth::set_all(Serving serving) {
  for (auto& [service, state] : states_) state = serving;
  changed_.notify_all();
}

Serving RpcHealth::state_of(std::string_view service) const {
  const auto found = states_.find(service);
  return found == states_.end() ? Serving::no_such_service : found->second;
}

RpcStatus RpcHealth::check(std::string_view request, std::string& response) const {
  const std::optional<std::string> service = service_in(request);
  if (!service.has_value()) return {RpcCode::invalid_argument, "malformed HealthCheckRequest"};
  const Serving serving = state_of(*service);
  if (serving == Serving::no_such_service) return {RpcCode::not_found, "unknown service"};
  response = response_of(serving);
  return rpc_ok();
}

Task<RpcStatus> RpcHealth::watch(RpcHealth& health, RpcServerCall& call) {
  const std::optional<std::string> request = co_await call.read();
  const std::optional<std::string> service = service_in(request.value_or(""));
  const RpcStatus malformed(RpcCode::invalid_argument, "malformed HealthCheckRequest");
  if (!service.has_value()) co_return malformed;
  std::optional<Serving> told;
  while (!call.over()) {
    const Serving now = health.state_of(*service);
    if (told != now) {
      told = now;
      const std::string response = response_of(now);
      const bool sent = co_await call.write(response);
      if (!sent) break;
      continue;
    }
    const MonotonicTime glance = after(call.now(), kWatchGlance);
    co_await health.changed_.wait(glance);
  }
  co_return rpc_ok();
}

}  // namespace sallyport
