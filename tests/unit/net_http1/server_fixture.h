// SPDX-License-Identifier: Apache-2.0
// A server on a memory network, with a handler that each test writes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sallyport/net/http1_server.h"
#include "tests/unit/net_http1/peer.h"

namespace sallyport {

class ScriptedHandler final : public RequestHandler {
 public:
  using Script = std::function<Task<void>(Exchange&)>;
  Script script;
  std::vector<std::pair<Refusal, ParseFault>> refusals;
  Task<void> handle(Exchange& exchange) override { return script(exchange); }
  void on_refused(const ConnectionFacts&, Refusal refusal, ParseFault fault) noexcept override {
    refusals.emplace_back(refusal, fault);
  }
};

class Http1ServerTest : public testing::Test {
 protected:
  ~Http1ServerTest() override { loop_.loop.drop_tasks(); }

  void serve(const ServerLimits& limits = {}) {
    server_ = std::make_unique<Http1Server>(loop_.loop, handler_, limits, wall_, entropy_);
    network_.listen(kFrontAddress, [this](std::unique_ptr<Stream> stream) {
      loop_.loop.spawn(server_->serve(std::move(stream)));
    });
  }
  Peer connect() { return Peer(loop_, network_.connect(facts_of_client())); }

  TestLoop loop_;
  ManualClock wall_;
  CountingEntropy entropy_;
  MemoryNetwork network_{loop_.loop};
  ScriptedHandler handler_;
  std::unique_ptr<Http1Server> server_;
};

/// hello answers every request with its path.
inline Task<void> hello(Exchange& exchange) {
  const Response response(200, "text/plain", std::string(exchange.head().target.path));
  [[maybe_unused]] const Status sent = co_await exchange.respond(response);
}

}  // namespace sallyport
