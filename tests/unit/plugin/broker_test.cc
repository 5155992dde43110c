// SPDX-License-Identifier: Apache-2.0
#include "sallyport/plugin/broker.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "sallyport/plugin/broker_stream.h"
#include "tests/unit/plugin/served.h"

namespace sallyport {
namespace {

using ::testing::HasSubstr;

RpcStatus echo(RpcServerCall&, std::string_view request, std::string& response) {
  response = request;
  return rpc_ok();
}

void add_echo(RpcServer& server) { server.add("/b.B/Echo", echo); }

/// Brokered is a plugin with a broker, and a host's broker on the channel to it.
class Brokered : public Served {
 protected:
  void begin(Duration patience = kBrokerPatience) {
    auto options = options_of();
    options.broker_patience = patience;
    options.versions[1] = [this](PluginSite& site) { plugin_ = &site.broker; };
    ASSERT_TRUE(open(std::move(options)).has_value());
    join_as_host(patience);
  }
  void join_as_host(Duration patience) {
    PluginBrokerMeans means;
    means.loop = shared_;
    means.place.directories = {directory_};
    means.peers.peers = PluginPeers::same_user;
    means.peers.own_uid = ::geteuid();
    means.patience = patience;
    means.warn = [](std::string_view, std::string_view) {};
    host_ = std::make_shared<PluginBroker>(std::move(means));
    channel_ = channel();
    stream_ = open_broker_stream(*channel_, shared_, host_);
    stream_->head();  // the plugin's end is attached
  }
  void end() {
    {
      const SharedLoop::Hold hold(*shared_);
      host_->close();
      shared_->loop().run_until_idle();
    }
    stream_.reset();
    channel_.reset();
    const SharedLoop::Hold hold(*shared_);
    shared_->loop().run_until_idle();
    EXPECT_TRUE(host_->idle());
  }

  PluginBroker* plugin_ = nullptr;
  std::shared_ptr<PluginBroker> host_;
  std::shared_ptr<RpcChannel> channel_;
  std::shared_ptr<RpcStream> stream_;
};

TEST_F(Brokered, TheHostDialsThePlugin) {
  begin();
  const auto id = plugin_->next_id();
  ASSERT_TRUE(plugin_->serve(id, add_echo).has_value());
  const auto dialled = host_->dial(id);
  ASSERT_TRUE(dialled.has_value()) << dialled.error().what;
  EXPECT_EQ((*dialled)->call("/b.B/Echo", "up").message, "up");
  plugin_->stop(id);
  EXPECT_EQ((*dialled)->call("/b.B/Echo", "up").status.code, RpcCode::unavailable);
  end();
}

TEST_F(Brokered, ThePluginDialsTheHost) {
  begin();
  const auto id = host_->next_id();
  ASSERT_TRUE(host_->serve(id, add_echo).has_value());
  // The host serves on the loop of its channels: somebody has to turn it.
  {
    const SharedLoop::Hold hold(*shared_);
    shared_->interest(1);
  }
  const auto dialled = plugin_->dial(id);
  ASSERT_TRUE(dialled.has_value()) << dialled.error().what;
  EXPECT_EQ((*dialled)->call("/b.B/Echo", "down").message, "down");
  {
    const SharedLoop::Hold hold(*shared_);
    shared_->interest(-1);
  }
  end();
}

TEST_F(Brokered, ANumberThatNobodyServesIsWaitedForAndNoLonger) {
  begin(std::chrono::milliseconds(50));
  EXPECT_EQ(host_->dial(77).error().code, Code::deadline_exceeded);
  EXPECT_EQ(plugin_->dial(77).error().code, Code::deadline_exceeded);
  end();
}

TEST_F(Brokered, OneNumberIsServedOnce) {
  begin();
  ASSERT_TRUE(plugin_->serve(5, add_echo).has_value());
  EXPECT_EQ(plugin_->serve(5, add_echo).error().code, Code::already_exists);
  end();
}

TEST_F(Brokered, ASecondHostDoesNotGetTheBroker) {
  begin();
  const auto second = channel_->open("/plugin.GRPCBroker/StartStream");
  EXPECT_EQ(second->finish().code, RpcCode::failed_precondition);
  end();
}

TEST_F(Brokered, WhatIsServedBeforeTheHostsStreamIsToldByIt) {
  auto options = options_of();
  options.versions[1] = [this](PluginSite& site) { plugin_ = &site.broker; };
  ASSERT_TRUE(open(std::move(options)).has_value());
  ASSERT_TRUE(plugin_->serve(1, add_echo).has_value());
  join_as_host(kBrokerPatience);
  const auto dialled = host_->dial(1);
  ASSERT_TRUE(dialled.has_value()) << dialled.error().what;
  EXPECT_EQ((*dialled)->call("/b.B/Echo", "early").message, "early");
  end();
}

TEST_F(Brokered, OnceTheOtherSideHasGoneNothingIsServed) {
  begin();
  {
    const SharedLoop::Hold hold(*shared_);
    host_->detach();
  }
  EXPECT_EQ(host_->serve(1, add_echo).error().code, Code::unavailable);
  end();
}

TEST_F(Brokered, LiesAboutAnAddressAreErrors) {
  begin();
  const auto tell = [this](const ConnInfo& info) {
    const SharedLoop::Hold hold(*shared_);
    host_->take(info.message());
  };
  tell({1, "tcp", "192.0.2.1:80", std::nullopt});
  EXPECT_THAT(host_->dial(1).error().what, HasSubstr("nowhere on this machine"));
  tell({2, "unix", "relative", std::nullopt});
  EXPECT_EQ(host_->dial(2).error().code, Code::invalid_argument);
  tell({3, "unix", concat(directory_, "/nothing"), std::nullopt});
  EXPECT_EQ(host_->dial(3).error().code, Code::unavailable);
  for (std::uint32_t id = 10; id < 10 + 2 * kBrokerAnnouncedMax; ++id) tell({id, "unix", "/x", std::nullopt});
  end();
}

/// Shared is Brokered over one connection.
class Shared : public Brokered {
 protected:
  void begin_shared(Duration patience = kBrokerPatience) {
    variables_ = {{"PLUGIN_MULTIPLEX_GRPC", "true"}};
    auto options = options_of();
    options.broker_patience = patience;
    options.versions[1] = [this](PluginSite& site) { plugin_ = &site.broker; };
    ASSERT_TRUE(open(std::move(options)).has_value());
    EXPECT_EQ(server_->handshake().multiplex, PluginHandshake::Multiplex::yes);
    share_ = std::make_shared<SharedConnection>();
    PluginBrokerMeans means;
    means.loop = shared_;
    means.share = share_;
    means.patience = patience;
    means.warn = [](std::string_view, std::string_view) {};
    host_ = std::make_shared<PluginBroker>(std::move(means));
    channel_ = RpcChannel::over(shared_, main_stream(), {});
    stream_ = open_broker_stream(*channel_, shared_, host_);
    stream_->head();
  }
  void end_shared() {
    const SharedLoop::Hold hold(*shared_);
    share_->close();
    shared_->loop().run_until_idle();
  }

