// SPDX-License-Identifier: Apache-2.0
// A server and a channel on one shared loop and a memory connection: whoever calls turns the loop for both.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "sallyport/env/testing/fakes.h"
#include "sallyport/net/testing/memory_network.h"
#include "sallyport/rpc/channel.h"
#include "sallyport/rpc/server.h"

namespace sallyport {

/// RpcHarness: add methods to `server`, then channel(). The clock stands still unless a test moves it.
class RpcHarness {
 public:
  explicit RpcHarness(RpcServerOptions options = {})
      : shared(std::make_shared<SharedLoop>(clock)), server(shared->loop(), std::move(options)) {}
  ~RpcHarness() {
    channel_.reset();
    const SharedLoop::Hold hold(*shared);
    shared->loop().drop_tasks();
  }

  /// ends makes a connection and gives the client's end of it.
  std::unique_ptr<Stream> connect(const MemoryRules& rules = {}) {
    const SharedLoop::Hold hold(*shared);
    ConnectionFacts facts;
    facts.process = PeerProcess{1234, 77};
    StreamPair pair = memory_pair(shared->loop(), facts, rules);
    server.serve(std::move(pair.server));
    return std::move(pair.client);
  }
  RpcChannel& channel(RpcChannelOptions options = {}, const MemoryRules& rules = {}) {
    if (!channel_) channel_ = RpcChannel::over(shared, connect(rules), std::move(options));
    return *channel_;
  }
  void close() { channel_.reset(); }
  void settle() {
    const SharedLoop::Hold hold(*shared);
    shared->loop().run_until_idle();
  }

  ManualMonotonicClock clock;
  std::shared_ptr<SharedLoop> shared;
  RpcServer server;

 private:
  std::shared_ptr<RpcChannel> channel_;
};

}  // namespace sallyport
