// SPDX-License-Identifier: Apache-2.0
// What the broker serves, and what the other side says. How it dials is in broker_dial.cc.
#include "sallyport/plugin/broker.h"

#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/plugin/internal/broker_parts.h"
#include "sallyport/plugin/stream_bridge.h"

namespace sallyport {
namespace {

constexpr Duration kTlsPatience = std::chrono::seconds(10);
constexpr std::string_view kPassedOver = "passed over a broker's message";
constexpr std::string_view kRefused = "refused a connection to a broker's service";

}  // namespace

PluginBroker::PluginBroker(PluginBrokerMeans means)
    : means_(std::move(means)), limiter_(ConnectionLimits{kBrokerServicesMax, kBrokerServicesMax}) {}

PluginBroker::~PluginBroker() = default;

std::uint32_t PluginBroker::next_id() { return ++ids_; }

void PluginBroker::attach(std::shared_ptr<BrokerWire> wire) {
  wire_ = std::move(wire);
  peer_ = Peer::there;
  for (auto& message : std::exchange(unsaid_, {})) wire_->send(std::move(message));
}

void PluginBroker::detach() noexcept {
  wire_ = nullptr;
  peer_ = Peer::gone;
}

void PluginBroker::say(const ConnInfo& info) {
  if (wire_) {
    wire_->send(info.message());
  } else if (peer_ == Peer::to_come && unsaid_.size() < kBrokerAnnouncedMax) {
    unsaid_.push_back(info.message());
  }
}

void PluginBroker::take(std::string_view message) {
  auto info = ConnInfo::parse(message);
  if (!info) return means_.warn(kPassedOver, info.error().what);
  if (info->knock.has_value() != (means_.share != nullptr)) {
    return means_.warn(kPassedOver, means_.share ? "it names an address, and all goes over one connection"
                                                 : "it knocks, and each service has its own connection");
  }
  if (info->knock && !info->knock->ack) return take_knock(info->id);
  if (const auto waiting = waiting_.find(info->id); waiting != waiting_.end()) {
    if (waiting->second->info) return;
    waiting->second->info = *std::move(info);
    return means_.loop->finish(waiting->second->turn);
  }
  if (info->knock) {  // nobody waits any more, but over there the next stream is taken for this one's
    const auto stream = info->knock->error.empty() ? means_.share->open() : fail(Code::cancelled, {});
    if (!stream) means_.warn(kPassedOver, "the answer to a knock came too late");
    return;
  }
  forget_old();
  if (announced_.size() >= kBrokerAnnouncedMax)
    return means_.warn(kPassedOver, "too many numbers wait to be dialled");
  const auto id = info->id;
  // A second word about a number is dropped, as in go-plugin.
  announced_.try_emplace(id, Announced{*std::move(info), after(means_.loop->now(), means_.patience)});
}

void PluginBroker::forget_old() {
  const auto now = means_.loop->now();
  std::erase_if(announced_, [now](const auto& one) { return one.second.expires <= now; });
  std::erase_if(early_knocks_, [now](const auto& one) { return one.second <= now; });
  std::erase_if(expected_, [now](const auto& one) { return one.expires <= now; });
}

void PluginBroker::take_knock(std::uint32_t id) {
  forget_old();
  if (services_.contains(id)) return open_up(id);
  // No answer until somebody serves it, as in go-plugin; the other side waits, and gives up.
  if (early_knocks_.size() < kBrokerAnnouncedMax)
    early_knocks_[id] = after(means_.loop->now(), means_.patience);
}

/// open_up answers a knock: the next stream is for `id`.
void PluginBroker::open_up(std::uint32_t id) {
  if (expected_.size() >= kBrokerAnnouncedMax) return;
  expected_.push_back({id, after(means_.loop->now(), means_.patience)});
  say({id, {}, {}, ConnInfo::Knock{true, true, {}}});
}

std::unique_ptr<Stream> PluginBroker::take_stream(std::unique_ptr<Stream> stream) {
  forget_old();  // whoever knocked and did not come is waited for no longer
  if (expected_.empty()) return stream;
  const auto found = services_.find(expected_.front().id);
  expected_.pop_front();
  if (found != services_.end()) admit(found->second, std::move(stream));
  return nullptr;
}

Status PluginBroker::serve(std::uint32_t id, const std::function<void(RpcServer&)>& add) {
  PluginDoor door;
  if (!means_.share) {
    SALLYPORT_TRY(opened, open_plugin_door(means_.place));
    door = std::move(opened);
  }
  const SharedLoop::Hold hold(*means_.loop);
  if (life_ == Life::closed || peer_ == Peer::gone)
    return fail(Code::unavailable, "the other side of the broker is not there");
  if (services_.contains(id))
    return fail(Code::already_exists, concat("number ", id, " is served already; take next_id()"));
  if (services_.size() >= kBrokerServicesMax)
    return fail(Code::exhausted, concat("more than ", kBrokerServicesMax, " services of one broker"));
  forget_old();
  auto service = std::make_shared<Service>(means_.loop->loop(), means_.rpc);
  add(service->server);
  if (!means_.share) SALLYPORT_CHECK(listen(service, std::move(door)));
  services_[id] = service;
  if (!means_.share) {
    const auto& address = service->door.opened.address;
    say({id, address.is_unix() ? "unix" : "tcp", address.is_unix() ? address.path : address.str(),
         std::nullopt});
  } else if (early_knocks_.erase(id) != 0) {
    open_up(id);
  }
  means_.loop->loop().nudge();
  return ok();
}

Status PluginBroker::listen(const std::shared_ptr<Service>& service, PluginDoor door) {
  service->door = std::move(door);
  auto take_one = [this, weak = std::weak_ptr<Service>(service)](std::unique_ptr<Stream> stream) {
    if (const auto still = weak.lock()) admit(still, std::move(stream));
  };
  auto& opened = service->door.opened;
  service->listener.emplace(means_.loop->loop(), std::move(opened.sockets.front()), opened.address, limiter_,
                            std::move(take_one));
  return service->listener->start();
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
  early_knocks_.clear();
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
  const bool shared = means_.share != nullptr;  // then it is who was let in at the beginning
  if (!shared) {
    const auto refusal = means_.peers.refusal(stream->peer_process(), means_.place.transport);
    if (refusal) return means_.warn(kRefused, *refusal);
  }
  if (!means_.tls) return service->server.serve(std::move(stream));
  if (shared) {
    auto socket = socket_before(means_.loop->loop(), std::move(stream));
    if (!socket) return means_.warn(kRefused, socket.error().what);
    stream = *std::move(socket);
  }
  means_.loop->loop().spawn(accept_tls(*this, service, std::move(stream)));
}

Task<void> PluginBroker::accept_tls(PluginBroker& self, std::shared_ptr<Service> service,
                                    std::unique_ptr<Stream> stream) {
  const MonotonicTime deadline = after(self.means_.loop->now(), kTlsPatience);
  Result<std::unique_ptr<Stream>> shaken =
      co_await self.means_.tls->accept(self.means_.loop->loop(), std::move(stream), deadline);
  if (!shaken) {
    self.means_.warn(kRefused, shaken.error().what);
  } else if (service->life == Service::Life::open) {
    service->server.serve(*std::move(shaken));
  }
}

}  // namespace sallyport