  std::shared_ptr<SharedConnection> share_;

 private:
  std::unique_ptr<Stream> main_stream() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    server_->handshake().address.path.copy(address.sun_path, sizeof address.sun_path - 1);
    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::fcntl(socket.get(), F_SETFL, O_NONBLOCK);
    const SharedLoop::Hold hold(*shared_);
    auto carrier = socket_stream(shared_->loop(), std::move(socket), ConnectionFacts());
    auto take = [this](std::unique_ptr<Stream> stream) { host_->take_stream(std::move(stream)); };
    share_->begin(shared_->loop(), *std::move(carrier), YamuxRole::client, take, [](YamuxEnding) {});
    return *share_->open();
  }
};

TEST_F(Shared, BothWaysOverOneConnection) {
  begin_shared();
  const auto theirs = plugin_->next_id();
  ASSERT_TRUE(plugin_->serve(theirs, add_echo).has_value());
  const auto up = host_->dial(theirs);
  ASSERT_TRUE(up.has_value()) << up.error().what;
  EXPECT_EQ((*up)->call("/b.B/Echo", "up").message, "up");
  ASSERT_TRUE(host_->serve(9, add_echo).has_value());
  {
    const SharedLoop::Hold hold(*shared_);
    shared_->interest(1);
  }
  {
    const auto down = plugin_->dial(9);
    ASSERT_TRUE(down.has_value()) << down.error().what;
    const std::string large(1'000'000, 'l');
    EXPECT_EQ((*down)->call("/b.B/Echo", large).message, large);
  }
  EXPECT_EQ((*up)->call("/b.B/Echo", "again").message, "again");
  {
    const SharedLoop::Hold hold(*shared_);
    shared_->interest(-1);
  }
  end();
  end_shared();
}

TEST_F(Shared, AKnockIsAnsweredOnceSomebodyServes) {
  begin_shared();
  std::thread late([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_TRUE(plugin_->serve(3, add_echo).has_value());
  });
  const auto dialled = host_->dial(3);
  late.join();
  ASSERT_TRUE(dialled.has_value()) << dialled.error().what;
  EXPECT_EQ((*dialled)->call("/b.B/Echo", "late").message, "late");
  end();
  end_shared();
}

TEST_F(Shared, AnAddressIsPassedOverAndAKnockForNobodyTimesOut) {
  begin_shared(std::chrono::milliseconds(50));
  {
    const SharedLoop::Hold hold(*shared_);
    host_->take(ConnInfo{4, "unix", "/x", std::nullopt}.message());
  }
  EXPECT_EQ(host_->dial(4).error().code, Code::deadline_exceeded);
  end();
  end_shared();
}

TEST(ConnInfoTest, ReadsWhatItWrites) {
  const ConnInfo info{300, "unix", "/run/s", ConnInfo::Knock{true, true, "no"}};
  const auto read = ConnInfo::parse(info.message());
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->message(), info.message());
  EXPECT_EQ(read->id, 300U);
  EXPECT_EQ(read->knock->error, "no");
}

TEST(ConnInfoTest, RefusesWhatIsMalformed) {
  EXPECT_FALSE(ConnInfo::parse("\x08").has_value());
  EXPECT_FALSE(ConnInfo::parse("\x12\x7fx").has_value());
  EXPECT_FALSE(ConnInfo::parse(std::string(kConnInfoBytesMax + 1, '\0')).has_value());
  EXPECT_FALSE(ConnInfo::parse("\x08\xff\xff\xff\xff\xff\x01").has_value()) << "a number beyond 32 bits";
  EXPECT_FALSE(ConnInfo::parse("\x22\x02\x1a\x05").has_value()) << "a knock that is cut short";
}

}  // namespace
}  // namespace sallyport
