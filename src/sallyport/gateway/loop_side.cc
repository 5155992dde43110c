// SPDX-License-Identifier: Apache-2.0
#include "sallyport/gateway/loop_side.h"

#include <algorithm>
#include <utility>

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
                       TlsServer* tls) {
  Service& service = add_service(std::move(handler), tls);
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

Task<void> LoopSide::converse(Service& service, std::unique_ptr<Stream> stream) {
  if (service.tls != nullptr) {
    const auto deadline = after(loop_.now(), kTlsHandshakeTimeMax);
    auto secured = co_await service.tls->accept(loop_, std::move(stream), deadline);
    if (!secured) co_return;  // counted by the TlsServer
    stream = std::move(*secured);
  }
  co_await service.server->serve(std::move(stream));
}

void LoopSide::adopt(std::shared_ptr<const SessionView> view) {
  loop_.post([this, view = std::move(view)] {
    if (view->state == SessionState::ready && on_ready_) on_ready_(*view);
    if (route_.ready() && view->state != SessionState::ready)
      forwarder_.pool().forget(route_.view()->endpoint);
    route_.adopt(view);
  });
}

void LoopSide::cut(std::shared_ptr<const std::vector<Digest>> credentials, CutReason reason) {
  loop_.post([this, credentials = std::move(credentials), reason] {
    auto fits = [&credentials](const LiveBinding& binding) {
      return std::any_of(credentials->begin(), credentials->end(),
                         [&binding](const Digest& ended) { return ended.matches(binding.credential); });
    };
    for (auto& service : services_) service->server->cut_if(fits, reason);
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
