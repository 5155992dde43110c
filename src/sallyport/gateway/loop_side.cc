// SPDX-License-Identifier: Apache-2.0
#include "sallyport/gateway/loop_side.h"

#include <algorithm>
#include <utility>

#include "sallyport/net/proxy_header.h"

namespace sallyport {

LoopSide::LoopSide(Powers powers, const MakeDialer& make_dialer)
    : powers_(powers), loop_(powers_.monotonic), dialer_(make_dialer(loop_)), forwarder_(loop_, *dialer_) {}

LoopSide::~LoopSide() { loop_.drop_tasks(); }

LoopSide::Service& LoopSide::add_service(std::unique_ptr<RequestHandler> handler, TlsServer* tls) {
  auto service = std::make_unique<Service>();
  service->handler = std::move(handler);
  service->server =
      std::make_unique<Http1Server>(loop_, *service->handler, powers_.limits, powers_.clock, powers_.entropy);
  service->tls = tls;
  services_.push_back(std::move(service));
  return *services_.back();
}

Status LoopSide::serve(Descriptor socket, SocketAddress address, std::unique_ptr<RequestHandler> handler,
                       TlsServer* tls, ProxyRules proxies) {
  Service& service = add_service(std::move(handler), tls);
  service.proxies = std::move(proxies);
  auto on_connection = [this, &service](std::unique_ptr<Stream> stream) {
    loop_.spawn(converse(service, std::move(stream)));
  };
  service.listener = std::make_unique<Listener>(loop_, std::move(socket), std::move(address), powers_.limiter,
                                                std::move(on_connection));
  return service.listener->start();
}

void LoopSide::add_handler(std::unique_ptr<RequestHandler> handler) {
  add_service(std::move(handler), nullptr);
}

void LoopSide::serve_stream(std::unique_ptr<Stream> stream) {
  loop_.spawn(converse(*services_.front(), std::move(stream)));
}

LoopFigures LoopSide::figures() const noexcept {
  LoopFigures sum;
  sum.turns = loop_.counters().turns;
  const ForwardCounters& forwarded = forwarder_.counters();
  sum.smuggled_headers = forwarded.smuggled;
  sum.dialed = forwarded.dialed;
  sum.reused = forwarded.reused;
  sum.tunnels = forwarded.tunnels;
  for (const auto& service : services_) {
    const ServerCounters& served = service->server->counters();
    sum.open += served.open;
    sum.active += served.active;
    sum.requests += served.requests;
    sum.refused_heads += served.refused;
    sum.cut += served.cut;
    if (!service->listener) continue;
    const AcceptCounters& door = service->listener->counters();
    sum.accepted += door.accepted;
    sum.turned_away += door.refused_total + door.refused_per_peer + door.out_of_descriptors;
  }
  return sum;
}

Task<void> LoopSide::converse(Service& service, std::unique_ptr<Stream> stream) {
  if (!service.proxies.senders.empty()) {
    const ConnectionFacts facts = stream->facts();
    const auto deadline = after(loop_.now(), kTlsHandshakeTimeMax);
    auto passed = co_await accept_proxied(loop_, std::move(stream), service.proxies.senders, deadline);
    if (!passed) {
      if (service.proxies.on_refused) service.proxies.on_refused(facts, passed.error());
      co_return;
    }
    stream = std::move(*passed);
    // Its place was the proxy's so far; from here on it counts for the client.
    auto entered = powers_.limiter.enter(stream->facts().peer);
    if (!std::holds_alternative<ConnectionLimiter::Place>(entered)) co_return;
    stream->hold(std::get<ConnectionLimiter::Place>(std::move(entered)));
  }
  if (service.tls != nullptr) {
    const auto deadline = after(loop_.now(), kTlsHandshakeTimeMax);
    const ConnectionFacts facts = stream->facts();
    auto secured = co_await service.tls->accept(loop_, std::move(stream), deadline);
    if (!secured && secured.error().code == Code::unauthenticated && on_nameless_) on_nameless_(facts);
    if (!secured) co_return;  // counted by the TlsServer
    stream = std::move(*secured);
  }
  co_await service.server->serve(std::move(stream));
}

void LoopSide::open_session(const SessionId& id, std::shared_ptr<TrafficCounters> traffic,
                            SessionRoute::Reached reached) {
  loop_.post([this, id, traffic = std::move(traffic), reached] { (void)routes_.open(id, traffic, reached); });
}

void LoopSide::close_session(const SessionId& id) {
  loop_.post([this, id] {
    if (const auto route = routes_.find(id.view())) leave_endpoint(*route);
    routes_.close(id);
    cut_now([&id](const LiveBinding& binding) { return binding.session == id; }, CutReason::session_ended);
  });
}

/// leave_endpoint: the tool that was reached there is gone, and what listens there next is another.
void LoopSide::leave_endpoint(const SessionRoute& route) {
  if (!route.ready()) return;
  forwarder_.pool().forget(route.view()->endpoint);
  if (on_gone_) on_gone_(*route.view());
}

void LoopSide::adopt(std::shared_ptr<const SessionView> view) {
  loop_.post([this, view = std::move(view)] {
    const auto route = routes_.find(view->id.view());
    if (route == nullptr) return;
    if (view->state != SessionState::ready) leave_endpoint(*route);
    if (view->state == SessionState::ready && on_ready_) on_ready_(*view);
    route->adopt(view);
  });
}

void LoopSide::cut_now(const std::function<bool(const LiveBinding&)>& fits, CutReason reason) {
  for (auto& service : services_) service->server->cut_if(fits, reason);
}

void LoopSide::cut(std::shared_ptr<const std::vector<Digest>> credentials, CutReason reason) {
  loop_.post([this, credentials = std::move(credentials), reason] {
    auto fits = [&credentials](const LiveBinding& binding) {
      return std::any_of(credentials->begin(), credentials->end(),
                         [&binding](const Digest& ended) { return ended.matches(binding.credential); });
    };
    cut_now(fits, reason);
  });
}

void LoopSide::cut_session(const SessionId& id, CutReason reason) {
  loop_.post([this, id, reason] {
    cut_now([&id](const LiveBinding& binding) { return binding.session == id; }, reason);
  });
}

void LoopSide::stop_after(Duration patience) {
  loop_.post([this, patience] {
    for (auto& service : services_) {
      if (service->listener) service->listener->close();
    }
    loop_.spawn(drain(after(loop_.now(), patience)));
  });
}

Task<void> LoopSide::drain(MonotonicTime deadline) {
  for (auto& service : services_) co_await service->server->drain(deadline);
  loop_.stop();
}

}  // namespace sallyport
