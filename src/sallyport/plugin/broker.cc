// SPDX-License-Identifier: Apache-2.0
#include "sallyport/plugin/broker.h"

#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/net/dialer.h"
#include "sallyport/net/listener.h"

namespace sallyport {
namespace {

constexpr Duration kTlsPatience = std::chrono::seconds(10);

}  // namespace

/// Service is one number that is served here.
struct PluginBroker::Service {
  Service(Loop& loop, RpcServerOptions options) : server(loop, std::move(options)) {}
  PluginDoor door;
  RpcServer server;
  std::optional<Listener> listener;
  enum class Life : std::uint8_t { open, ended } life = Life::open;
};

/// Wait is a thread that waits for a word about a number. On its stack; the loop's.
struct PluginBroker::Wait {
  SharedLoop::Turn turn;
  std::optional<ConnInfo> info;
};

/// Dialling is shared by the thread that waits for a connection and the task that makes it.
struct PluginBroker::Dialling {
  std::shared_ptr<SharedLoop> loop;
  std::shared_ptr<const MutualTls> tls;
  PluginPeerRule peers;
  SocketAddress address;
  MonotonicTime deadline;
  SharedLoop::Turn turn;
  Result<std::unique_ptr<Stream>> stream = fail(Code::deadline_exceeded, "connecting took too long");
};

PluginBroker::PluginBroker(PluginBrokerMeans means)
    : means_(std::move(means)), limiter_(ConnectionLimits{kBrokerServicesMax, kBrokerServicesMax}) {}

PluginBroker::~PluginBroker() = default;

std::uint32_t PluginBroker::next_id() { return ++ids_; }

void PluginBroker::take(std::string_view message) {
  auto info = ConnInfo::parse(message);
  if (!info || info->knock) {
    means_.warn("passed over a broker's message",
                info ? "it knocks, and nothing is shared" : info.error().what);
    return;
  }
  if (const auto waiting = waiting_.find(info->id); waiting != waiting_.end()) {
    if (waiting->second->info) return;
    waiting->second->info = *std::move(info);
    return means_.loop->finish(waiting->second->turn);
  }
  forget_old();
  if (announced_.size() >= kBrokerAnnouncedMax)
    return means_.warn("passed over a broker's message", "too many numbers wait to be dialled");
  const auto id = info->id;
  // A second word about a number is dropped, as in go-plugin.
  announced_.try_emplace(id, Announced{*std::move(info), after(means_.loop->now(), means_.patience)});
}

void PluginBroker::forget_old() {
  const auto now = means_.loop->now();
  std::erase_if(announced_, [now](const auto& one) { return one.second.expires <= now; });
}

Status PluginBroker::serve(std::uint32_t id, const std::function<void(RpcServer&)>& add) {
  SALLYPORT_TRY(door, open_plugin_door(means_.place));
  const SharedLoop::Hold hold(*means_.loop);
  if (life_ == Life::closed || !wire_)
    return fail(Code::unavailable, "the other side of the broker is not there");
  if (services_.contains(id))
    return fail(Code::already_exists, concat("number ", id, " is served already; take next_id()"));
  if (services_.size() >= kBrokerServicesMax)
    return fail(Code::exhausted, concat("more than ", kBrokerServicesMax, " services of one broker"));
  auto service = std::make_shared<Service>(means_.loop->loop(), means_.rpc);
  add(service->server);
  service->door = std::move(door);
  auto take_one = [this, weak = std::weak_ptr<Service>(service)](std::unique_ptr<Stream> stream) {
    if (const auto still = weak.lock()) admit(still, std::move(stream));
  };
  const auto& opened = service->door.opened;
  service->listener.emplace(means_.loop->loop(), std::move(service->door.opened.sockets.front()),
                            opened.address, limiter_, std::move(take_one));
  SALLYPORT_CHECK(service->listener->start());
  const auto& address = opened.address;
  services_[id] = std::move(service);
  const ConnInfo info{id, address.is_unix() ? "unix" : "tcp",
                      address.is_unix() ? address.path : address.str(), std::nullopt};
  wire_->send(info.message());
  means_.loop->loop().nudge();
  return ok();
}

void PluginBroker::stop(std::uint32_t id) {
  const SharedLoop::Hold hold(*means_.loop);
  if (const auto found = services_.find(id); found != services_.end()) end(found);
}

void PluginBroker::end(std::map<std::uint32_t, std::shared_ptr<Service>>::iterator which) {
  auto service = std::move(which->second);
  services_.erase(which);
  service->listener.reset();
  service->door.close();
  service->life = Service::Life::ended;
  service->server.shut_down();
  service->server.cut();
  ending_.push_back(service);
  means_.loop->loop().spawn(wind_down(*this, *service));
  means_.loop->loop().nudge();
}

void PluginBroker::close() {
  life_ = Life::closed;
  if (const auto wire = std::exchange(wire_, nullptr)) wire->end();
  announced_.clear();
  while (!services_.empty()) end(services_.begin());
  for (const auto& [id, wait] : waiting_) means_.loop->finish(wait->turn);
}

Task<void> PluginBroker::wind_down(PluginBroker& self, Service& service) {
  co_await self.means_.loop->loop().yield();
  const MonotonicTime now = self.means_.loop->now();
  co_await service.server.drain(now);
  std::erase_if(self.ending_, [&service](const auto& one) { return one.get() == &service; });
}

void PluginBroker::admit(const std::shared_ptr<Service>& service, std::unique_ptr<Stream> stream) {
  if (service->life == Service::Life::ended) return;
  if (const auto refusal = means_.peers.refusal(stream->peer_process(), means_.place.transport))
    return means_.warn("refused a connection to a broker's service", *refusal);
  if (!means_.tls) return service->server.serve(std::move(stream));
  means_.loop->loop().spawn(accept_tls(*this, service, std::move(stream)));
}

Task<void> PluginBroker::accept_tls(PluginBroker& self, std::shared_ptr<Service> service,
                                    std::unique_ptr<Stream> stream) {
  const MonotonicTime deadline = after(self.means_.loop->now(), kTlsPatience);
  Result<std::unique_ptr<Stream>> shaken =
      co_await self.means_.tls->accept(self.means_.loop->loop(), std::move(stream), deadline);
  if (!shaken) {
    self.means_.warn("refused a connection to a broker's service", shaken.error().what);
  } else if (service->life == Service::Life::open) {
    service->server.serve(*std::move(shaken));
  }
}

Result<ConnInfo> PluginBroker::await_info(SharedLoop::Hold& hold, std::uint32_t id, MonotonicTime deadline) {
  forget_old();
  if (const auto found = announced_.find(id); found != announced_.end()) {
    ConnInfo info = std::move(found->second.info);
    announced_.erase(found);
    return info;
  }
  Wait wait;
  if (life_ == Life::closed || !waiting_.try_emplace(id, &wait).second)
    return fail(Code::unavailable, concat("number ", id, " is being dialled, or the broker is closed"));
  means_.loop->wait(hold, wait.turn, deadline);
  waiting_.erase(id);
  if (wait.info) return *std::move(wait.info);
  if (life_ == Life::closed) return fail(Code::unavailable, "the other side of the broker is gone");
  return fail(Code::deadline_exceeded, concat("the other side never said where its service ", id,
                                              " is; does it call Accept with the same number?"));
}

Task<void> PluginBroker::connect_for(std::shared_ptr<Dialling> dialling) {
  Loop& loop = dialling->loop->loop();
  SocketDialer dialer(loop);
  dialling->stream = co_await dialer.dial(dialling->address, dialling->deadline);
  if (dialling->stream) {
    const PluginTransport transport =
        dialling->address.is_unix() ? PluginTransport::unix_socket : PluginTransport::tcp;
    const auto refusal = dialling->peers.refusal((*dialling->stream)->peer_process(), transport);
    if (refusal)
      dialling->stream = fail(Code::permission_denied, concat("who answers is not who told: ", *refusal));
  }
  if (dialling->stream && dialling->tls) {
    std::unique_ptr<Stream> plain = *std::move(dialling->stream);
    dialling->stream = co_await dialling->tls->connect(loop, std::move(plain), dialling->deadline);
  }
  dialling->loop->finish(dialling->turn);
}

Result<std::unique_ptr<Stream>> PluginBroker::connect(SharedLoop::Hold& hold, const SocketAddress& address,
                                                      MonotonicTime deadline) {
  auto dialling = std::make_shared<Dialling>();
  dialling->loop = means_.loop;
  dialling->tls = means_.tls;
  dialling->peers = means_.peers;
  dialling->address = address;
  dialling->deadline = deadline;
  means_.loop->loop().spawn(connect_for(dialling));
  means_.loop->wait(hold, dialling->turn, deadline);
  return std::move(dialling->stream);
}

Result<std::shared_ptr<RpcChannel>> PluginBroker::dial(std::uint32_t id, RpcChannelOptions options) {
  std::unique_ptr<Stream> stream;
  {
    SharedLoop::Hold hold(*means_.loop);
    const MonotonicTime deadline = after(means_.loop->now(), means_.patience);
    SALLYPORT_TRY(info, await_info(hold, id, deadline));
    SALLYPORT_TRY(address, info.where());
    SALLYPORT_TRY(connected, connect(hold, address, deadline));
    stream = std::move(connected);
  }
  return RpcChannel::over(means_.loop, std::move(stream), std::move(options));
}

}  // namespace sallyport
