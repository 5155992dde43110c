// SPDX-License-Identifier: Apache-2.0
// Question: does what was cut, has expired, or went away end at once, and what did not stay untouched?
#include <gmock/gmock.h>

#include "tests/unit/net_http1/server_fixture.h"

namespace sallyport {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

Digest digest_of(std::uint8_t value) {
  Digest digest;
  digest.bytes.fill(static_cast<std::byte>(value));
  return digest;
}

class Live : public Http1ServerTest {
 protected:
  Live() {
    handler_.script = [this](Exchange& exchange) { return stream_until_cut(exchange); };
  }
  /// stream_until_cut binds by the path "/N" to credential N and streams a tick a minute.
  Task<void> stream_until_cut(Exchange& exchange) {
    LiveBinding binding;
    binding.credential = digest_of(static_cast<std::uint8_t>(exchange.head().target.path.back() - '0'));
    binding.expires = expires_;
    exchange.bind(binding);
    Response head;
    head.status = 200;
    Status going = co_await exchange.start_stream(head);
    while (going) {
      const WaitResult woken = co_await exchange.stream().readable();
      if (woken == WaitResult::cancelled) break;
      going = co_await exchange.write("tick");
    }
    reasons_.push_back(exchange.cut_reason());
  }

  MonotonicTime expires_ = kNever;
  std::vector<std::optional<CutReason>> reasons_;
};

TEST_F(Live, BY_02_cut_if_ends_what_fits_and_nothing_else) {
  serve();
  Peer one = connect();
  Peer two = connect();
  one.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
  two.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto fits = [](const LiveBinding& binding) { return binding.credential.matches(digest_of(1)); };
  EXPECT_EQ(server_->cut_if(fits, CutReason::revoked), 1U);
  EXPECT_EQ(server_->cut_if(fits, CutReason::revoked), 0U) << "cut already";
  EXPECT_TRUE(one.broken());
  EXPECT_TRUE(two.open());
  EXPECT_THAT(reasons_, testing::ElementsAre(CutReason::revoked));
  EXPECT_EQ(server_->counters().cut, 1U);
}

TEST_F(Live, BY_02_an_expired_binding_is_cut_by_the_sweep) {
  serve();
  expires_ = loop_.clock.now() + 30s;
  Peer client = connect();
  client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
  loop_.advance(29s);
  EXPECT_TRUE(client.open());
  loop_.advance(2s);
  EXPECT_TRUE(client.broken());
  EXPECT_THAT(reasons_, testing::ElementsAre(CutReason::expired));
}

TEST_F(Live, a_client_that_went_away_is_noticed_while_nothing_is_written) {
  handler_.script = [this](Exchange& exchange) -> Task<void> {
    Signal never(loop_.loop.scheduler());
    Response head;
    head.status = 200;
    [[maybe_unused]] const Status started = co_await exchange.start_stream(head);
    while (!exchange.cut_reason()) {
      [[maybe_unused]] const WaitResult slept = co_await loop_.loop.sleep_until(loop_.loop.now() + 1s);
    }
    reasons_.push_back(exchange.cut_reason());
  };
  serve();
  Peer client = connect();
  client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
  client.close();
  for (int i = 0; i < 4; ++i) loop_.advance(1s);
  EXPECT_THAT(reasons_, testing::ElementsAre(CutReason::client_gone));
  EXPECT_EQ(server_->counters().open, 0U);
}

TEST_F(Live, drain_closes_the_idle_and_waits_for_the_busy) {
  serve();
  Peer idle = connect();
  Peer busy = connect();
  handler_.script = [this](Exchange& exchange) -> Task<void> {
    [[maybe_unused]] const WaitResult slept = co_await loop_.loop.sleep_until(loop_.loop.now() + 5s);
    const Response response(200, "text/plain", "late");
    [[maybe_unused]] const Status sent = co_await exchange.respond(response);
  };
  busy.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
  bool drained = false;
  auto drain = [&]() -> Task<void> {
    co_await server_->drain(loop_.loop.now() + 30s);
    drained = true;
  };
  loop_.start(drain());
  EXPECT_FALSE(idle.open());
  EXPECT_FALSE(drained);
  Peer late = connect();
  EXPECT_FALSE(late.open()) << "nobody new is let in";
  loop_.advance(6s);
  const std::string answer = busy.said();
  EXPECT_THAT(answer, HasSubstr("late"));
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(drained);
}

TEST_F(Live, drain_cuts_what_does_not_end_by_its_deadline) {
  serve();
  Peer client = connect();
  client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
  bool drained = false;
  auto drain = [&]() -> Task<void> {
    co_await server_->drain(loop_.loop.now() + 30s);
    drained = true;
  };
  loop_.start(drain());
  loop_.advance(29s);
  EXPECT_TRUE(client.open());
  loop_.advance(2s);
  EXPECT_TRUE(client.broken());
  EXPECT_TRUE(drained);
  EXPECT_THAT(reasons_, testing::ElementsAre(CutReason::shutting_down));
}

}  // namespace
}  // namespace sallyport
