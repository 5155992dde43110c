// SPDX-License-Identifier: Apache-2.0
// World: one guarded tool with all parts of the gateway, on a memory network and clocks that a test moves.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sallyport/audit/testing/memory_audit_log.h"
#include "sallyport/credential/access_token_file.h"
#include "sallyport/credential/logins.h"
#include "sallyport/credential/passwords.h"
#include "sallyport/credential/session_tokens.h"
#include "sallyport/credential/tickets.h"
#include "sallyport/env/testing/fakes.h"
#include "sallyport/gateway/guard_plan.h"
#include "sallyport/gateway/loop_side.h"
#include "sallyport/http/form.h"
#include "sallyport/net/testing/memory_network.h"
#include "sallyport/store/credential_store.h"
#include "tests/integration/messages.h"

namespace sallyport::testing_world {

inline constexpr std::uint32_t kOwnUid = 1000;
inline constexpr std::uint32_t kForeignUid = 2000;
inline constexpr std::string_view kPassword = "correct horse battery staple";
inline constexpr std::string_view kBackendSecret = "spb_this-is-between-us-and-the-tool";

/// End is a test's end of a connection.
class End {
 public:
  End() = default;
  explicit End(std::unique_ptr<Stream> stream) : stream_(std::move(stream)) {}

  void write(std::string_view text);
  /// pull takes in what has come; true where that was something.
  bool pull();
  [[nodiscard]] const std::string& heard() const noexcept { return heard_; }
  std::string take() { return std::exchange(heard_, {}); }
  [[nodiscard]] bool open() const noexcept { return stream_ != nullptr && !ended_; }
  void shut() { stream_->close(); }

 private:
  std::unique_ptr<Stream> stream_;
  std::string heard_;
  bool ended_ = false;
};

/// Tool is the guarded program: it keeps every request that reaches it, and answers as a test scripts it.
class Tool {
 public:
  struct Reply {
    std::string text;
    enum class Then : std::uint8_t { keep, close } then = Then::keep;
  };
  using Script = std::function<Reply(const std::string& head, const std::string& body)>;
  struct Visit {
    End end;
    enum class Speaks : std::uint8_t { http, websocket } speaks = Speaks::http;
  };

  Script script = answer_by_path;
  std::vector<std::string> heads;   ///< of all requests, as they came
  std::vector<std::string> bodies;  ///< of the same

  void accept(std::unique_ptr<Stream> stream) { visits_.push_back(Visit{End(std::move(stream))}); }
  /// work reads and answers once round; true where there was something to do.
  bool work();
  /// visits are the connections, the oldest first.
  std::deque<Visit>& visits() noexcept { return visits_; }
  /// answer_by_path upgrades what asks for it, streams events at /events, says "ok" elsewhere.
  static Reply answer_by_path(const std::string& head, const std::string& body);

 private:
  std::deque<Visit> visits_;
};

/// Where the listener stands. `network`: TLS, reached from elsewhere; `loopback`: plain, with local trust.
enum class Place : std::uint8_t { network, loopback };

struct WorldOptions {
  Place place = Place::network;
  std::function<void(Settings&)> settings;  ///< changes to the defaults
  LoginPolicy logins;
  Throttle* lockout = nullptr;
  Throttle* rate = nullptr;
  PermissionRule* permissions = nullptr;
};

class World {
 public:
  explicit World(WorldOptions options = {});
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// settle lets gateway and tool work until neither has anything to do.
  void settle();
  /// settle_pool is settle() where a password is being checked on a side thread: it waits for that, and for
  /// nothing else.
  void settle_pool();
  /// advance moves the monotonic clock, in steps of at most a second, as a loop would see it.
  void advance(Duration by);
  /// housekeep does what Guard does about once a second.
  void housekeep();

