// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/testing/memory_network.h"

#include <gtest/gtest.h>

#include <array>

#include "sallyport/net/testing/test_loop.h"

namespace sallyport {
namespace {

using std::chrono::seconds;

const SocketAddress kServer = SocketAddress::tcp(IpAddress::v4({127, 0, 0, 1}), 8080);

ConnectionFacts from(const char* ip) {
  ConnectionFacts facts;
  facts.local = kServer;
  facts.peer = SocketAddress::tcp(*IpAddress::parse(ip), 40000);
  facts.tls = Tls::on;
  return facts;
}

Task<void> echo(std::unique_ptr<Stream> stream) {
  std::array<char, 1000> buffer{};
  while (true) {
    const IoResult got = co_await read_some(*stream, buffer);
    if (got.state != IoState::done) break;
    co_await write_all(*stream, std::string_view(buffer.data(), got.bytes));
  }
  stream->shutdown_write();
}

Task<std::string> converse(Stream& stream, std::string_view text) {
  auto send = [](Stream& to, std::string_view what) -> Task<void> {
    co_await write_all(to, what);
    co_await finish_write(to);
  };
  auto receive = [](Stream& in, std::string& into) -> Task<void> {
    std::array<char, 777> buffer{};
    while (true) {
      const IoResult got = co_await read_some(in, buffer);
      if (got.state != IoState::done) co_return;
      into.append(buffer.data(), got.bytes);
    }
  };
  std::string answer;
  co_await both(send(stream, text), receive(stream, answer));
  co_return answer;
}

TEST(MemoryNetwork, carries_bytes_both_ways_whatever_the_fragments) {
  TestLoop test;
  MemoryNetwork network(test.loop);
  network.listen(kServer, [&](std::unique_ptr<Stream> stream) { test.loop.spawn(echo(std::move(stream))); });
  const std::string text(30'000, 'm');
  for (const std::size_t step : {std::size_t{1}, std::size_t{3}, std::size_t{1000}, SIZE_MAX}) {
    network.rules.read_bytes_max = step;
    network.rules.write_bytes_max = step;
    network.rules.capacity_bytes = 5'000;
    auto stream = network.connect(from("192.0.2.7"));
    ASSERT_TRUE(stream);
    EXPECT_EQ(test.finish(converse(*stream, text)), text) << step;
  }
}

TEST(MemoryNetwork, facts_are_as_the_test_says) {
  TestLoop test;
  MemoryNetwork network(test.loop);
  std::unique_ptr<Stream> server;
  network.listen(kServer, [&](std::unique_ptr<Stream> stream) { server = std::move(stream); });
  ConnectionFacts facts = from("192.0.2.7");
  facts.process = PeerProcess{1000, 77};
  const auto client = network.connect(facts);
  EXPECT_EQ(server->facts().peer, facts.peer);
  EXPECT_EQ(server->facts().tls, Tls::on);
  EXPECT_EQ(server->peer_process()->uid, 1000U);
  EXPECT_EQ(client->facts().peer, kServer);
  EXPECT_EQ(client->peer_process(), std::nullopt);
}

TEST(MemoryNetwork, a_full_lane_blocks_and_half_close_is_one_way) {
  TestLoop test;
  MemoryRules rules;
  rules.capacity_bytes = 4;
  StreamPair pair = memory_pair(test.loop, from("192.0.2.7"), rules);
  EXPECT_EQ(pair.client->try_write("123456").bytes, 4U);
  EXPECT_EQ(pair.client->try_write("56").state, IoState::would_block);
  std::array<char, 10> buffer{};
  EXPECT_EQ(pair.server->try_read(buffer).bytes, 4U);
  EXPECT_EQ(pair.server->try_read(buffer).state, IoState::would_block);
  EXPECT_EQ(pair.client->shutdown_write(), IoState::done);
  EXPECT_EQ(pair.server->try_read(buffer).state, IoState::closed);
  EXPECT_EQ(pair.server->try_write("back").bytes, 4U);
  EXPECT_EQ(pair.client->try_read(buffer).bytes, 4U);
}

TEST(MemoryNetwork, reset_fails_the_other_side_and_close_ends_it) {
  TestLoop test;
  std::array<char, 10> buffer{};
  StreamPair broken = memory_pair(test.loop, from("192.0.2.7"), {});
  broken.client->try_write("lost");
  broken.client->reset();
  EXPECT_EQ(broken.server->try_read(buffer).state, IoState::failed);
  StreamPair ended = memory_pair(test.loop, from("192.0.2.7"), {});
  ended.client->try_write("kept");
  ended.client.reset();
  EXPECT_EQ(ended.server->try_read(buffer).bytes, 4U);
  EXPECT_EQ(ended.server->try_read(buffer).state, IoState::closed);
  EXPECT_EQ(ended.server->try_write("x").state, IoState::failed);
}

TEST(MemoryNetwork, dials_are_refused_answered_or_swallowed) {
  TestLoop test;
  MemoryNetwork network(test.loop);
  const auto refused = test.finish(network.dial(kServer, kNever));
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->error().code, Code::unavailable);
  network.listen(kServer, [&](std::unique_ptr<Stream> stream) { test.loop.spawn(echo(std::move(stream))); });
  const auto answered = test.finish(network.dial(kServer, kNever));
  ASSERT_TRUE(answered.has_value());
  EXPECT_TRUE(*answered);
  network.black_hole(kServer);
  std::optional<Code> code;
  auto dial = [](MemoryNetwork& on, MonotonicTime until, std::optional<Code>& out) -> Task<void> {
    const auto result = co_await on.dial(kServer, until);
    out = result ? Code::internal : result.error().code;
  };
  test.start(dial(network, test.loop.now() + seconds(5), code));
  test.advance(seconds(4));
  EXPECT_EQ(code, std::nullopt);
  test.advance(seconds(2));
  EXPECT_EQ(code, Code::deadline_exceeded);
  EXPECT_EQ(network.dials, 3U);
}

/// Whoever finds its stream ready again and again lets the others run in between.
TEST(Fairness, a_stream_that_is_always_ready_does_not_starve_the_loop) {
  TestLoop test;
  StreamPair pair = memory_pair(test.loop, from("192.0.2.7"), {});
  bool enough = false;
  auto talk_to_itself = [](Stream& one, Stream& other, const bool& stop) -> Task<void> {
    std::array<char, 1> byte{};
    while (!stop) {
      one.try_write("ab");  // two come for each one read, so it is ready always
      const IoResult got = co_await read_some(other, byte);
      if (got.state != IoState::done) co_return;
    }
  };
  test.loop.spawn(talk_to_itself(*pair.client, *pair.server, enough));
  test.loop.post([&enough] { enough = true; });
  test.settle();
  EXPECT_TRUE(enough);
  EXPECT_EQ(test.loop.tasks(), 0U);
}

TEST(BufferPool, gives_the_last_one_back_first_and_counts_what_is_lent) {
  BufferPool pool;
  Buffer first = pool.take();
  Buffer second = pool.take();
  EXPECT_EQ(pool.lent(), 2U);
  EXPECT_EQ(first.span().size(), kBufferBytes);
  const char* const last = second.data();
  first.give_back();
  second.give_back();
  EXPECT_FALSE(static_cast<bool>(first));
  EXPECT_EQ(pool.lent(), 0U);
#ifndef __SANITIZE_ADDRESS__
  EXPECT_EQ(pool.take().data(), last);
#else
  EXPECT_NE(last, nullptr);
#endif
}

}  // namespace
}  // namespace sallyport
