// SPDX-License-Identifier: Apache-2.0
// The whole data plane on a memory network: a client, the server, a forwarder, and backends that a test plays
// by hand.
#pragma once

#include <gmock/gmock.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "sallyport/base/text.h"
#include "sallyport/net/http1_server.h"
#include "sallyport/proxy/forward.h"
#include "tests/unit/net_http1/peer.h"

namespace sallyport {

inline const SocketAddress kBackendAddress = SocketAddress::unix_path("/run/backend.sock");
inline constexpr std::string_view kOwnCookieNames[] = {"__Host-sallyport"};

class ForwardTest : public testing::Test, public RequestHandler {
 protected:
  ForwardTest() {
    plan_.upstream = &kBackendAddress;
    plan_.injected_lines = "X-Session-Token: inner\r\n";
    plan_.hygiene.cookies = kOwnCookieNames;
    plan_.traffic = &traffic_;
    network_.listen(kFrontAddress, [this](std::unique_ptr<Stream> stream) {
      loop_.loop.spawn(server_.serve(std::move(stream)));
    });
    listen_as_backend();
  }
  ~ForwardTest() override { loop_.loop.drop_tasks(); }

  Task<void> handle(Exchange& exchange) override {
    LiveBinding binding;
    binding.session = SessionId("s1");
    exchange.bind(binding);
    const ForwardOutcome outcome = co_await forwarder_.forward(exchange, plan_);
    outcomes_.push_back(outcome);
    EXPECT_EQ(outcome.unanswered(), !exchange.started());
    if (!outcome.unanswered()) co_return;
    const Response response(status_for(outcome.end), "text/plain", std::string(name_of(outcome.end)));
    [[maybe_unused]] const Status sent = co_await exchange.respond(response);
  }
  static int status_for(ForwardEnd end) {
    switch (end) {
      case ForwardEnd::backend_timeout:
        return 504;
      case ForwardEnd::bad_request:
        return 400;
      case ForwardEnd::client_slow:
        return 408;
      default:
        return 502;
    }
  }

  void listen_as_backend() {
    network_.listen(kBackendAddress, [this](std::unique_ptr<Stream> stream) {
      backends_.emplace_back(loop_, std::move(stream));
    });
  }
  Peer connect() { return Peer(loop_, network_.connect(facts_of_client())); }
  /// backend gives the newest connection that the forwarder has opened.
  Peer& backend() {
    loop_.settle();
    EXPECT_FALSE(backends_.empty()) << "no backend was dialled";
    return backends_.back();
  }
  ForwardEnd last_end() {
    loop_.settle();
    EXPECT_FALSE(outcomes_.empty()) << "still under way";
    return outcomes_.empty() ? ForwardEnd::answered : outcomes_.back().end;
  }
  std::size_t cut_all(CutReason reason) {
    const std::size_t count = server_.cut_if([](const LiveBinding&) { return true; }, reason);
    loop_.settle();
    return count;
  }

  TestLoop loop_;
  ManualClock wall_;
  CountingEntropy entropy_;
  MemoryNetwork network_{loop_.loop};
  Forwarder forwarder_{loop_.loop, network_};
  Http1Server server_{loop_.loop, *this, ServerLimits{}, wall_, entropy_};
  TrafficCounters traffic_;
  ForwardPlan plan_;
  std::deque<Peer> backends_;
  std::vector<ForwardOutcome> outcomes_;
};

}  // namespace sallyport
