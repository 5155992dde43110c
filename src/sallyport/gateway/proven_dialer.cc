// SPDX-License-Identifier: Apache-2.0
#include "sallyport/gateway/proven_dialer.h"

#include <algorithm>

#include "sallyport/launch/port.h"
#include "sallyport/launch/process_tree.h"
#include "sallyport/net/listening_owner.h"

namespace sallyport {

void ProvenDialer::expect(const SocketAddress& endpoint, pid_t tool) {
  if (endpoint.is_unix()) return;
  Expected& expected = tools_[endpoint.port];
  if (expected.tool == tool) return;
  expected = Expected{tool, {}};
}

void ProvenDialer::forget(const SocketAddress& endpoint) noexcept {
  if (!endpoint.is_unix()) tools_.erase(endpoint.port);
}

bool ProvenDialer::is_proven(const SocketAddress& address) {
  if (address.is_unix()) return true;
  const auto found = tools_.find(address.port);
  const auto socket = listening_socket_of(address);
  if (!socket || found == tools_.end() || found->second.tool == 0) return false;
  auto& [tool, proven] = found->second;
  if (std::find(proven.begin(), proven.end(), *socket) != proven.end()) return true;
  const pid_t shepherd = parent_of(tool);  // what the tool's main process left behind is below the shepherd
  if (shepherd <= 1 || prove_listener(address.port, shepherd).owner != PortOwner::tool) return false;
  if (proven.size() >= kProvenListenersMax) proven.clear();
  proven.push_back(*socket);
  return true;
}

Task<Result<std::unique_ptr<Stream>>> ProvenDialer::dial(const SocketAddress& address,
                                                         MonotonicTime deadline) {
  auto dialed = co_await inner_->dial(address, deadline);
  if (dialed && !is_proven(address)) {
    co_return fail(Code::permission_denied, "another process listens on the tool's port");
  }
  co_return std::move(dialed);
}

}  // namespace sallyport
