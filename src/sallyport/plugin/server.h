// SPDX-License-Identifier: Apache-2.0
// PluginServer: a plugin's side of go-plugin's protocol. serve() is all that most plugins need:
//
//   int main() {
//     KeyValueStore store;  // implements the Service class that protoc-gen-sallyport made
//     sallyport::PluginServerOptions options;
//     options.cookie_key = "BASIC_PLUGIN";
//     options.cookie_value = sallyport::SecretText("hello");
//     options.versions[1] = [&](sallyport::PluginSite& site) { store.add_to(site.server, site.pool); };
//     return sallyport::serve(std::move(options));
//   }
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/base/secret.h"
#include "sallyport/credential/magic_cookie.h"
#include "sallyport/credential/variables.h"
#include "sallyport/env/clock.h"
#include "sallyport/env/files.h"
#include "sallyport/net/blocking.h"
#include "sallyport/net/listener.h"
#include "sallyport/net/signals.h"
#include "sallyport/plugin/broker.h"
#include "sallyport/plugin/handshake.h"
#include "sallyport/plugin/server_door.h"
#include "sallyport/plugin/server_log.h"
#include "sallyport/plugin/server_stdio.h"
#include "sallyport/plugin/server_tls.h"
#include "sallyport/plugin/shared_connection.h"
#include "sallyport/rpc/health.h"
#include "sallyport/rpc/reflection.h"
#include "sallyport/rpc/server.h"
#include "sallyport/rpc/shared_loop.h"

namespace sallyport {

/// After Shutdown the calls under way have this long; a go-plugin host kills after two seconds.
inline constexpr Duration kPluginGrace = std::chrono::milliseconds(1500);
inline constexpr Duration kPluginFlushMax = std::chrono::milliseconds(500);  ///< of output, before the end
inline constexpr Duration kPluginHandshakeMax = std::chrono::seconds(10);    ///< of TLS
inline constexpr std::size_t kPluginConnectionsMax = 64;
inline constexpr std::string_view kPluginHealthName = "plugin";

/// PluginSite is what a set of services is built on: one protocol version's. Borrowed for as long as the
/// server lives.
struct PluginSite {
  RpcServer& server;
  BlockingPool& pool;  ///< for handlers that wait, for the host's own services above all
  PluginBroker& broker;
  RpcHealth& health;
  RpcReflection& reflection;
  const PluginLog& log;
};

enum class PluginCookieDemand : std::uint8_t { required, optional };
/// A terminal sends SIGINT to host and plugin alike: it is the host's to decide, where there is one.
enum class PluginInterrupt : std::uint8_t { left_to_host, stops };
enum class PluginHostDeath : std::uint8_t { stop, live_on };

/// PluginServerOptions describe a plugin. A resource that moves.
struct PluginServerOptions {
  PluginServerOptions() = default;
  /// cookie_key names the variable in which the host has to present cookie_value. It tells "started by its
  /// host" from "started by hand", and is no secret: every copy of the plugin holds it. Hosts of sallyport
  /// may hand a cookie over by descriptor instead (SALLYPORT_CREDENTIAL_FD), drawn for this launch: it has to
  /// be one that nobody guesses. Without a key only that way is left, and then cookie_value, where it is set,
  /// is a secret which the one that is handed over has to be.
  std::string cookie_key;
  SecretText cookie_value;
  /// optional lets who presents nothing in, for development; a wrong cookie is refused all the same.
  PluginCookieDemand cookie = PluginCookieDemand::required;
  /// cookie_strictness makes a cookie_value that is short, or easily guessed, an error. Unset: any will do,
  /// as with go-plugin, whose cookies people make up.
  std::optional<CookieStrictness> cookie_strictness;
  /// cookie_life is how long after the start a connection may be the first or a new one: later ones are
  /// refused, and those that stand go on. Duration::max(): without end. Unset: kCookieLife, or
  /// kCookieLifeDevelopment where the cookie is optional.
  std::optional<Duration> cookie_life;
  /// versions are the protocol versions that this plugin serves, with what adds each one's services. The
  /// highest that the host offers too is chosen.
  std::map<std::uint32_t, std::function<void(PluginSite& site)>> versions;
  std::string name = "plugin";  ///< of its log lines
  PluginServerTlsFiles tls;     ///< explicit mutual TLS; empty: as the host asks
  /// transport decides, where it is set, against PLUGIN_TRANSPORTS.
  std::optional<PluginTransport> transport;
  PluginPeers peers = PluginPeers::host;
  PluginHostDeath host_death = PluginHostDeath::stop;
  Duration grace = kPluginGrace;
  /// on_stop is called when the end begins, before calls are waited for: the place to let go of things.
  std::function<void()> on_stop;
  std::size_t pool_threads = kBlockingThreadsDefault;
  RpcServerOptions rpc;
  Duration broker_patience = kBrokerPatience;  ///< for the host's word about a number
};

/// PluginServerPowers are what a plugin needs of the world. Borrowed, but for the values.
struct PluginServerPowers {
  const Clock& clock;
  const MonotonicClock& monotonic;
  Entropy& entropy;
  Files& files;
  const PluginLog& log;
  VariableLookup variables;
  std::vector<std::string> socket_directories;  ///< where the host names none; the first that works
  std::uint32_t own_uid = 0;
  std::vector<std::int32_t> ancestors;  ///< see PluginPeerRule
  int host_process = -1;                ///< a pidfd of the process that started us; -1: not watched
};

/// check_plugin_cookie judges what the host presented: by variable, or, where that is not set, what was
/// `handed` over by descriptor; see CookieFault. Its errors say what to do, and no cookie. invalid_argument,
/// too, where the options themselves are amiss.
Status check_plugin_cookie(const PluginServerOptions& options, const VariableLookup& variables,
                           const std::optional<SecretText>& handed = std::nullopt);

struct PluginServerCounters {
  std::uint64_t refused_late = 0;   ///< after the cookie's life
  std::uint64_t refused_peers = 0;  ///< by PluginPeerRule, or one too many
  std::uint64_t refused_tls = 0;    ///< handshakes that failed
};

/// PluginServer serves one host. It is made and run on one thread; stop() is for any.
class PluginServer {
 public:
  /// open reads the host's terms, listens, and builds the services of the version that both know. `powers`
  /// outlive the server; `stdio` too, and null means that output is not captured. Errors: invalid_argument
  /// (terms, TLS, no versions), those of open_plugin_door, exhausted.
  static Result<std::unique_ptr<PluginServer>> open(PluginServerOptions options, PluginServerPowers powers,
                                                    StdioQueue* stdio);
  PluginServer(const PluginServer&) = delete;
  PluginServer& operator=(const PluginServer&) = delete;
  ~PluginServer();

