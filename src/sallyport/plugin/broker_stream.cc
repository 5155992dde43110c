// SPDX-License-Identifier: Apache-2.0
#include "sallyport/plugin/broker_stream.h"

#include <deque>
#include <utility>

namespace sallyport {
namespace {

constexpr std::string_view kStartStream = "/plugin.GRPCBroker/StartStream";
constexpr Duration kWireGlance = std::chrono::seconds(1);  ///< how late the end of the call is noticed

/// ServedWire is the plugin's end.
class ServedWire final : public BrokerWire {
 public:
  ServedWire(Loop& loop, RpcServerCall& call) : call_(call), changed_(loop.scheduler()) {}
  void send(std::string message) override {
    messages_.push_back(std::move(message));
    changed_.notify_all();
  }
  void end() override {
    call_.end(rpc_ok());
    no_more();
  }
  void no_more() noexcept {
    life_ = Life::ended;
    changed_.notify_all();
  }
  static Task<void> write_all(ServedWire& self) {
    while (!self.call_.over() && self.life_ == Life::open) {
      if (self.messages_.empty()) {
        const MonotonicTime glance = after(self.call_.now(), kWireGlance);
        co_await self.changed_.wait(glance);
        continue;
      }
      const std::string message = std::move(self.messages_.front());
      self.messages_.pop_front();
      const bool sent = co_await self.call_.write(message);
      if (!sent) break;
    }
  }
  static Task<void> read_all(ServedWire& self, PluginBroker& broker) {
    while (true) {
      const std::optional<std::string> message = co_await self.call_.read();
      if (!message.has_value()) break;
      broker.take(*message);
    }
    self.no_more();
  }

 private:
  RpcServerCall& call_;
  std::deque<std::string> messages_;
  Signal changed_;
  enum class Life : std::uint8_t { open, ended } life_ = Life::open;
};

Task<RpcStatus> serve_stream(PluginBroker& broker, Loop& loop, RpcServerCall& call) {
  const RpcStatus taken(RpcCode::failed_precondition, "another host has the broker already");
  if (broker.attached()) co_return taken;
  call.send_head();
  const auto wire = std::make_shared<ServedWire>(loop, call);
  broker.attach(wire);
  Task<void> reading = ServedWire::read_all(*wire, broker);
  Task<void> writing = ServedWire::write_all(*wire);
  co_await both(std::move(reading), std::move(writing));
  broker.detach();
  co_return rpc_ok();
}

/// CalledWire is the host's end.
class CalledWire final : public BrokerWire {
 public:
  CalledWire(std::shared_ptr<SharedLoop> loop, std::shared_ptr<RpcStream> stream)
      : loop_(std::move(loop)), stream_(std::move(stream)) {}
  // A stream takes the loop's lock, which whoever sends holds.
  void send(std::string message) override {
    loop_->defer([stream = stream_, text = std::move(message)] { stream->write(text); });
  }
  void end() override {
    loop_->defer([stream = stream_] { stream->finish_writes(); });
  }

 private:
  std::shared_ptr<SharedLoop> loop_;
  std::shared_ptr<RpcStream> stream_;
};

}  // namespace

void add_broker(RpcServer& server, PluginBroker& broker) {
  server.add_streaming(kStartStream,
                       [&broker](RpcServerCall& call) { return serve_stream(broker, broker.loop(), call); });
}

std::shared_ptr<RpcStream> open_broker_stream(RpcChannel& channel, const std::shared_ptr<SharedLoop>& loop,
                                              const std::shared_ptr<PluginBroker>& broker) {
  auto stream = channel.open(kStartStream);
  {
    const SharedLoop::Hold hold(*loop);
    broker->attach(std::make_shared<CalledWire>(loop, stream));
  }
  stream->on_message([loop, broker](const std::optional<std::string>& message) {
    const SharedLoop::Hold hold(*loop);
    if (message) {
      broker->take(*message);
    } else {
      broker->detach();
    }
  });
  return stream;
}

}  // namespace sallyport
