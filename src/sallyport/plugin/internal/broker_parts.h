// SPDX-License-Identifier: Apache-2.0
// What a PluginBroker is made of.
#pragma once

#include <memory>
#include <optional>

#include "sallyport/net/listener.h"
#include "sallyport/plugin/broker.h"

namespace sallyport {

/// Service is one number that is served here.
struct PluginBroker::Service {
  Service(Loop& loop, RpcServerOptions options) : server(loop, std::move(options)) {}
  PluginDoor door;
  RpcServer server;
  std::optional<Listener> listener;  ///< none where all goes over one connection
  enum class Life : std::uint8_t { open, ended } life = Life::open;
};

/// Wait is a thread that waits for a word about a number. On its stack; the loop's.
struct PluginBroker::Wait {
  SharedLoop::Turn turn;
  std::optional<ConnInfo> info;
};

/// Dialling is shared by the thread that waits for a connection and the task that makes it.
struct PluginBroker::Dialling {
  std::shared_ptr<SharedLoop> loop;
  std::shared_ptr<const MutualTls> tls;
  PluginPeerRule peers;
  SocketAddress address;
  std::unique_ptr<Stream> shared;  ///< a stream that stands already; else `address` is dialled
  MonotonicTime deadline;
  SharedLoop::Turn turn;
  Result<std::unique_ptr<Stream>> stream = fail(Code::deadline_exceeded, "connecting took too long");
};

}  // namespace sallyport
