// SPDX-License-Identifier: Apache-2.0
// http2_peer: answers every request on a loopback port with 200 and a few bytes; prints the port. For h2spec.
#include <cstdio>
#include <memory>
#include <vector>

#include "sallyport/env/posix/system.h"
#include "sallyport/net/http2_connection.h"
#include "sallyport/net/listener.h"

namespace sallyport {
namespace {

class Answerer final : public Http2Events {
 public:
  Answerer(Loop& loop, std::unique_ptr<Stream> stream)
      : connection(loop, std::move(stream), Http2Role::server, {}, {}, *this) {}
  void on_fields(Http2StreamId stream, Http2Fields&&, Http2Part part, Http2End end) override {
    if (part == Http2Part::head && end == Http2End::yes) answer(stream);
  }
  void on_data(Http2StreamId stream, std::string_view bytes) override {
    connection.session().consume(stream, bytes.size());
  }
  void on_end(Http2StreamId stream) override { answer(stream); }
  void on_sent(Http2StreamId, std::size_t) override {}
  void on_closed(Http2StreamId, Http2Code) override {}
  void on_goaway(Http2StreamId, Http2Code, std::string_view) override {}
  Http2Connection connection;

 private:
  void answer(Http2StreamId stream) {
    const std::vector<Http2Field> fields{{":status", "200"}, {"content-type", "text/plain"}};
    if (!connection.session().respond(stream, fields, Http2End::no)) return;
    connection.session().send(stream, "hello from the other side\n");
    connection.session().finish(stream, {});
  }
};

Task<void> serve(std::shared_ptr<Answerer> answerer) { co_await answerer->connection.run(); }

int run() {
  const SystemMonotonicClock clock;
  Loop loop(clock);
  Result<OpenedDoor> door = open_door(SocketAddress::tcp(IpAddress::v4({127, 0, 0, 1}), 0), 1);
  if (!door) return 1;
  ConnectionLimiter limiter{ConnectionLimits{}};
  auto take = [&loop](std::unique_ptr<Stream> stream) {
    loop.spawn(serve(std::make_shared<Answerer>(loop, std::move(stream))));
  };
  Listener listener(loop, std::move(door->sockets.front()), door->address, limiter, take);
  if (!listener.start()) return 1;
  std::printf("%s\n", door->address.str().c_str());
  std::fflush(stdout);
  loop.run();
  return 0;
}

}  // namespace
}  // namespace sallyport

int main() { return sallyport::run(); }
