// SPDX-License-Identifier: Apache-2.0
#include "sallyport/plugin/server.h"

#include <csignal>
#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/plugin/broker_stream.h"
#include "sallyport/plugin/stream_bridge.h"

namespace sallyport {
namespace {

std::vector<std::uint32_t> own_versions(const PluginServerOptions& options) {
  std::vector<std::uint32_t> made;
  made.reserve(options.versions.size());
  for (const auto& [version, services] : options.versions) made.push_back(version);
  return made;
}

std::string peer_text(const std::optional<PeerProcess>& peer) {
  return peer ? concat("uid ", peer->uid, ", pid ", peer->pid) : "unknown";
}

}  // namespace

PluginServer::PluginServer(PluginServerOptions options, PluginServerPowers powers, StdioQueue* stdio)
    : options_(std::move(options)),
      powers_(std::move(powers)),
      stdio_queue_(stdio),
      loop_(std::make_shared<SharedLoop>(powers_.monotonic)),
      shared_(*loop_),
      limiter_(ConnectionLimits{kPluginConnectionsMax, kPluginConnectionsMax}),
      health_(shared_.loop()),
      pool_(std::make_unique<BlockingPool>(options_.pool_threads)),
      server_(shared_.loop(), options_.rpc) {}

PluginServer::~PluginServer() {
  {
    // Whoever on a side thread still waits for the loop needs somebody who turns it.
    const SharedLoop::Hold hold(shared_);
    listener_.reset();
    if (broker_) broker_->close();
    server_.cut();
    shared_.interest(1);
  }
  pool_.reset();
  const SharedLoop::Hold hold(shared_);
  shared_.interest(-1);
  shared_.loop().drop_tasks();
}

Result<std::unique_ptr<PluginServer>> PluginServer::open(PluginServerOptions options,
                                                         PluginServerPowers powers, StdioQueue* stdio) {
  if (options.versions.empty())
    return fail(Code::invalid_argument, "this plugin serves nothing; its author has to set versions");
  SALLYPORT_TRY(terms, read_plugin_terms(powers.variables, own_versions(options)));
  for (const auto& note : terms.notes) powers.log.write(PluginLogLevel::warn, note);
  if (options.transport) terms.transport = *options.transport;
  std::unique_ptr<PluginServer> server(new PluginServer(std::move(options), std::move(powers), stdio));
  const SharedLoop::Hold hold(server->shared_);
  SALLYPORT_CHECK(server->listen(terms));
  server->add_services(terms);
  return server;
}

Status PluginServer::listen(const PluginTerms& terms) {
  SALLYPORT_TRY(tls, plugin_tls(std::move(options_.tls), terms.host_certificate, powers_.variables,
                                powers_.files, powers_.entropy, powers_.clock.now()));
  SALLYPORT_TRY(place, plugin_place(terms, powers_.socket_directories));
  SALLYPORT_TRY(door, open_plugin_door(place));
  tls_ = std::move(tls);
  place_ = std::move(place);
  door_ = std::move(door);
  peer_rule_.peers = place_.group ? PluginPeers::by_file : options_.peers;
  const auto life = options_.cookie == PluginCookieDemand::required ? kCookieLife : kCookieLifeDevelopment;
  cookie_expires_ = after(shared_.now(), options_.cookie_life.value_or(life));
  peer_rule_.own_uid = powers_.own_uid;
  peer_rule_.ancestors = powers_.ancestors;
  handshake_.app_version = terms.app_version;
  handshake_.address = door_.opened.address;
  handshake_.certificate = tls_.announced;
  handshake_.multiplex = terms.multiplex;  // what the host asked for, it gets
  if (terms.multiplex == PluginHandshake::Multiplex::yes) share_ = std::make_shared<SharedConnection>();
  listener_.emplace(shared_.loop(), std::move(door_.opened.sockets.front()), door_.opened.address, limiter_,
                    [this](std::unique_ptr<Stream> stream) { take(std::move(stream)); });
  return listener_->start();
}

void PluginServer::add_services(const PluginTerms& terms) {
  server_.add_streaming("/plugin.GRPCController/Shutdown",
                        [this](RpcServerCall& call) { return shut_down(*this, call); });
  if (stdio_queue_ != nullptr) {
    stdio_.emplace(shared_.loop(), *stdio_queue_);
    stdio_->add_to(server_);
  }
  add_broker(server_, broker_.emplace(broker_means()));
  health_.add_to(server_);
  reflection_.add_to(server_);
  PluginSite site{server_, *pool_, *broker_, health_, reflection_, powers_.log};
  options_.versions.at(terms.app_version)(site);
  health_.set("", Serving::yes);
  health_.set(kPluginHealthName, Serving::yes);
}

/// shut_down answers once the host has what was printed: it hangs up at the answer.
Task<RpcStatus> PluginServer::shut_down(PluginServer& self, RpcServerCall& call) {
  co_await call.read();
  self.powers_.log.write(PluginLogLevel::debug, "the host says that it is over");
  if (self.stdio_) {
    self.stdio_queue_->flush();
    const MonotonicTime deadline = after(self.shared_.now(), kPluginFlushMax);
    co_await PluginStdio::until_sent(*self.stdio_, deadline);
  }
  const std::string nothing;
  co_await call.write(nothing);
  self.begin_stop();
  co_return rpc_ok();
}

PluginBrokerMeans PluginServer::broker_means() const {
  PluginBrokerMeans means;
  means.loop = loop_;
  means.tls = tls_.tls;
  means.place = place_;
  means.share = share_;
  means.peers = peer_rule_;
  means.rpc = options_.rpc;
  means.patience = options_.broker_patience;
  means.warn = [log = &powers_.log](std::string_view what, std::string_view why) {
    log->write(PluginLogLevel::warn, what, {{"reason", why}});
  };
  return means;
}

Status PluginServer::watch_signals(PluginInterrupt interrupt) {
  const SharedLoop::Hold hold(shared_);
  SALLYPORT_TRY(signals, SignalWatch::open(shared_.loop(), {SIGINT, SIGTERM}));
  signals_ = std::move(signals);
  interrupt_ = interrupt;
  return ok();
}

void PluginServer::run() {
  SharedLoop::Hold hold(shared_);
  if (signals_) shared_.loop().spawn(heed(*this));
  if (powers_.host_process >= 0 && options_.host_death == PluginHostDeath::stop) {
    host_watch_.emplace(shared_.loop(), powers_.host_process);
    if (host_watch_->ok()) shared_.loop().spawn(watch_host(*this));
  }
  shared_.wait(hold, over_, kNever);
}

void PluginServer::stop() {
  shared_.loop().post([this] { begin_stop(); });
}

void PluginServer::begin_stop() {
  if (life_ == Life::stopping) return;
  life_ = Life::stopping;
  shared_.loop().spawn(wind_down(*this));
}

void PluginServer::take(std::unique_ptr<Stream> stream) {
  const auto refusal = peer_rule_.refusal(stream->peer_process(), place_.transport);
  if (refusal) {
    ++counters_.refused_peers;
    return refuse(*stream, *refusal);
  }
  if (shared_.now() >= cookie_expires_) {
    ++counters_.refused_late;
    return refuse(*stream, advice_for(CookieFault::timed_out).message);
  }
  if (!share_) return begin(std::move(stream));
  if (!share_->begun()) return share(std::move(stream));
  ++counters_.refused_peers;
  refuse(*stream, "the host shares one connection, and has it already");
}

void PluginServer::refuse(Stream& stream, std::string_view why) {
  powers_.log.write(PluginLogLevel::warn, "refused a connection",
                    {{"reason", why}, {"peer", peer_text(stream.peer_process())}});
}

/// share makes `carrier` the one connection: what the broker does not expect is for the main server.
void PluginServer::share(std::unique_ptr<Stream> carrier) {
  auto take_stream = [this](std::unique_ptr<Stream> stream) {
    stream = broker_->take_stream(std::move(stream));
    if (!stream) return;
    if (!tls_.tls) return begin(std::move(stream));
    auto socket = socket_before(shared_.loop(), std::move(stream));
    if (socket) begin(*std::move(socket));
  };
  auto end = [this](YamuxEnding ending) {
    if (ending == YamuxEnding::protocol)
      powers_.log.write(PluginLogLevel::error, "the host broke the rules of yamux; this plugin ends");
    begin_stop();
  };
  share_->begin(shared_.loop(), std::move(carrier), YamuxRole::server, std::move(take_stream),
                std::move(end));
}

void PluginServer::begin(std::unique_ptr<Stream> stream) {
  if (!tls_.tls) return server_.serve(std::move(stream));
  shared_.loop().spawn(admit(*this, std::move(stream)));
}

/// admit lets a connection in that proves in TLS whose it is.
Task<void> PluginServer::admit(PluginServer& self, std::unique_ptr<Stream> stream) {
  const std::string peer = peer_text(stream->peer_process());
  const MonotonicTime deadline = after(self.shared_.now(), kPluginHandshakeMax);
  Result<std::unique_ptr<Stream>> shaken =
      co_await self.tls_.tls->accept(self.shared_.loop(), std::move(stream), deadline);
  if (shaken) {
    self.server_.serve(*std::move(shaken));
    co_return;
  }
  ++self.counters_.refused_tls;
  self.powers_.log.write(PluginLogLevel::warn, "refused a connection",
                         {{"reason", shaken.error().what}, {"peer", peer}});
}

Task<void> PluginServer::watch_host(PluginServer& self) {
  const WaitResult result = co_await self.host_watch_->readable();
  if (result != WaitResult::ready) co_return;
  self.powers_.log.write(PluginLogLevel::warn, "the host has died; this plugin ends, too");
  self.begin_stop();
}

Task<void> PluginServer::heed(PluginServer& self) {
  while (true) {
    const std::optional<int> number = co_await self.signals_->next();
    if (!number.has_value()) co_return;
    const bool stops = *number == SIGTERM || self.interrupt_ == PluginInterrupt::stops;
    self.powers_.log.write(PluginLogLevel::trace,
                           stops ? "a signal asks this plugin to stop" : "SIGINT is left to the host");
    if (stops) self.begin_stop();
  }
}

Task<void> PluginServer::wind_down(PluginServer& self) {
  co_await self.shared_.loop().yield();  // the answer to Shutdown goes out first
  self.listener_.reset();
  self.health_.set_all(Serving::no);
  self.broker_->close();
  if (self.options_.on_stop) self.options_.on_stop();
  if (self.stdio_queue_ != nullptr) {
    self.stdio_queue_->flush();
    self.stdio_queue_->end();
  }
  const MonotonicTime deadline = after(self.shared_.now(), self.options_.grace);
  co_await self.server_.drain(deadline);
  if (self.share_) self.share_->close();
  self.shared_.finish(self.over_);
}

}  // namespace sallyport
