// SPDX-License-Identifier: Apache-2.0
// The four kinds of call, and how they end, between our own client and server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/rpc/harness.h"

namespace sallyport {
namespace {

RpcStatus echo(RpcServerCall&, std::string_view request, std::string& response) {
  response = request;
  return rpc_ok();
}

Task<RpcStatus> echo_all(RpcServerCall& call) {
  while (true) {
    std::optional<std::string> message = co_await call.read();
    if (!message.has_value()) break;
    const bool sent = co_await call.write(*message);
    if (!sent) break;
  }
  co_return rpc_ok();
}

Task<RpcStatus> count_bytes(RpcServerCall& call) {
  std::size_t bytes = 0;
  while (true) {
    const std::optional<std::string> message = co_await call.read();
    if (!message.has_value()) break;
    bytes += message->size();
  }
  const std::string answer = std::to_string(bytes);
  co_await call.write(answer);
  co_return rpc_ok();
}

Task<RpcStatus> ten_times(RpcServerCall& call) {
  const std::optional<std::string> message = co_await call.read();
  for (int i = 0; i < 10; ++i) co_await call.write(*message);
  co_return rpc_ok();
}

TEST(RpcCalls, AUnaryCallComesBackWithWhatTheHandlerSaid) {
  RpcHarness harness;
  harness.server.add("/t.S/Echo", echo);
  const RpcReply reply = harness.channel().call("/t.S/Echo", "hello");
  EXPECT_TRUE(reply.status.is_ok()) << reply.status.message;
  EXPECT_EQ(reply.message, "hello");
  EXPECT_EQ(harness.server.counters().calls, 1U);
}

TEST(RpcCalls, AnEmptyMessageIsAMessage) {
  RpcHarness harness;
  harness.server.add("/t.S/Echo", echo);
  const RpcReply reply = harness.channel().call("/t.S/Echo", "");
  EXPECT_TRUE(reply.status.is_ok()) << reply.status.message;
  EXPECT_EQ(reply.message, "");
}

TEST(RpcCalls, ALargeMessageGoesThroughSmallPipes) {
  RpcServerOptions options;
  options.message_bytes_max = 16 * 1024 * 1024;
  RpcHarness harness(std::move(options));
  harness.server.add("/t.S/Echo", echo);
  MemoryRules rules;
  rules.capacity_bytes = 8 * 1024;
  rules.read_bytes_max = 1000;
  const std::string large(5 * 1024 * 1024 + 3, 'x');
  const RpcReply reply = harness.channel({}, rules).call("/t.S/Echo", large);
  EXPECT_TRUE(reply.status.is_ok()) << reply.status.message;
  EXPECT_TRUE(reply.message == large);
}

TEST(RpcCalls, AnUnknownMethodIsUnimplemented) {
  RpcHarness harness;
  const RpcReply reply = harness.channel().call("/t.S/Nothing", "x");
  EXPECT_EQ(reply.status.code, RpcCode::unimplemented);
}

TEST(RpcCalls, AHandlersStatusArrivesWholeWithTrailers) {
  RpcHarness harness;
  harness.server.add("/t.S/Fail", [](RpcServerCall& call, std::string_view, std::string&) {
    EXPECT_TRUE(call.trailers().add("why-bin", std::string_view("\0\xFF", 2)));
    return RpcStatus(RpcCode::not_found, "kein Gerät: 100 %\n", std::string_view("\x08\x05", 2));
  });
  const RpcReply reply = harness.channel().call("/t.S/Fail", "x");
  EXPECT_EQ(reply.status.code, RpcCode::not_found);
  EXPECT_EQ(reply.status.message, "kein Gerät: 100 %\n");
  EXPECT_EQ(reply.status.details, "\x08\x05");
  EXPECT_EQ(reply.trailers.find("why-bin"), std::string_view("\0\xFF", 2));
}

TEST(RpcCalls, MetadataGoesBothWays) {
  RpcHarness harness;
  harness.server.add("/t.S/Meta", [](RpcServerCall& call, std::string_view, std::string& response) {
    response = call.metadata().find("x-who").value_or("nobody");
    EXPECT_TRUE(call.head().add("x-head", "early"));
    EXPECT_TRUE(call.trailers().add("x-tail", "late"));
    return rpc_ok();
  });
  RpcCallOptions options;
  ASSERT_TRUE(options.metadata.add("x-who", "alice"));
  const RpcReply reply = harness.channel().call("/t.S/Meta", "", options);
  EXPECT_EQ(reply.message, "alice");
  EXPECT_EQ(reply.head.find("x-head"), "early");
  EXPECT_EQ(reply.trailers.find("x-tail"), "late");
}

TEST(RpcCalls, AHandlerKnowsWhoseProcessCalls) {
  RpcHarness harness;
  harness.server.add("/t.S/Peer", [](RpcServerCall& call, std::string_view, std::string& response) {
    const auto& process = call.facts().process;
    response =
        process.has_value() ? std::to_string(process->uid) + "/" + std::to_string(process->pid) : "none";
    return rpc_ok();
  });
  EXPECT_EQ(harness.channel().call("/t.S/Peer", "").message, "1234/77");
}

TEST(RpcCalls, BothSidesStream) {
  RpcHarness harness;
  harness.server.add_streaming("/t.S/EchoAll", echo_all);
  const auto stream = harness.channel().open("/t.S/EchoAll");
  for (const char* const text : {"one", "two", "three"}) {
    EXPECT_TRUE(stream->write(text));
    EXPECT_EQ(stream->read(), text);
  }
  stream->finish_writes();
  EXPECT_EQ(stream->read(), std::nullopt);
  EXPECT_TRUE(stream->finish().is_ok());
}

TEST(RpcCalls, TheClientStreams) {
  RpcHarness harness;
  harness.server.add_streaming("/t.S/Count", count_bytes);
  const auto stream = harness.channel().open("/t.S/Count");
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(stream->write(std::string(10'000, 'x')));
  stream->finish_writes();
  EXPECT_EQ(stream->read(), "1000000");
  EXPECT_TRUE(stream->finish().is_ok());
}

TEST(RpcCalls, TheServerStreams) {
  RpcHarness harness;
  harness.server.add_streaming("/t.S/Ten", ten_times);
  const auto stream = harness.channel().open("/t.S/Ten");
  EXPECT_TRUE(stream->write("again"));
  stream->finish_writes();
  int count = 0;
  while (const auto message = stream->read()) {
    EXPECT_EQ(*message, "again");
    ++count;
  }
  EXPECT_EQ(count, 10);
  EXPECT_TRUE(stream->finish().is_ok());
}

TEST(RpcCalls, GzipGoesBothWays) {
  RpcHarness harness;
  harness.server.add("/t.S/Echo", [](RpcServerCall& call, std::string_view request, std::string& response) {
    call.compress_with(RpcEncoding::gzip);
    response = request;
    return rpc_ok();
  });
  RpcCallOptions options;
  options.encoding = RpcEncoding::gzip;
  const std::string text(100'000, 'z');
  const RpcReply reply = harness.channel().call("/t.S/Echo", text, options);
  EXPECT_TRUE(reply.status.is_ok()) << reply.status.message;
  EXPECT_TRUE(reply.message == text);
}

TEST(RpcCalls, AMessageOverTheLimitIsRefused) {
  RpcServerOptions options;
  options.message_bytes_max = 1000;
  RpcHarness harness(std::move(options));
  harness.server.add("/t.S/Echo", echo);
  EXPECT_TRUE(harness.channel().call("/t.S/Echo", std::string(1000, 'x')).status.is_ok());
  EXPECT_EQ(harness.channel().call("/t.S/Echo", std::string(1001, 'x')).status.code,
            RpcCode::resource_exhausted);
  RpcCallOptions packed;
  packed.encoding = RpcEncoding::gzip;  // small on the wire, large when expanded
  EXPECT_EQ(harness.channel().call("/t.S/Echo", std::string(1001, 'x'), packed).status.code,
            RpcCode::resource_exhausted);
}

TEST(RpcCalls, ADeadlineThatHasPassedEndsTheCall) {
  RpcHarness harness;
  harness.server.add("/t.S/Echo", echo);
  RpcCallOptions options;
  options.deadline = harness.clock.now();
  EXPECT_EQ(harness.channel().call("/t.S/Echo", "x", options).status.code, RpcCode::deadline_exceeded);
}

TEST(RpcCalls, AfterTheConnectionEndedCallsAreUnavailable) {
  RpcHarness harness;
  harness.server.add("/t.S/Echo", echo);
  EXPECT_TRUE(harness.channel().call("/t.S/Echo", "x").status.is_ok());
  {
    const SharedLoop::Hold hold(*harness.shared);
    harness.server.cut();
  }
  EXPECT_EQ(harness.channel().call("/t.S/Echo", "x").status.code, RpcCode::unavailable);
  EXPECT_TRUE(harness.channel().is_over());
}

}  // namespace
}  // namespace sallyport