  /// handshake is what the host has to be told.
  [[nodiscard]] const PluginHandshake& handshake() const noexcept { return handshake_; }
  /// run serves until stop(), until the host calls Shutdown, or until it dies.
  void run();
  /// stop takes no more calls, lets those under way end within the grace, and ends run(). Any thread.
  void stop();
  [[nodiscard]] const PluginServerCounters& counters() const noexcept { return counters_; }
  /// watch_signals makes SIGTERM stop(), and SIGINT as `interrupt` says. Both were blocked before any thread
  /// began. Before run().
  Status watch_signals(PluginInterrupt interrupt);

 private:
  PluginServer(PluginServerOptions options, PluginServerPowers powers, StdioQueue* stdio);
  Status listen(const PluginTerms& terms);
  void add_services(const PluginTerms& terms);
  [[nodiscard]] PluginBrokerMeans broker_means() const;
  void take(std::unique_ptr<Stream> stream);
  void begin(std::unique_ptr<Stream> stream);
  void share(std::unique_ptr<Stream> carrier);
  void refuse(Stream& stream, std::string_view why);
  static Task<void> admit(PluginServer& self, std::unique_ptr<Stream> stream);
  static Task<RpcStatus> shut_down(PluginServer& self, RpcServerCall& call);
  static Task<void> wind_down(PluginServer& self);
  static Task<void> watch_host(PluginServer& self);
  static Task<void> heed(PluginServer& self);
  void begin_stop();

  PluginServerOptions options_;
  PluginServerPowers powers_;
  StdioQueue* stdio_queue_;
  PluginServerTls tls_;
  PluginPlace place_;
  PluginPeerRule peer_rule_;
  MonotonicTime cookie_expires_{};
  PluginHandshake handshake_;
  std::shared_ptr<SharedLoop> loop_;
  SharedLoop& shared_;
  SharedLoop::Turn over_;
  ConnectionLimiter limiter_;
  PluginDoor door_;
  RpcReflection reflection_;
  RpcHealth health_;
  std::unique_ptr<BlockingPool> pool_;
  std::optional<PluginStdio> stdio_;
  std::shared_ptr<SharedConnection> share_;  ///< null: the host did not ask for it
  std::optional<PluginBroker> broker_;
  RpcServer server_;
  std::optional<Listener> listener_;
  std::optional<Watch> host_watch_;
  std::unique_ptr<SignalWatch> signals_;
  PluginInterrupt interrupt_ = PluginInterrupt::left_to_host;
  PluginServerCounters counters_;
  enum class Life : std::uint8_t { open, stopping } life_ = Life::open;
};

/// serve is main() of a plugin: it checks the cookie, tells the host where to connect, sends on what the
/// plugin prints, and serves until the host has done. Call it from main() before there are threads; returns
/// the exit status: 0 after an orderly end, 1 where it could not begin, with the reason on stderr. It is the
/// one place of the library that makes the real powers.
int serve(PluginServerOptions options);

/// serve_for_tests is serve() for a plugin that is started by hand, under a debugger for instance: it checks
/// no cookie, prints no line and captures no output; SIGINT stops it. Any process of the same user may
/// connect; `ready` is told where.
int serve_for_tests(PluginServerOptions options, const std::function<void(const PluginHandshake&)>& ready);

}  // namespace sallyport
