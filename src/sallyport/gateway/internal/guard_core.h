// SPDX-License-Identifier: Apache-2.0
// Guard::Core: the parts of a guard in the order in which they depend on each other. Members die in reverse.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "sallyport/authn/policy_step.h"
#include "sallyport/authn/throttles.h"
#include "sallyport/credential/access_token_file.h"
#include "sallyport/credential/internal_credentials.h"
#include "sallyport/credential/passwords.h"
#include "sallyport/durable/durable_store.h"
#include "sallyport/env/posix/descriptor.h"
#include "sallyport/gateway/admin_api.h"
#include "sallyport/gateway/guard.h"
#include "sallyport/gateway/guard_plan.h"
#include "sallyport/gateway/internal/pam_judge.h"
#include "sallyport/gateway/loop_side.h"
#include "sallyport/gateway/session_directory.h"
#include "sallyport/gateway/session_service.h"
#include "sallyport/secrets/secret_files.h"
#include "sallyport/store/credential_store.h"
#include "sallyport/store/session_records.h"
#include "sallyport/tls/client_certificates.h"
#include "sallyport/tls/keeper.h"
#include "sallyport/trace/tracer.h"

namespace sallyport {

inline constexpr std::size_t kSweepStepsPerSecond = 20'000;
inline constexpr int kDerivedNamesMax = 50;

/// LookupEnvironment lets resolve_secret see the variables of the powers.
class LookupEnvironment final : public Environment {
 public:
  explicit LookupEnvironment(const VariableLookup& lookup) : lookup_(lookup) {}
  [[nodiscard]] std::optional<std::string> get(std::string_view name) const override {
    const auto value = lookup_(name);
    return value ? std::optional<std::string>(std::string(*value)) : std::nullopt;
  }
  [[nodiscard]] std::vector<std::string> names(std::string_view) const override { return {}; }

 private:
  const VariableLookup& lookup_;
};

class Guard::Core final : public SessionObserver {
 public:
  Core(const Settings& from, GuardPowers with, GuardNotices tell);
  ~Core() override;

  Status open_store();
  Status restore();
  Status open_credentials();
  Status open_tls();
  /// settle_name is for `run`: it takes the name of the one session, or finds one that is free.
  Status settle_name(const std::vector<std::string>& command);
  Status open_doors();
  void drain(Duration patience);
  Status open_admin_listener();
  Status open_metrics_listener();
  Status open_traces();
  Status open_session(std::vector<std::string> command);
  void run_loops();
  std::vector<std::string> housekeep();
  int stop(Duration patience);
  void leave(Duration patience);
  void end_all(EndSpeed speed);

  GuardStart told;
  SessionId session;  ///< of `run`; empty: `serve`
  std::unique_ptr<Supervisor> supervisor;

 private:
  void on_change(const std::shared_ptr<const SessionView>& view) override;
  void on_output(const SessionId& id, std::string_view line) override;

  Status open_secrets();
  Result<VaultOptions::Read> reader_of(const SecretSetting& setting);
  Result<std::optional<VaultOptions>> vault_options();
  std::string follow(const SecretSetting& setting);
  std::vector<std::string> take_alarms();
  Status open_pam();
  Status open_password_judges();
  void open_throttles();
  Status open_policy();
  Status renew_policy();
  [[nodiscard]] GateParts gate_parts();
  [[nodiscard]] ProxyRules proxy_rules(const BoundDoor& door);
  Status open_password_book();
  Status open_access_token();
  [[nodiscard]] bool serves_many() const noexcept { return session.empty(); }
  Status lock_name(const std::string& name);
  Status open_loops();
  Status open_own_pages();
  Status plan_domains();
  Status open_service();
  [[nodiscard]] SupervisorOptions supervisor_options() const;
  Status open_door_of(const DoorPlan& plan);
  Result<BoundDoor> judge_bound(const DoorPlan& plan, const OpenedDoor& opened) const;
  Status serve_door(OpenedDoor opened, const BoundDoor& door);
  void note_urls(const BoundDoor& door);
  Status open_admin_door();
  AdminApi::Parts admin_parts(const Gate& gate, ListenerTraits listener);
  void require_authentication();
  [[nodiscard]] DoorPlan admin_plan() const;
  [[nodiscard]] std::string url_of(const SessionId& id) const;
  Status mint_login_link();
  Status serve_identity(const ServerIdentity& identity);
  void tell_tls(const TlsNews& news);
  Status open_clients();
  void tell_client_refused(const ConnectionFacts& facts, Denial denial, std::string_view detail);
  std::string refresh_clients();
  void learn_tailnet_name(TlsWish& wish);
  [[nodiscard]] TlsReport tls_report() const;
  void cut_ended();
  [[nodiscard]] GatewayReport report() const;
  void count_up(GatewayReport& report) const;
  [[nodiscard]] std::string run_directory() const { return settings.state_dir + "/run"; }

