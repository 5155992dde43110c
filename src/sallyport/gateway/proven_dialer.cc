// SPDX-License-Identifier: Apache-2.0
#include "sallyport/gateway/proven_dialer.h"

#include <algorithm>

#include "sallyport/launch/port.h"
#include "sallyport/launch/process_tree.h"
#include "sallyport/net/listening_owner.h"

namespace sallyport {

void ProvenDialer::expect(pid_t tool) noexcept {
  if (tool == tool_) return;
  tool_ = tool;
  proven_.clear();
}

bool ProvenDialer::is_proven(const SocketAddress& address) {
  if (address.is_unix()) return true;
  const auto socket = listening_socket_of(address);
  if (!socket || tool_ == 0) return false;
  if (std::find(proven_.begin(), proven_.end(), *socket) != proven_.end()) return true;
  const pid_t shepherd = parent_of(tool_);  // what the tool's main process left behind is below the shepherd
  if (shepherd <= 1 || prove_listener(address.port, shepherd).owner != PortOwner::tool) return false;
  if (proven_.size() >= kProvenListenersMax) proven_.clear();
  proven_.push_back(*socket);
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
