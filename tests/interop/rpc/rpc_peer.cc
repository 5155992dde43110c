// SPDX-License-Identifier: Apache-2.0
// rpc_peer: our end of the conformance tests with other gRPC implementations.
//   rpc_peer serve ADDRESS            serves /conf.T/…, health and reflection; prints the bound address
//   rpc_peer call ADDRESS             calls the same methods of another server, and prints "ok NAME" or "FAIL
//   NAME why"
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <string>

#include "sallyport/base/text.h"
#include "sallyport/env/posix/system.h"
#include "sallyport/net/listener.h"
#include "sallyport/rpc/channel.h"
#include "sallyport/rpc/health.h"
#include "sallyport/rpc/reflection.h"
#include "sallyport/rpc/server.h"

namespace sallyport {
namespace {

constexpr std::size_t kLargeBytes = 8 * 1024 * 1024;

RpcStatus echo(RpcServerCall& call, std::string_view request, std::string& response) {
  for (const auto& [key, value] : call.metadata()) {
    if (!key.starts_with("x-")) continue;
    if (!call.head().add(key, value) || !call.trailers().add(concat("t", key), value))
      return {RpcCode::internal, "metadata"};
  }
  if (call.metadata().find("x-compress").has_value()) call.compress_with(RpcEncoding::gzip);
  response = request;
  return rpc_ok();
}

RpcStatus failing(RpcServerCall&, std::string_view, std::string&) {
  return {RpcCode::failed_precondition, "nein: 100 % ä\n", std::string_view("\x08\x09\x12\x01x", 5)};
}

Task<RpcStatus> echo_all(RpcServerCall& call) {
  while (true) {
    const std::optional<std::string> message = co_await call.read();
    if (!message.has_value()) break;
    const bool sent = co_await call.write(*message);
    if (!sent) break;
  }
  co_return rpc_ok();
}

Task<RpcStatus> count(RpcServerCall& call) {
  std::size_t bytes = 0;
  while (true) {
    const std::optional<std::string> message = co_await call.read();
    if (!message.has_value()) break;
    bytes += message->size();
  }
  const std::string answer = concat(bytes);
  co_await call.write(answer);
  co_return rpc_ok();
}

Task<RpcStatus> five_times(RpcServerCall& call) {
  const std::optional<std::string> message = co_await call.read();
  for (int i = 0; i < 5 && message.has_value(); ++i) co_await call.write(*message);
  co_return rpc_ok();
}

Task<RpcStatus> never(RpcServerCall& call) {
  co_await call.until_over();
  co_return rpc_ok();
}

SocketAddress address_of(const char* text) {
  const auto parsed = SocketAddress::parse(text);
  if (!parsed) {
    std::fprintf(stderr, "no address: %s\n", text);
    std::exit(2);
  }
  return *parsed;
}

int serve(const char* where) {
  const SystemMonotonicClock clock;
  Loop loop(clock);
  RpcServerOptions options;
  options.message_bytes_max = 64 * 1024 * 1024;
  RpcServer server(loop, std::move(options));
  RpcHealth health(loop);
  RpcReflection reflection;
  health.set("", Serving::yes);
  health.set("conf.T", Serving::yes);
  health.add_to(server);
  reflection.add_to(server);
  server.add("/conf.T/Echo", echo);
  server.add("/conf.T/Fail", failing);
  server.add_streaming("/conf.T/EchoAll", echo_all);
  server.add_streaming("/conf.T/Count", count);
  server.add_streaming("/conf.T/Five", five_times);
  server.add_streaming("/conf.T/Never", never);
  Result<OpenedDoor> door = open_door(address_of(where), 1);
  if (!door) {
    std::fprintf(stderr, "%s\n", door.error().what.c_str());
    return 1;
  }
  ConnectionLimiter limiter{ConnectionLimits{}};
  auto take = [&server](std::unique_ptr<Stream> stream) { server.serve(std::move(stream)); };
  Listener listener(loop, std::move(door->sockets.front()), door->address, limiter, take);
  if (!listener.start()) return 1;
  std::printf("%s\n", door->address.str().c_str());
  std::fflush(stdout);
  loop.run();
  return 0;
}

class Caller {
 public:
  explicit Caller(RpcChannel& channel, const MonotonicClock& clock) : channel_(channel), clock_(clock) {}
  int run() {
    check("unary", [&] { return channel_.call("/conf.T/Echo", "hello").message == "hello"; });
    check("large", [&] {
      const std::string large(kLargeBytes, 'L');
      return channel_.call("/conf.T/Echo", large).message == large;
    });
    check("gzip", [&] {
      RpcCallOptions options;
      options.encoding = RpcEncoding::gzip;
      const std::string text(100'000, 'z');
      return options.metadata.add("x-compress", "1").has_value() &&
             channel_.call("/conf.T/Echo", text, options).message == text;
    });
    check("metadata", [&] { return metadata(); });
    check("failure", [&] {
      const RpcReply reply = channel_.call("/conf.T/Fail", "");
      return reply.status.code == RpcCode::failed_precondition && reply.status.message == "nein: 100 % ä\n";
    });
    check("unknown method",
          [&] { return channel_.call("/conf.T/No", "").status.code == RpcCode::unimplemented; });
    check("client streaming", [&] { return counted(); });
    check("server streaming", [&] { return five(); });
    check("bidirectional", [&] { return echoed(); });
    check("deadline", [&] {
      RpcCallOptions options;
      options.deadline = clock_.now() + std::chrono::milliseconds(200);
      return channel_.open("/conf.T/Never", options)->finish().code == RpcCode::deadline_exceeded;
    });
    check("cancellation", [&] {
      const auto stream = channel_.open("/conf.T/EchoAll");
      const bool began = stream->write("x") && stream->read() == "x";
      stream->cancel();
      return began && stream->finish().code == RpcCode::cancelled &&
             channel_.call("/conf.T/Echo", "still").message == "still";
    });
    return failures_ == 0 ? 0 : 1;
  }

 private:
  void check(const char* name, const std::function<bool()>& passes) {
    const bool passed = passes();
    if (!passed) ++failures_;
    std::printf("%s %s\n", passed ? "ok" : "FAIL", name);
  }
  bool metadata() {
    RpcCallOptions options;
    const std::string_view bytes("\0\xFF\x80", 3);
    if (!options.metadata.add("x-text", "some text") || !options.metadata.add("x-raw-bin", bytes))
      return false;
    const RpcReply reply = channel_.call("/conf.T/Echo", "m", options);
    return reply.status.is_ok() && reply.head.find("x-text") == "some text" &&
           reply.trailers.find("tx-raw-bin") == bytes;
  }
  bool counted() {
    const auto stream = channel_.open("/conf.T/Count");
    for (int i = 0; i < 50; ++i) stream->write(std::string(50'000, 'c'));
    stream->finish_writes();
    return stream->read() == "2500000" && stream->finish().is_ok();
  }
  bool five() {
    const auto stream = channel_.open("/conf.T/Five");
    stream->write("again");
    stream->finish_writes();
    int seen = 0;
    while (stream->read() == "again") ++seen;
    return seen == 5 && stream->finish().is_ok();
  }
  bool echoed() {
    const auto stream = channel_.open("/conf.T/EchoAll");
    for (const char* const word : {"a", "bb", "ccc"}) {
      if (!stream->write(word) || stream->read() != word) return false;
    }
    stream->finish_writes();
    return !stream->read().has_value() && stream->finish().is_ok();
  }

  RpcChannel& channel_;
  const MonotonicClock& clock_;
  int failures_ = 0;
};

int call(const char* where) {
  const SystemMonotonicClock clock;
  const auto shared = std::make_shared<SharedLoop>(clock);
  const MonotonicTime deadline = clock.now() + std::chrono::seconds(10);
  const auto channel = RpcChannel::connect(shared, address_of(where), {}, deadline);
  if (!channel) {
    std::fprintf(stderr, "%s\n", channel.error().what.c_str());
    return 1;
  }
  return Caller(**channel, clock).run();
}

}  // namespace
}  // namespace sallyport

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "serve") == 0) return sallyport::serve(argv[2]);
  if (argc == 3 && std::strcmp(argv[1], "call") == 0) return sallyport::call(argv[2]);
  std::fprintf(stderr, "usage: rpc_peer serve|call ADDRESS\n");
  return 2;
}
