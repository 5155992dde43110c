// SPDX-License-Identifier: Apache-2.0
// Question: do large bodies that go through a pipe in the kernel arrive whole, and do their faults show? On
// real sockets.
#include <sys/socket.h>

#include <csignal>

#include "sallyport/proxy/transfer.h"
#include "tests/unit/proxy/forward_fixture.h"

namespace sallyport {
namespace {

using testing::StartsWith;

constexpr std::size_t kLargeBytes = 3 * 1024 * 1024;
static_assert(kLargeBytes > 2 * kSpliceBytesMin);

/// PairDialer dials one end of a socket pair, and keeps the other for the test.
class PairDialer final : public Dialer {
 public:
  explicit PairDialer(TestLoop& loop) : loop_(loop) {}
  Task<Result<std::unique_ptr<Stream>>> dial(const SocketAddress&, MonotonicTime) override {
    StreamPair pair = make();
    peers.emplace_back(loop_, std::move(pair.server));
    co_return std::move(pair.client);
  }
  StreamPair make() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    StreamPair pair;
    pair.client = *socket_stream(loop_.loop, Descriptor(ends[0]), facts_of_client());
    pair.server = *socket_stream(loop_.loop, Descriptor(ends[1]), facts_of_client());
    return pair;
  }
  std::deque<Peer> peers;

 private:
  TestLoop& loop_;
};

class SpliceTest : public testing::Test, public RequestHandler {
 protected:
  SpliceTest() {
    std::signal(SIGPIPE, SIG_IGN);
    plan_.upstream = &kBackendAddress;
  }
  ~SpliceTest() override { loop_.loop.drop_tasks(); }
  Task<void> handle(Exchange& exchange) override {
    const ForwardOutcome outcome = co_await forwarder_.forward(exchange, plan_);
    outcomes_.push_back(outcome);
  }
  Peer connect() {
    StreamPair pair = dialer_.make();
    loop_.loop.spawn(server_.serve(std::move(pair.server)));
    return Peer(loop_, std::move(pair.client));
  }
  Peer& backend() {
    loop_.settle();
    return dialer_.peers.back();
  }
  /// carry sends `text` on one side and gives what arrives on the other.
  static std::string carry(Peer& from, std::string_view text, Peer& to) {
    std::string got;
    for (int stuck = 0; !text.empty() && stuck < 10;) {
      const std::size_t sent = from.send(text);
      text.remove_prefix(sent);
      const std::string came = to.said();
      got += came;
      stuck = sent == 0 && came.empty() ? stuck + 1 : 0;
    }
    EXPECT_TRUE(text.empty());
    return got += to.said();
  }
  static std::string large_body() {
    std::string body(kLargeBytes, '\0');
    for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 31 + (i >> 12));
    return body;
  }

  TestLoop loop_;
  ManualClock wall_;
  CountingEntropy entropy_;
  PairDialer dialer_{loop_};
  Forwarder forwarder_{loop_.loop, dialer_};
  Http1Server server_{loop_.loop, *this, ServerLimits{}, wall_, entropy_};
  ForwardPlan plan_;
  std::vector<ForwardOutcome> outcomes_;
};

TEST_F(SpliceTest, a_large_answer_arrives_whole_and_leaves_both_connections_usable) {
  const std::string body = large_body();
  const std::string answer = concat("HTTP/1.1 200 OK\r\nContent-Length: ", body.size(), "\r\n\r\n", body);
  Peer client = connect();
  for (int i = 0; i < 2; ++i) {
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    backend().said();
    EXPECT_TRUE(carry(backend(), answer, client) == answer);
  }
  EXPECT_EQ(dialer_.peers.size(), 1U);
  EXPECT_EQ(loop_.loop.pipes().kept(), 1U) << "the pipe was used, and was empty";
  ASSERT_EQ(outcomes_.size(), 2U);
  EXPECT_EQ(outcomes_[1].bytes_down, body.size());
}

TEST_F(SpliceTest, a_large_upload_arrives_whole_while_the_answer_waits) {
  const std::string body = large_body();
  Peer client = connect();
  client.send(concat("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ", body.size(), "\r\n\r\n"));
  EXPECT_THAT(backend().said(), StartsWith("PUT / HTTP/1.1\r\n"));
  EXPECT_TRUE(carry(client, body, backend()) == body);
  EXPECT_EQ(loop_.loop.pipes().kept(), 1U);
  backend().send("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(client.said(), "HTTP/1.1 204 No Content\r\n\r\n");
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_EQ(outcomes_[0].end, ForwardEnd::answered);
  EXPECT_EQ(outcomes_[0].bytes_up, body.size());
  EXPECT_EQ(forwarder_.pool().idle(), 1U);
}

TEST_F(SpliceTest, a_backend_that_dies_inside_the_pipe_shows_as_truncation) {
  Peer client = connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  backend().said();
  backend().send(concat("HTTP/1.1 200 OK\r\nContent-Length: ", kLargeBytes, "\r\n\r\n"));
  carry(backend(), std::string(600'000, 'x'), client);
  backend().close();
  EXPECT_FALSE(client.open());
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_EQ(outcomes_[0].end, ForwardEnd::truncated);
}

TEST_F(SpliceTest, a_client_that_leaves_with_bytes_in_the_pipe_spoils_nobody_elses) {
  const std::string body = large_body();
  {
    Peer client = connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    backend().said();
    backend().send(concat("HTTP/1.1 200 OK\r\nContent-Length: ", body.size(), "\r\n\r\n"));
    backend().send(std::string(1'500'000, 'z'));
    client.close();
    loop_.settle();
  }
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_EQ(outcomes_[0].end, ForwardEnd::client_gone);
  EXPECT_EQ(loop_.loop.pipes().kept(), 0U);
  Peer next = connect();
  next.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  backend().said();
  const std::string answer = concat("HTTP/1.1 200 OK\r\nContent-Length: ", body.size(), "\r\n\r\n", body);
  EXPECT_TRUE(carry(backend(), answer, next) == answer);
}

}  // namespace
}  // namespace sallyport
