// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/stream.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <thread>

#include "sockets_for_test.h"

namespace sallyport {
namespace {

using std::chrono::seconds;

/// The same tests over TCP and over a Unix socket.
class SocketStream : public ::testing::TestWithParam<SocketAddress::Family> {
 protected:
  SocketStream() : host(test.loop, address()) {}
  SocketAddress address() {
    return GetParam() == SocketAddress::Family::ip ? SocketAddress::tcp(kLoopback, 0)
                                                   : SocketAddress::unix_path(directory / "s");
  }
  Stream& connect() {
    client = raw_client(host.address());
    test.settle();
    return *host.accepted.back();
  }
  void send(std::string_view text) {
    ASSERT_EQ(::send(client.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  }
  std::string receive(std::size_t bytes_max) {
    std::string into(bytes_max, '\0');
    const ssize_t got = ::recv(client.get(), into.data(), into.size(), 0);
    into.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return into;
  }

  TestLoop test;
  TempDirectory directory;
  Host host;
  Descriptor client;
};

Task<void> read_until_end(Stream& stream, std::string& text, IoState& end) {
  std::array<char, 7> buffer{};
  while (true) {
    const IoResult got = co_await read_some(stream, buffer);
    if (got.state != IoState::done) {
      end = got.state;
      co_return;
    }
    text.append(buffer.data(), got.bytes);
  }
}

TEST_P(SocketStream, reads_what_comes_and_then_the_end) {
  Stream& stream = connect();
  std::string text;
  IoState end = IoState::would_block;
  test.start(read_until_end(stream, text, end));
  send("hello, ");
  test.settle();
  EXPECT_EQ(text, "hello, ");  // a read that filled its buffer exactly: the next one must not be skipped
  send("world");
  test.settle();
  EXPECT_EQ(text, "hello, world");
  EXPECT_EQ(end, IoState::would_block);
  client.reset();
  test.settle();
  EXPECT_EQ(end, IoState::closed);
}

TEST_P(SocketStream, data_and_end_that_come_together_are_both_seen) {
  Stream& stream = connect();
  send("last words");
  ::shutdown(client.get(), SHUT_WR);
  std::string text;
  IoState end = IoState::would_block;
  test.start(read_until_end(stream, text, end));
  EXPECT_EQ(text, "last words");
  EXPECT_EQ(end, IoState::closed);
}

TEST_P(SocketStream, end_after_a_short_read_is_seen) {
  Stream& stream = connect();
  std::string text;
  IoState end = IoState::would_block;
  test.start(read_until_end(stream, text, end));
  send("abc");
  test.settle();
  EXPECT_TRUE(stream.drained());
  EXPECT_TRUE(stream.at_rest());
  ::shutdown(client.get(), SHUT_WR);
  test.settle();
  EXPECT_EQ(end, IoState::closed);
  EXPECT_FALSE(stream.at_rest());
}

TEST_P(SocketStream, our_half_close_leaves_the_other_half_open) {
  Stream& stream = connect();
  EXPECT_EQ(stream.shutdown_write(), IoState::done);
  EXPECT_EQ(receive(10), "");
  send("still here");
  std::string text;
  IoState end = IoState::would_block;
  test.start(read_until_end(stream, text, end));
  EXPECT_EQ(text, "still here");
  EXPECT_EQ(stream.try_write("no").state, IoState::failed);
}

TEST_P(SocketStream, writes_more_than_the_kernel_holds_while_the_other_side_reads) {
  Stream& stream = connect();
  std::string sent(5'000'000, 'x');
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>('a' + i % 23);
  std::optional<IoResult> result;
  auto write = [](Stream& to, std::string_view text, std::optional<IoResult>& out) -> Task<void> {
    out = co_await write_all(to, text);
  };
  test.start(write(stream, sent, result));
  EXPECT_FALSE(result.has_value());
  std::string got;
  for (int round = 0; round < 10'000 && got.size() < sent.size(); ++round) {
    got += receive(300'000);
    test.settle();
  }
  EXPECT_TRUE(got == sent);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->state, IoState::done);
  EXPECT_EQ(result->bytes, sent.size());
}

TEST_P(SocketStream, writes_pieces_as_one) {
  Stream& stream = connect();
  std::string large(3'000'000, 'y');
  std::array<std::string_view, 4> pieces{"head ", "", large, " tail"};
  std::optional<IoResult> result;
  auto write = [](Stream& to, std::span<std::string_view> what, std::optional<IoResult>& out) -> Task<void> {
    out = co_await write_pieces(to, what);
  };
  test.start(write(stream, pieces, result));
  std::string got;
  const std::string expected = "head " + large + " tail";
  for (int round = 0; round < 10'000 && got.size() < expected.size(); ++round) {
    got += receive(300'000);
    test.settle();
  }
  EXPECT_TRUE(got == expected);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->bytes, expected.size());
}

TEST_P(SocketStream, a_wait_ends_at_the_deadline_and_works_again_after_a_new_one) {
  Stream& stream = connect();
  std::string text;
  IoState end = IoState::would_block;
  stream.set_deadline(test.loop.now() + seconds(5));
  test.start(read_until_end(stream, text, end));
  test.advance(seconds(4));
  stream.set_deadline(test.loop.now() + seconds(5));  // each phase moves it
  test.advance(seconds(4));
  EXPECT_EQ(end, IoState::would_block);
  test.advance(seconds(2));
  EXPECT_EQ(end, IoState::deadline);
  auto wait = [](Stream& on) -> Task<WaitResult> {
    const WaitResult result = co_await on.readable();
    co_return result;
  };
  EXPECT_EQ(test.finish(wait(stream)), WaitResult::deadline);
  stream.set_deadline(kNever);
  test.start(read_until_end(stream, text, end));
  send("late");
  test.settle();
  EXPECT_EQ(text, "late");
}

TEST_P(SocketStream, cancel_ends_a_wait_in_the_next_turn_and_for_good) {
  Stream& stream = connect();
  std::string text;
  IoState end = IoState::would_block;
  test.start(read_until_end(stream, text, end));
  stream.cancel();
  EXPECT_EQ(end, IoState::would_block);
  test.settle();
  EXPECT_EQ(end, IoState::cancelled);
  end = IoState::would_block;
  test.start(read_until_end(stream, text, end));
  EXPECT_EQ(end, IoState::cancelled);
  EXPECT_EQ(stream.try_write("bye").state, IoState::done);  // what needs no waiting still works
  EXPECT_EQ(receive(10), "bye");
}

TEST_P(SocketStream, interrupt_ends_one_wait_only) {
  Stream& stream = connect();
  std::string text;
  IoState end = IoState::would_block;
  test.start(read_until_end(stream, text, end));
  stream.interrupt(WaitPair::Side::read);
  test.settle();
  EXPECT_EQ(end, IoState::cancelled);
  test.start(read_until_end(stream, text, end));
  send("more");
  test.settle();
  EXPECT_EQ(text, "more");
}

TEST_P(SocketStream, destroying_it_under_a_waiter_cancels_the_wait) {
  Stream& stream = connect();
  std::optional<WaitResult> result;
  auto wait = [](Stream& on, std::optional<WaitResult>& out) -> Task<void> { out = co_await on.readable(); };
  test.start(wait(stream, result));
  host.accepted.clear();
  test.settle();
  EXPECT_EQ(result, WaitResult::cancelled);
  EXPECT_EQ(receive(10), "");
}

TEST_P(SocketStream, after_close_everything_fails_and_nothing_crashes) {
  Stream& stream = connect();
  stream.close();
  stream.close();
  stream.reset();
  std::array<char, 8> buffer{};
  EXPECT_EQ(stream.try_read(buffer).state, IoState::failed);
  EXPECT_EQ(stream.try_write("x").state, IoState::failed);
  EXPECT_EQ(stream.shutdown_write(), IoState::failed);
  EXPECT_EQ(stream.splice_descriptor(), -1);
  EXPECT_EQ(stream.peer_process(), std::nullopt);
}

TEST_P(SocketStream, a_peer_that_goes_away_fails_writes_without_a_signal) {
  Stream& stream = connect();
  client.reset();
  test.settle();
  IoResult result;
  for (int i = 0; i < 3; ++i) result = stream.try_write("anybody?");
  EXPECT_EQ(result.state, IoState::failed);
}

TEST_P(SocketStream, splices_to_another_socket_through_a_pipe) {
  Stream& from = connect();
  const Descriptor first = std::move(client);
  Stream& to = connect();
  auto taken = test.loop.pipes().take();
  ASSERT_TRUE(taken);
  Pipe pipe = *std::move(taken);
  ASSERT_EQ(::send(first.get(), "through", 7, 0), 7);
  test.settle();
  EXPECT_EQ(Splice::fill(from, pipe, 4).bytes, 4U);
  EXPECT_EQ(pipe.held_bytes(), 4U);
  EXPECT_EQ(Splice::fill(from, pipe, 100).bytes, 3U);
  EXPECT_EQ(Splice::drain(pipe, to, More::no).bytes, 7U);
  EXPECT_EQ(receive(100), "through");
  EXPECT_EQ(Splice::fill(from, pipe, 100).state, IoState::would_block);
  EXPECT_TRUE(from.drained());
  pipe.give_back();
  EXPECT_EQ(test.loop.pipes().kept(), 1U);
}

TEST_P(SocketStream, a_pipe_with_bytes_in_it_is_never_used_again) {
  Stream& from = connect();
  auto taken = test.loop.pipes().take();
  ASSERT_TRUE(taken);
  send("secret of one client");
  test.settle();
  EXPECT_EQ(Splice::fill(from, *taken, 6).bytes, 6U);
  taken->give_back();
  EXPECT_EQ(test.loop.pipes().kept(), 0U);
  EXPECT_FALSE(static_cast<bool>(*taken));
}

INSTANTIATE_TEST_SUITE_P(Kinds, SocketStream,
                         ::testing::Values(SocketAddress::Family::ip, SocketAddress::Family::unix_socket),
                         [](const auto& kind) {
                           return kind.param == SocketAddress::Family::ip ? "tcp" : "unix";
                         });

TEST(TcpStream, reset_reaches_the_peer_as_an_error_and_not_as_an_end) {
  TestLoop test;
  Host host(test.loop, SocketAddress::tcp(kLoopback, 0));
  const Descriptor client = raw_client(host.address());
  test.settle();
  host.accepted.back()->reset();
  char byte = 0;
  EXPECT_EQ(::recv(client.get(), &byte, 1, 0), -1);
  EXPECT_EQ(errno, ECONNRESET);
}

TEST(TcpStream, facts_name_both_ends_and_unwrap_mapped_addresses) {
  TestLoop test;
  Host host(test.loop, SocketAddress::tcp(*IpAddress::parse("::"), 0));
  const Descriptor client = raw_client(SocketAddress::tcp(kLoopback, host.address().port));
  test.settle();
  ASSERT_EQ(host.accepted.size(), 1U);
  const ConnectionFacts& facts = host.accepted.back()->facts();
  EXPECT_EQ(facts.peer.ip, kLoopback);
  EXPECT_EQ(facts.local, SocketAddress::tcp(kLoopback, host.address().port));
  EXPECT_EQ(facts.tls, Tls::off);
}

// --- who is at the other end
// -------------------------------------------------------------------------------------

TEST(PeerProcess, of_a_tcp_client_on_this_host_is_its_owner) {
  TestLoop test;
  for (const char* const ip : {"127.0.0.1", "::1"}) {
    Host host(test.loop, SocketAddress::tcp(*IpAddress::parse(ip), 0));
    const Descriptor client = raw_client(host.address());
    test.settle();
    ASSERT_EQ(host.accepted.size(), 1U);
    const auto& process = host.accepted.back()->peer_process();
    ASSERT_TRUE(process.has_value()) << ip;
    EXPECT_EQ(process->uid, ::geteuid());
  }
}

TEST(PeerProcess, of_a_v4_client_through_a_v6_socket_is_its_owner) {
  TestLoop test;
  Host host(test.loop, SocketAddress::tcp(kLoopback, 0));
  Descriptor mapped(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in6 in6{};
  in6.sin6_family = AF_INET6;
  in6.sin6_port = htons(host.address().port);
  in6.sin6_addr.s6_addr[10] = in6.sin6_addr.s6_addr[11] = 0xff;
  in6.sin6_addr.s6_addr[12] = 127;
  in6.sin6_addr.s6_addr[15] = 1;
  ASSERT_EQ(::connect(mapped.get(), reinterpret_cast<const sockaddr*>(&in6), sizeof in6), 0);
  test.settle();
  const auto& process = host.accepted.back()->peer_process();
  ASSERT_TRUE(process.has_value());
  EXPECT_EQ(process->uid, ::geteuid());
}

/// The kernel reports uid 0 for a socket that nobody owns any more. That must not read as "root is calling".
TEST(PeerProcess, of_a_tcp_client_that_has_gone_is_unknown_not_root) {
  TestLoop test;
  Host host(test.loop, SocketAddress::tcp(kLoopback, 0));
  Descriptor client = raw_client(host.address());
  test.settle();
  client.reset();
  test.settle();
  EXPECT_EQ(host.accepted.back()->peer_process(), std::nullopt);
  Descriptor second = raw_client(host.address());
  test.settle();
  host.accepted.back()->shutdown_write();
  second.reset();  // now in TIME_WAIT or gone
  test.settle();
  EXPECT_EQ(host.accepted.back()->peer_process(), std::nullopt);
}

/// connect_as connects from a thread of another user: credentials belong to threads, as far as the kernel
/// goes.
Descriptor connect_as(uid_t uid, const SocketAddress& address) {
  Descriptor socket;
  std::thread thread([&] {
    if (::syscall(SYS_setresuid, uid, uid, uid) == 0) socket = raw_client(address);
  });
  thread.join();
  return socket;
}

TEST(PeerProcess, of_another_user_is_that_user) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to be somebody else";
  constexpr uid_t kNobody = 65534;
  TestLoop test;
  Host tcp(test.loop, SocketAddress::tcp(kLoopback, 0));
  const Descriptor stranger = connect_as(kNobody, tcp.address());
  test.settle();
  ASSERT_EQ(tcp.accepted.size(), 1U);
  const auto& process = tcp.accepted.back()->peer_process();
  ASSERT_TRUE(process.has_value());
  EXPECT_EQ(process->uid, kNobody);
}

TEST(PeerProcess, SG_06_of_a_unix_client_is_its_uid_and_pid_even_after_it_has_gone) {
  TestLoop test;
  TempDirectory directory;
  Host host(test.loop, SocketAddress::unix_path(directory / "s"));
  Descriptor client = raw_client(host.address());
  test.settle();
  client.reset();
  test.settle();
  const auto& process = host.accepted.back()->peer_process();
  ASSERT_TRUE(process.has_value());
  EXPECT_EQ(process->uid, ::geteuid());
  EXPECT_EQ(process->pid, ::getpid());
}

}  // namespace
}  // namespace sallyport