  /// connect opens a client's connection.
  End connect() { return connect(stranger()); }
  End connect(const ConnectionFacts& facts);
  /// ask sends one request on a connection of its own.
  Answer ask(const Request& request) { return ask(request, stranger()); }
  Answer ask(const Request& request, const ConnectionFacts& facts);
  /// begin sends a request and keeps the connection: for streams and upgrades.
  End begin(const Request& request) { return begin(request, stranger()); }
  End begin(const Request& request, const ConnectionFacts& facts);

  /// stranger comes from elsewhere; on loopback he is another user of this machine.
  [[nodiscard]] ConnectionFacts stranger() const;
  /// owner_here is the gateway's own user on this machine.
  [[nodiscard]] ConnectionFacts owner_here() const;

  /// adopt gives the route a view that differs from the ready one.
  void adopt(const std::function<void(SessionView&)>& change);
  /// session_token mints the session's first token.
  std::string session_token();
  [[nodiscard]] std::string access_token() const { return files.files.at("/state/token"); }
  /// unminted draws a well-formed credential that nobody holds.
  std::string unminted(CredentialKind kind);
  /// login_link is the path of a new one.
  std::string login_link();
  /// take_denials lists what the audit log says of refusals, and forgets them.
  std::vector<Denial> take_denials();
  [[nodiscard]] bool recorded(AuditKind kind, std::string_view detail) const;
  /// audit_text is all lines of the audit log.
  [[nodiscard]] std::string audit_text() const;

  ManualMonotonicClock monotonic;
  ManualClock wall;
  CountingEntropy entropy;
  MemoryFiles files;
  MemoryAuditLog audit;
  const Fingerprinter fingerprinter = Fingerprinter::derived_from(SecretText("a test's key"));
  const SessionId session{"tool"};
  const OneSession directions{session};
  Settings settings;
  std::string host;    ///< of the listener: HOST:PORT
  std::string origin;  ///< scheme and host
  std::shared_ptr<const Principal> owner;
  MemoryCredentialStore store;
  SessionTokens tokens;
  Logins logins;
  LoginLinks links;
  TicketDesk tickets;
  std::unique_ptr<PasswordBook> passwords;
  std::unique_ptr<AccessTokenFile> access_token_file;
  std::unique_ptr<LoginService> login_service;
  std::unique_ptr<BlockingPool> pool;
  std::unique_ptr<OwnPages> own_pages;
  std::unique_ptr<Gate> gate;
  std::unique_ptr<LoopSide> side;
  MemoryNetwork* network = nullptr;  ///< side's dialer
  Tool tool;
  std::shared_ptr<TrafficCounters> traffic = std::make_shared<TrafficCounters>();
  int demands = 0;                          ///< how often the tool was asked to start
  std::string output;                       ///< of the tool while it starts; empty: nobody may see it
  std::vector<std::string> output_readers;  ///< for whom it was asked
  const SocketAddress front;
  const SocketAddress tool_address = SocketAddress::tcp(IpAddress::v4({127, 0, 0, 1}), 40001);
  std::shared_ptr<const SessionView> ready_view;

 private:
  void open_credentials();
  void open_gate(const WorldOptions& options);
  void open_side();
  const Place place_;
  ConnectionLimiter limiter_{ConnectionLimits{}};
  ListenerTraits traits_;
};

/// Browser keeps cookies as one does, and says what browsers say.
class Browser {
 public:
  explicit Browser(World& world) : world_(world) {}

  Answer get(std::string_view target) { return send(Request::get(target).navigating()); }
  Answer post(std::string_view target, const std::vector<std::pair<std::string, std::string>>& form);
  Answer send(const Request& request);
  End begin(const Request& request);
  /// log_in goes through form and password; gives the last answer.
  Answer log_in(std::string_view password = kPassword, std::string_view next = "/");
  [[nodiscard]] std::string cookie_line() const;
  [[nodiscard]] std::string login_cookie() const;
  std::vector<std::pair<std::string, std::string>> cookies;

 private:
  void keep(const Answer& answer);
  World& world_;
};

}  // namespace sallyport::testing_world