  const Settings& settings;  ///< outlives the guard
  GuardPowers powers;
  GuardNotices notices;
  AuthPlan auth;
  std::vector<DoorPlan> door_plans;
  std::shared_ptr<const Principal> owner;

  MemoryCredentialStore store;
  SessionTokens session_tokens;
  Logins logins;
  LoginLinks links;
  TicketDesk tickets;
  InternalCredentials internals;
  FixedEnvironment secret_environment;
  std::unique_ptr<SecretReader> plain_secrets;  ///< without the secret manager: reads what opens that
  std::unique_ptr<SecretReader> secrets;
  std::unique_ptr<SecretFiles> secret_files;
  std::mutex alarm_mutex;
  std::vector<std::string> alarms;  ///< guarded by alarm_mutex: for the housekeeper to tell
  std::unique_ptr<PasswordBook> passwords;
  std::unique_ptr<PamPool> pam;
  std::unique_ptr<PamJudge> pam_judge;
  std::unique_ptr<AccessTokenFile> access_token;
  std::unique_ptr<LoginService> login_service;
  std::unique_ptr<TailnetJudge> tailnet;        ///< none: no --tailscale-user
  std::unique_ptr<ClientCertificates> clients;  ///< none: no client certificates
  std::unique_ptr<TlsServer> tls;
  FixedEnvironment tls_environment;
  std::vector<std::string> tailnet_names;
  TlsReport no_tls;                       ///< where there is no keeper
  std::unique_ptr<TlsKeeper> tls_keeper;  ///< none: no listener speaks TLS

  std::unique_ptr<Lockout> lockout;
  std::unique_ptr<LockoutStep> lockout_step;  ///< none: --lockout off
  std::unique_ptr<RateLimiter> rate_limiter;  ///< none: no --rate-limit
  std::unique_ptr<RateStep> rate_step;
  std::unique_ptr<PolicyStep> policy_step;  ///< none: no --policy
  std::string policy_text;                  ///< what is in force

  std::unique_ptr<TraceExporter> trace_exporter;  ///< none: no --traces
  std::unique_ptr<Tracer> tracer;

  Descriptor name_lock;
  ConnectionLimiter limiter;
  std::unique_ptr<BlockingPool> pool;
  MemorySessionRecords memory_sessions;
  MemoryAccessTokenRecords memory_access_tokens;
  std::unique_ptr<DurableStore> durable;  ///< none: --store memory, or `run`
  DurableClock durable_clock;
  std::unique_ptr<AccessTokens> access_tokens;
  LiveSettings live_settings;
  Feed feed;
  SessionDirectory directory;
  std::vector<SessionDomain> domains;
  std::unique_ptr<Directions> directions;
  std::unique_ptr<SessionService> service;
  std::unique_ptr<OwnPages> own_pages;
  std::vector<std::unique_ptr<Gate>> gates;
  std::vector<BoundDoor> bound;
  std::vector<std::unique_ptr<SocketFile>> socket_files;
  std::vector<std::unique_ptr<LoopSide>> sides;
  std::vector<std::thread> threads;

  std::mutex ended_mutex;
  std::vector<Digest> ended;  ///< guarded by ended_mutex: credentials whose connections are to be cut
  bool cut_posted = false;    ///< guarded by ended_mutex
  std::string last_complaint;
  std::mutex change_mutex;
  std::condition_variable changed;
  std::shared_ptr<const SessionView> last_view;  ///< guarded by change_mutex
};

}  // namespace sallyport
