// SPDX-License-Identifier: Apache-2.0
// A plugin's server in this process, on real sockets, and channels that call it.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>

#include "sallyport/base/text.h"
#include "sallyport/env/posix/system.h"
#include "sallyport/net/dialer.h"
#include "sallyport/plugin/server.h"
#include "sallyport/rpc/channel.h"

namespace sallyport {

using Variables = std::map<std::string, std::string, std::less<>>;

inline VariableLookup lookup_in(const Variables& variables) {
  return [&variables](std::string_view name) -> std::optional<std::string_view> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

inline PluginServerOptions options_of(std::string_view cookie = "hello") {
  PluginServerOptions options;
  options.cookie_key = "KEY";
  options.cookie_value = SecretText(cookie);
  options.versions[1] = [](PluginSite& site) {
    site.server.add("/t.T/Echo", [](RpcServerCall&, std::string_view request, std::string& response) {
      response = request;
      return rpc_ok();
    });
  };
  return options;
}

/// ShiftedClock is the real one, moved on by a test.
class ShiftedClock final : public MonotonicClock {
 public:
  [[nodiscard]] MonotonicTime now() const override { return system_.now() + Duration(shift_.load()); }
  void advance(Duration by) { shift_ += by.count(); }

 private:
  SystemMonotonicClock system_;
  std::atomic<Duration::rep> shift_{0};
};

/// Served: open() a plugin, call it by channel(). Its directory has to be empty at the end.
class Served : public ::testing::Test {
 protected:
  Served() {
    std::string room = "/tmp/sallyport-plugin-XXXXXX";
    directory_ = ::mkdtemp(room.data());
  }
  ~Served() override {
    if (server_) {
      server_->stop();
      thread_.join();
      server_.reset();
    }
    EXPECT_EQ(::rmdir(directory_.c_str()), 0) << "something was left in " << directory_;
  }

  Status open(PluginServerOptions options = options_of(), std::vector<std::int32_t> ancestors = {}) {
    PluginServerPowers powers{clock_,
                              plugin_clock_,
                              entropy_,
                              files_,
                              log_,
                              lookup_in(variables_),
                              {concat(directory_, "/none"), directory_},
                              ::geteuid(),
                              std::move(ancestors)};
    SALLYPORT_TRY(server, PluginServer::open(std::move(options), std::move(powers), &output_));
    server_ = std::move(server);
    thread_ = std::thread([this] { server_->run(); });
    return ok();
  }
  std::shared_ptr<RpcChannel> channel() {
    const auto made = RpcChannel::connect(shared_, server_->handshake().address, {}, soon());
    EXPECT_TRUE(made.has_value());
    return made ? *made : nullptr;
  }
  /// channel_over is channel() by TLS.
  Result<std::shared_ptr<RpcChannel>> channel_over(std::shared_ptr<const MutualTls> tls) {
    struct Made {
      SharedLoop::Turn turn;
      Result<std::unique_ptr<Stream>> stream = fail(Code::deadline_exceeded, "too slow");
    };
    const auto made = std::make_shared<Made>();
    const auto dial = [](SharedLoop& loop, SocketAddress to, std::shared_ptr<const MutualTls> by,
                         std::shared_ptr<Made> into, MonotonicTime deadline) -> Task<void> {
      SocketDialer dialer(loop.loop());
      into->stream = co_await dialer.dial(to, deadline);
      if (into->stream) {
        std::unique_ptr<Stream> plain = *std::move(into->stream);
        into->stream = co_await by->connect(loop.loop(), std::move(plain), deadline);
      }
      loop.finish(into->turn);
    };
    {
      SharedLoop::Hold hold(*shared_);
      Task<void> dialling = dial(*shared_, server_->handshake().address, std::move(tls), made, soon());
      shared_->loop().spawn(std::move(dialling));
      shared_->wait(hold, made->turn, soon());
    }
    if (!made->stream) return std::move(made->stream).error();
    return RpcChannel::over(shared_, *std::move(made->stream), {});
  }
  RpcReply call(std::string_view method, std::string_view request = {}) {
    RpcCallOptions options;
    options.deadline = soon();
    return channel()->call(method, request, std::move(options));
  }
  MonotonicTime soon() { return after(monotonic_.now(), std::chrono::seconds(60)); }

  std::string directory_;
  Variables variables_;
  SystemClock clock_;
  SystemMonotonicClock monotonic_;
  ShiftedClock plugin_clock_;
  SystemEntropy entropy_;
  SystemFiles files_;
  Descriptor null_{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
  PluginLog log_{null_.get(), clock_, "test"};
  StdioQueue output_;
  std::unique_ptr<PluginServer> server_;
  std::thread thread_;
  std::shared_ptr<SharedLoop> shared_ = std::make_shared<SharedLoop>(monotonic_);
};

}  // namespace sallyport
