// SPDX-License-Identifier: Apache-2.0
// LoopSide: everything of a gateway that belongs to one event loop: listeners, servers, routes, forwarder.
#pragma once

#include <memory>
#include <vector>

#include "sallyport/gateway/directions.h"
#include "sallyport/gateway/figures.h"
#include "sallyport/gateway/handler.h"
#include "sallyport/net/dialer.h"
#include "sallyport/net/limiter.h"
#include "sallyport/net/listener.h"
#include "sallyport/net/tls.h"

namespace sallyport {

inline constexpr Duration kTlsHandshakeTimeMax = std::chrono::seconds(10);

/// ProxyRules: whose connections begin with the PROXY protocol. Where there are senders, all of a listener's
/// connections must; the others are closed, and told about.
struct ProxyRules {
  std::vector<Cidr> senders;
  std::function<void(const ConnectionFacts&, const Error&)> on_refused;
};

/// LoopSide is made before its loop runs. Calls marked "any thread" post to the loop; everything else is for
/// the loop's thread, or for the owner while the loop does not run. It must be destroyed after run() has
/// returned.
class LoopSide {
 public:
  struct Powers {
    const MonotonicClock& monotonic;
    const Clock& clock;
    Entropy& entropy;
    ConnectionLimiter& limiter;
    ServerLimits limits;
  };
  /// `make_dialer` gives the loop its way out: sockets, or a test's memory network.
  using MakeDialer = std::function<std::unique_ptr<Dialer>(Loop&)>;
  LoopSide(Powers powers, const MakeDialer& make_dialer);
  ~LoopSide();
  LoopSide(const LoopSide&) = delete;
  LoopSide& operator=(const LoopSide&) = delete;

  [[nodiscard]] Loop& loop() noexcept { return loop_; }
  [[nodiscard]] RouteTable& routes() noexcept { return routes_; }
  [[nodiscard]] Forwarder& forwarder() noexcept { return forwarder_; }

  /// serve answers connections of `socket` with `handler`; with `tls` they are TLS. Before run().
  Status serve(Descriptor socket, SocketAddress address, std::unique_ptr<RequestHandler> handler,
               TlsServer* tls, ProxyRules proxies = {});
  /// serve_stream answers one connection that somebody else accepted, by the handler of the first serve() or
  /// add_handler().
  void serve_stream(std::unique_ptr<Stream> stream);
  /// add_handler makes a server without a listener, for serve_stream.
  void add_handler(std::unique_ptr<RequestHandler> handler);

  /// on_ready is called on the loop with each view of a ready tool, before requests go to it; on_gone when
  /// they no longer do, with the view that was the ready one. Before run().
  void on_ready(std::function<void(const SessionView&)> call) { on_ready_ = std::move(call); }
  void on_gone(std::function<void(const SessionView&)> call) { on_gone_ = std::move(call); }
  /// on_nameless is called for each client that showed no certificate where one is required. Before run().
  void on_nameless(std::function<void(const ConnectionFacts&)> call) { on_nameless_ = std::move(call); }
  [[nodiscard]] Dialer& dialer() noexcept { return *dialer_; }
  /// figures are what the loop has counted so far. Any thread.
  [[nodiscard]] LoopFigures figures() const noexcept;

  /// run turns the loop until stop_after().
  void run() { loop_.run(); }
  /// open_session makes a session's route; close_session takes it away, and cuts what is under way with it.
  /// Any thread.
  void open_session(const SessionId& id, std::shared_ptr<TrafficCounters> traffic,
                    SessionRoute::Reached reached);
  void close_session(const SessionId& id);
  /// adopt takes a new view of a session whose route is open. Any thread.
  void adopt(std::shared_ptr<const SessionView> view);
  /// cut ends what was admitted by one of these credentials. Any thread.
  void cut(std::shared_ptr<const std::vector<Digest>> credentials, CutReason reason);
  /// cut_session ends what is under way with one session, whoever's it is. Any thread.
  void cut_session(const SessionId& id, CutReason reason);
  /// stop_after closes the listeners, lets exchanges end until `patience` has passed, cuts the rest, stops
  /// the loop. Any thread.
  void stop_after(Duration patience);

 private:
  struct Service {
    std::unique_ptr<RequestHandler> handler;
    std::unique_ptr<Http1Server> server;
    std::unique_ptr<Listener> listener;
    TlsServer* tls = nullptr;
    ProxyRules proxies;
  };
  Service& add_service(std::unique_ptr<RequestHandler> handler, TlsServer* tls);
  Task<void> converse(Service& service, std::unique_ptr<Stream> stream);
  Task<void> drain(MonotonicTime deadline);
  void cut_now(const std::function<bool(const LiveBinding&)>& fits, CutReason reason);
  void leave_endpoint(const SessionRoute& route);

  Powers powers_;
  Loop loop_;
  std::unique_ptr<Dialer> dialer_;
  Forwarder forwarder_;
  RouteTable routes_;
  std::function<void(const SessionView&)> on_ready_;
  std::function<void(const SessionView&)> on_gone_;
  std::function<void(const ConnectionFacts&)> on_nameless_;
  std::vector<std::unique_ptr<Service>> services_;
};

}  // namespace sallyport
