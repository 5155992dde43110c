// SPDX-License-Identifier: Apache-2.0
// PluginBroker: further gRPC connections between host and plugin, in both directions, each known by a number
// that one side tells the other in a message of its own.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/net/limiter.h"
#include "sallyport/net/mutual_tls.h"
#include "sallyport/plugin/broker_wire.h"
#include "sallyport/plugin/server_door.h"
#include "sallyport/rpc/channel.h"
#include "sallyport/rpc/server.h"
#include "sallyport/rpc/shared_loop.h"

namespace sallyport {

inline constexpr Duration kBrokerPatience =
    std::chrono::seconds(5);                             ///< as go-plugin's, for a word from there
inline constexpr std::size_t kBrokerServicesMax = 256;   ///< served here at once
inline constexpr std::size_t kBrokerAnnouncedMax = 256;  ///< told by the other side, and not yet dialled

/// BrokerWire carries a broker's messages to the other side. On the loop.
class BrokerWire {
 public:
  virtual ~BrokerWire() = default;
  virtual void send(std::string message) = 0;
  /// end says that nothing follows.
  virtual void end() = 0;
};

/// BrokerShare opens streams on the one connection that host and plugin share. On the loop.
class BrokerShare {
 public:
  virtual ~BrokerShare() = default;
  virtual Result<std::unique_ptr<Stream>> open() = 0;
};

/// PluginBrokerMeans are what a broker works with. A value.
struct PluginBrokerMeans {
  std::shared_ptr<SharedLoop> loop;
  std::shared_ptr<const MutualTls> tls;  ///< of the main connection; null: plain
  PluginPlace place;                     ///< where services listen
  std::shared_ptr<BrokerShare> share;    ///< where all goes over one connection; null: a connection for each
  PluginPeerRule peers;                  ///< who may connect to them, and whom we connect to
  RpcServerOptions rpc;                  ///< of services
  Duration patience = kBrokerPatience;
  std::function<void(std::string_view what, std::string_view why)> warn;  ///< the log; on the loop
};

/// PluginBroker is one side's: host's or plugin's. dial(), serve() and stop() are for any thread but the
/// loop's own, so not for handlers that run on it: use the pool. The rest is for who owns the stream of
/// messages, under the loop's lock.
class PluginBroker {
 public:
  explicit PluginBroker(PluginBrokerMeans means);
  PluginBroker(const PluginBroker&) = delete;
  PluginBroker& operator=(const PluginBroker&) = delete;
  /// The loop's tasks were dropped, or close() was called and the loop has turned until idle() since.
  ~PluginBroker();

  /// next_id gives a number that this side has not used. Any thread.
  std::uint32_t next_id();
  /// serve listens for number `id` and tells the other side where. `add` adds the services; handlers run on
  /// the broker's loop or on a pool, as they are added; it is called under the loop's lock, and so calls no
  /// broker. Errors: already_exists, exhausted (kBrokerServicesMax), unavailable (the other side is gone),
  /// those of open_plugin_door.
  Status serve(std::uint32_t id, const std::function<void(RpcServer&)>& add);
  /// stop ends what serve() began: calls under way are cut.
  void stop(std::uint32_t id);
  /// dial connects to number `id` of the other side. Blocks for the patience. Errors: deadline_exceeded (the
  /// other side never told where), invalid_argument (it told nonsense), permission_denied (another process
  /// answers there), unavailable.
  Result<std::shared_ptr<RpcChannel>> dial(std::uint32_t id, RpcChannelOptions options = {});

  /// attach gives the way to the other side. What serve() and dial() have to say before waits for it: a
  /// host's first calls may overtake its stream. After detach() they are unavailable.
  void attach(std::shared_ptr<BrokerWire> wire);
  void detach() noexcept;
  [[nodiscard]] bool attached() const noexcept { return wire_ != nullptr; }
  [[nodiscard]] Loop& loop() const noexcept { return means_.loop->loop(); }
  /// take_stream takes a stream that the other side opened on the shared connection, where it knocked for
  /// one; what nobody knocked for is given back.
  std::unique_ptr<Stream> take_stream(std::unique_ptr<Stream> stream);
  /// take is a message of the other side. Malformed ones are logged and passed over.
  void take(std::string_view message);
  /// close ends every service and every wait, for good.
  void close();
  [[nodiscard]] bool idle() const noexcept { return services_.empty() && ending_.empty(); }

 private:
  struct Service;
  struct Wait;
  struct Dialling;
  struct Announced {
    ConnInfo info;
    MonotonicTime expires;
  };
  struct Expected {
    std::uint32_t id;
    MonotonicTime expires;
  };
  void admit(const std::shared_ptr<Service>& service, std::unique_ptr<Stream> stream);
  void take_knock(std::uint32_t id);
  void open_up(std::uint32_t id);
  void say(const ConnInfo& info);
  Status listen(const std::shared_ptr<Service>& service, PluginDoor door);
  Result<std::unique_ptr<Stream>> knock(SharedLoop::Hold& hold, std::uint32_t id, MonotonicTime deadline);
  void end(std::map<std::uint32_t, std::shared_ptr<Service>>::iterator which);
  void forget_old();
  Result<ConnInfo> await_info(SharedLoop::Hold& hold, std::uint32_t id, MonotonicTime deadline);
  Result<std::unique_ptr<Stream>> connect(SharedLoop::Hold& hold, const std::shared_ptr<Dialling>& dialling,
                                          MonotonicTime deadline);
  static Task<void> accept_tls(PluginBroker& self, std::shared_ptr<Service> service,
                               std::unique_ptr<Stream> stream);
  static Task<void> wind_down(PluginBroker& self, Service& service);
  static Task<void> connect_for(std::shared_ptr<Dialling> dialling);

  const PluginBrokerMeans means_;
  ConnectionLimiter limiter_;
  std::atomic<std::uint32_t> ids_{0};
  std::mutex knocking_;  ///< streams are told apart by their order alone: one at a time
  // All below is the loop's.
  std::shared_ptr<BrokerWire> wire_;
  std::vector<std::string> unsaid_;  ///< before there was a wire
  enum class Peer : std::uint8_t { to_come, there, gone } peer_ = Peer::to_come;
  std::map<std::uint32_t, std::shared_ptr<Service>> services_;
  std::map<std::uint32_t, Announced> announced_;
  std::map<std::uint32_t, Wait*> waiting_;
  std::deque<Expected> expected_;  ///< whose knocks were answered: the next streams are theirs
  std::map<std::uint32_t, MonotonicTime> early_knocks_;  ///< for what is not served yet
  std::vector<std::shared_ptr<Service>> ending_;         ///< kept until their connections have ended
  enum class Life : std::uint8_t { open, closed } life_ = Life::open;
};

}  // namespace sallyport
