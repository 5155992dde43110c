// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/listener.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <fstream>
#include <set>

#include "sallyport/net/dialer.h"
#include "sockets_for_test.h"

namespace sallyport {
namespace {

using std::chrono::seconds;

Code code_of(const Result<OpenedDoor>& door) { return door ? Code::internal : door.error().code; }

mode_t mode_of(const std::string& path) {
  struct stat facts {};
  return ::lstat(path.c_str(), &facts) == 0 ? facts.st_mode & 07777 : 0;
}

// --- doors
// ---------------------------------------------------------------------------------------------------------

TEST(OpenedDoor, tcp_port_zero_becomes_a_real_port_shared_by_all_loops) {
  auto door = open_door(SocketAddress::tcp(kLoopback, 0), 3);
  ASSERT_TRUE(door);
  EXPECT_NE(door->address.port, 0);
  EXPECT_EQ(door->sockets.size(), 3U);
}

TEST(OpenedDoor, tcp_port_that_another_listener_has_is_refused_for_one_loop_and_for_several) {
  const auto first = open_door(SocketAddress::tcp(kLoopback, 0), 1);
  ASSERT_TRUE(first);
  EXPECT_EQ(code_of(open_door(first->address, 1)), Code::already_exists);
  EXPECT_EQ(code_of(open_door(first->address, 2)), Code::already_exists);
  const auto shared = open_door(SocketAddress::tcp(kLoopback, 0), 2);
  ASSERT_TRUE(shared);
  EXPECT_EQ(code_of(open_door(shared->address, 2)), Code::already_exists);
}

TEST(OpenedDoor, an_address_that_this_machine_lacks_is_refused) {
  EXPECT_EQ(code_of(open_door(SocketAddress::tcp(*IpAddress::parse("192.0.2.1"), 0), 1)), Code::not_found);
}

TEST(OpenedDoor, SG_06_unix_socket_is_private_and_removed_at_the_end) {
  TempDirectory directory;
  const std::string path = directory / "gate.sock";
  const mode_t mask = ::umask(0);  // not even an open umask makes it accessible
  auto door = open_door(SocketAddress::unix_path(path), 1);
  ::umask(mask);
  ASSERT_TRUE(door);
  EXPECT_EQ(mode_of(path), 0600U);
  EXPECT_EQ(door->address.path, path);
  door = fail(Code::internal, "closed");
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(OpenedDoor, SG_06_directory_open_to_others_is_refused_with_the_remedy) {
  for (const mode_t mode : {0701, 0710, 0720, 0750, 0755, 0777}) {
    TempDirectory directory;
    ::chmod(directory.path().c_str(), mode);
    const auto door = open_door(SocketAddress::unix_path(directory / "s"), 1);
    EXPECT_EQ(code_of(door), Code::permission_denied) << std::oct << mode;
    ASSERT_FALSE(door);
    EXPECT_NE(door.error().what.find("chmod 700"), std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(directory / "s"));
  }
}

TEST(OpenedDoor, SG_06_directory_of_another_user_is_refused) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to give a directory away";
  TempDirectory directory;
  ASSERT_EQ(::chown(directory.path().c_str(), 65534, 65534), 0);
  EXPECT_EQ(code_of(open_door(SocketAddress::unix_path(directory / "s"), 1)), Code::permission_denied);
}

TEST(OpenedDoor, SG_06_directory_behind_a_symlink_or_missing_is_refused) {
  TempDirectory directory;
  std::filesystem::create_directory(directory / "real");
  std::filesystem::permissions(directory / "real", std::filesystem::perms::owner_all);
  std::filesystem::create_symlink(directory / "real", directory / "link");
  EXPECT_EQ(code_of(open_door(SocketAddress::unix_path(directory / "link/s"), 1)), Code::not_found);
  EXPECT_EQ(code_of(open_door(SocketAddress::unix_path(directory / "none/s"), 1)), Code::not_found);
}

TEST(OpenedDoor, SG_06_live_socket_is_not_taken_over) {
  TempDirectory directory;
  const SocketAddress address = SocketAddress::unix_path(directory / "s");
  const auto first = open_door(address, 1);
  ASSERT_TRUE(first);
  EXPECT_EQ(code_of(open_door(address, 1)), Code::already_exists);
  EXPECT_TRUE(static_cast<bool>(raw_client(address)));  // the first one is unharmed
}

TEST(OpenedDoor, SG_06_stale_socket_of_ours_is_replaced) {
  TempDirectory directory;
  const SocketAddress address = SocketAddress::unix_path(directory / "s");
  auto first = open_door(address, 1);
  ASSERT_TRUE(first);
  const auto leaked = first->file.release();  // as after SIGKILL: the file stays
  first->sockets.clear();
  ASSERT_TRUE(std::filesystem::exists(address.path));
  const auto second = open_door(address, 1);
  EXPECT_TRUE(second);
  delete leaked;  // removes nothing: the file is another one now
  EXPECT_TRUE(std::filesystem::exists(address.path));
}

TEST(OpenedDoor, SG_06_file_or_symlink_in_the_way_is_left_alone) {
  TempDirectory directory;
  std::ofstream(directory / "file") << "precious";
  std::filesystem::create_symlink(directory / "elsewhere", directory / "link");
  EXPECT_EQ(code_of(open_door(SocketAddress::unix_path(directory / "file"), 1)), Code::already_exists);
  EXPECT_EQ(code_of(open_door(SocketAddress::unix_path(directory / "link"), 1)), Code::already_exists);
  EXPECT_EQ(std::filesystem::file_size(directory / "file"), 8U);
  EXPECT_TRUE(std::filesystem::is_symlink(directory / "link"));
}

TEST(OpenedDoor, SG_06_socket_of_another_user_is_left_alone) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to give a socket away";
  TempDirectory directory;
  const SocketAddress address = SocketAddress::unix_path(directory / "s");
  auto first = open_door(address, 1);
  ASSERT_TRUE(first);
  ASSERT_EQ(::lchown(address.path.c_str(), 65534, 65534), 0);
  first->sockets.clear();
  EXPECT_EQ(code_of(open_door(address, 1)), Code::permission_denied);
}

TEST(OpenedDoor, unix_path_that_is_too_long_or_has_no_directory_is_refused) {
  TempDirectory directory;
  EXPECT_EQ(code_of(open_door(SocketAddress::unix_path(directory / std::string(108, 'x')), 1)),
            Code::invalid_argument);
  EXPECT_EQ(code_of(open_door(SocketAddress::unix_path("relative"), 1)), Code::invalid_argument);
  EXPECT_EQ(code_of(open_door(SocketAddress::unix_path(directory.path() + "/"), 1)), Code::invalid_argument);
  EXPECT_EQ(code_of(open_door(SocketAddress::unix_path(""), 1)), Code::invalid_argument);
}

TEST(OpenedDoor, inherits_a_listening_socket_and_nothing_else) {
  auto original = open_door(SocketAddress::tcp(kLoopback, 0), 1);
  ASSERT_TRUE(original);
  const SocketAddress address = original->address;
  auto inherited = inherit_door(original->sockets.front().release(), 2);
  ASSERT_TRUE(inherited);
  EXPECT_EQ(inherited->address, address);
  EXPECT_EQ(inherited->sockets.size(), 2U);
  EXPECT_EQ(code_of(inherit_door(-1, 1)), Code::invalid_argument);
  const Descriptor file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(code_of(inherit_door(file.get(), 1)), Code::invalid_argument);
  const Descriptor unbound(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(code_of(inherit_door(unbound.get(), 1)), Code::invalid_argument);
}

// --- accepting
// -----------------------------------------------------------------------------------------------------

TEST(Listener, accepts_a_crowd_in_one_go) {
  TestLoop test;
  Host host(test.loop, SocketAddress::tcp(kLoopback, 0));
  std::vector<Descriptor> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(raw_client(host.address()));
  test.settle();
  EXPECT_EQ(host.accepted.size(), 200U);
  EXPECT_EQ(host.limiter.count(), 200U);
  host.accepted.clear();
  EXPECT_EQ(host.limiter.count(), 0U);
}

TEST(Listener, beyond_the_total_cap_it_closes_and_counts) {
  TestLoop test;
  ConnectionLimits limits;
  limits.total_max = 3;
  Host host(test.loop, SocketAddress::tcp(kLoopback, 0), limits);
  std::vector<Descriptor> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(raw_client(host.address()));
  test.settle();
  EXPECT_EQ(host.accepted.size(), 3U);
  EXPECT_EQ(host.listener->counters().refused_total, 2U);
  char byte = 0;
  EXPECT_LE(::recv(clients.back().get(), &byte, 1, 0), 0);  // an end, not a silence
  host.accepted.pop_back();
  clients.push_back(raw_client(host.address()));
  test.settle();
  EXPECT_EQ(host.accepted.size(), 3U);
}

TEST(Listener, close_stops_it_and_leaves_connections_alone) {
  TestLoop test;
  Host host(test.loop, SocketAddress::tcp(kLoopback, 0));
  const Descriptor client = raw_client(host.address());
  test.settle();
  host.listener->close();
  test.settle();
  EXPECT_EQ(test.loop.tasks(), 0U);
  EXPECT_FALSE(static_cast<bool>(raw_client(host.address())));
  EXPECT_EQ(host.accepted.back()->try_write("here").state, IoState::done);
}

TEST(Listener, may_be_destroyed_from_its_own_callback) {
  TestLoop test;
  auto door = open_door(SocketAddress::tcp(kLoopback, 0), 1);
  ASSERT_TRUE(door);
  ConnectionLimiter limiter({});
  std::optional<Listener> listener;
  int seen = 0;
  listener.emplace(test.loop, std::move(door->sockets.front()), door->address, limiter,
                   [&](std::unique_ptr<Stream>) {
                     ++seen;
                     listener.reset();
                   });
  ASSERT_TRUE(listener->start());
  const Descriptor client = raw_client(door->address);
  const Descriptor second = raw_client(door->address);
  test.settle();
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(test.loop.tasks(), 0U);
}

/// LowDescriptorLimit lets no new descriptor be opened while it lives.
class LowDescriptorLimit {
 public:
  LowDescriptorLimit() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const Descriptor lowest_free(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    rlimit low = before_;
    low.rlim_cur = static_cast<rlim_t>(lowest_free.get());
    ::setrlimit(RLIMIT_NOFILE, &low);
  }
  LowDescriptorLimit(const LowDescriptorLimit&) = delete;
  LowDescriptorLimit& operator=(const LowDescriptorLimit&) = delete;
  ~LowDescriptorLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST(Listener, survives_running_out_of_descriptors_and_turns_clients_away) {
  TestLoop test;
  Host host(test.loop, SocketAddress::tcp(kLoopback, 0));
  std::vector<Descriptor> clients;
  for (int i = 0; i < 5; ++i) clients.emplace_back(raw_socket(host.address()));
  {
    const LowDescriptorLimit low;
    for (const Descriptor& client : clients) ASSERT_TRUE(raw_connect(client.get(), host.address()));
    test.settle();
    EXPECT_EQ(host.accepted.size(), 0U);
    EXPECT_GE(host.listener->counters().out_of_descriptors, 5U);
    char byte = 0;
    for (const Descriptor& client : clients) EXPECT_LE(::recv(client.get(), &byte, 1, 0), 0);
  }
  test.advance(seconds(1));
  const Descriptor after = raw_client(host.address());
  test.settle();
  EXPECT_EQ(host.accepted.size(), 1U);
}

// --- caps
// ----------------------------------------------------------------------------------------------------------

ConnectionLimiter::Place entered(ConnectionLimiter& limiter, const char* ip) {
  auto result = limiter.enter(SocketAddress::tcp(*IpAddress::parse(ip), 1));
  EXPECT_EQ(result.index(), 0U) << ip;
  return result.index() == 0 ? std::get<0>(std::move(result)) : ConnectionLimiter::Place();
}

std::size_t index_for(ConnectionLimiter& limiter, const char* ip) {
  return limiter.enter(SocketAddress::tcp(*IpAddress::parse(ip), 1)).index();
}

TEST(ConnectionLimiter, counts_v4_by_address_and_v6_by_64_bit_network) {
  ConnectionLimits limits;
  limits.per_peer_max = 2;
  ConnectionLimiter limiter(limits);
  const auto a = entered(limiter, "192.0.2.1");
  const auto b = entered(limiter, "192.0.2.1");
  EXPECT_EQ(index_for(limiter, "192.0.2.1"), 1U);
  const auto c = entered(limiter, "192.0.2.2");
  const auto d = entered(limiter, "2001:db8:0:1::1");
  auto e = entered(limiter, "2001:db8:0:1:ffff::2");
  EXPECT_EQ(index_for(limiter, "2001:db8:0:1::3"), 1U);
  EXPECT_EQ(index_for(limiter, "2001:db8:0:2::3"), 0U);
  e = ConnectionLimiter::Place();
  EXPECT_EQ(index_for(limiter, "2001:db8:0:1::3"), 0U);
  EXPECT_EQ(limiter.count(), 4U);
}

TEST(ConnectionLimiter, loopback_and_unix_peers_have_the_total_cap_only) {
  ConnectionLimits limits;
  limits.per_peer_max = 1;
  limits.total_max = 3;
  ConnectionLimiter limiter(limits);
  const auto a = entered(limiter, "127.0.0.1");
  const auto b = entered(limiter, "127.0.0.1");
  const auto c = limiter.enter(SocketAddress::unix_path(""));
  EXPECT_EQ(c.index(), 0U);
  EXPECT_EQ(std::get<1>(limiter.enter(SocketAddress::unix_path(""))), ConnectionLimiter::Refusal::total);
}

TEST(ConnectionLimiter, total_cap_is_derived_from_the_descriptor_limit) {
  EXPECT_EQ(connections_max_for(20'000), (20'000U - kDescriptorsKeptBack) / 2);
  EXPECT_EQ(connections_max_for(1024), (1024U - kDescriptorsKeptBack) / 2);
  EXPECT_EQ(connections_max_for(0), 16U);
}

// --- dialling
// ------------------------------------------------------------------------------------------------------

TEST(Dialer, connects_over_tcp_and_unix) {
  TestLoop test;
  TempDirectory directory;
  SocketDialer dialer(test.loop);
  for (const SocketAddress& at :
       {SocketAddress::tcp(kLoopback, 0), SocketAddress::unix_path(directory / "s")}) {
    Host host(test.loop, at);
    auto dialled = test.finish(dialer.dial(host.address(), kNever));
    ASSERT_TRUE(dialled.has_value());
    ASSERT_TRUE(*dialled) << dialled->error().what;
    EXPECT_EQ((**dialled)->facts().peer, host.address());
    ASSERT_EQ((**dialled)->try_write("ping").state, IoState::done);
    test.settle();
    std::array<char, 8> buffer{};
    EXPECT_EQ(host.accepted.back()->try_read(buffer).bytes, 4U);
  }
}

TEST(Dialer, names_why_it_could_not) {
  TestLoop test;
  TempDirectory directory;
  SocketDialer dialer(test.loop);
  auto door = open_door(SocketAddress::tcp(kLoopback, 0), 1);
  ASSERT_TRUE(door);
  const SocketAddress closed = door->address;
  door = fail(Code::internal, "closed");
  const auto refused = test.finish(dialer.dial(closed, kNever));
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->error().code, Code::unavailable);
  const SocketAddress nowhere = SocketAddress::unix_path(directory / "none");
  const auto missing = test.finish(dialer.dial(nowhere, kNever));
  ASSERT_TRUE(missing.has_value());
  EXPECT_EQ(missing->error().code, Code::unavailable);
  const SocketAddress unnamed = SocketAddress::unix_path("");
  const auto invalid = test.finish(dialer.dial(unnamed, kNever));
  ASSERT_TRUE(invalid.has_value());
  EXPECT_EQ(invalid->error().code, Code::invalid_argument);
}

TEST(Dialer, without_descriptors_it_says_so) {
  TestLoop test;
  SocketDialer dialer(test.loop);
  const LowDescriptorLimit low;
  const SocketAddress address = SocketAddress::tcp(kLoopback, 1);
  const auto dialled = test.finish(dialer.dial(address, kNever));
  ASSERT_TRUE(dialled.has_value());
  EXPECT_EQ(dialled->error().code, Code::exhausted);
}

/// A listener whose backlog is full answers nothing: TCP drops, a Unix socket says EAGAIN.
TEST(Dialer, gives_up_at_its_deadline) {
  TestLoop test;
  TempDirectory directory;
  SocketDialer dialer(test.loop);
  for (const SocketAddress& at :
       {SocketAddress::tcp(kLoopback, 0), SocketAddress::unix_path(directory / "s")}) {
    auto door = open_door(at, 1);
    ASSERT_TRUE(door);
    ASSERT_EQ(::listen(door->sockets.front().get(), 0), 0);
    std::vector<Descriptor> fill;
    for (int i = 0; i < 4; ++i) {
      fill.emplace_back(raw_socket(door->address));
      set_nonblocking(fill.back().get());
      raw_connect(fill.back().get(), door->address);
    }
    std::optional<Code> code;
    auto dial = [](Dialer& with, const SocketAddress& to, MonotonicTime deadline,
                   std::optional<Code>& out) -> Task<void> {
      auto result = co_await with.dial(to, deadline);
      out = result ? Code::internal : result.error().code;
    };
    test.start(dial(dialer, door->address, test.loop.now() + seconds(2), code));
    test.advance(seconds(1));
    EXPECT_EQ(code, std::nullopt);
    test.advance(seconds(2));
    test.advance(seconds(1));
    EXPECT_EQ(code, Code::deadline_exceeded);
  }
}

}  // namespace
}  // namespace sallyport
