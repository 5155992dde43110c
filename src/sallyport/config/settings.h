// SPDX-License-Identifier: Apache-2.0
// Settings: what `sallyport run` or `sallyport serve` was told, typed. Filled only by load_settings, from the
// table in options.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sallyport/base/secret.h"
#include "sallyport/config/values.h"
#include "sallyport/policy/lockout.h"
#include "sallyport/policy/rate_limit.h"

namespace sallyport {

enum class TlsMode : std::uint8_t { automatic, off, self_signed, mkcert, tailscale };
enum class AuthMethod : std::uint8_t { automatic, pam, password, token, mtls, tailscale };
enum class RestartMode : std::uint8_t { no, on_failure, always };
enum class SandboxLevel : std::uint8_t { none, basic, strict };
enum class OnAuditFailure : std::uint8_t { carry_on, refuse };
enum class StoreKind : std::uint8_t { memory, sqlite };
enum class OnStop : std::uint8_t { end, keep };
enum class Switch : std::uint8_t { off, on };

/// SecretSetting is a reference to a secret, or the secret where it was given in the open. secrets.h reads
/// it.
struct SecretSetting {
  SecretRef ref;
  SecretText text;  ///< inline_text only
  [[nodiscard]] bool is_set() const noexcept { return ref.kind != SecretRef::Kind::none; }
};

/// EnvValue is one variable of the child's environment; its value may hold placeholders.
struct EnvValue {
  std::string name;
  std::string value;
};

struct Settings {
  std::vector<ListenAddress> listen;
  std::string name;    ///< empty: from the command
  std::string preset;  ///< empty: none
  TlsMode tls = TlsMode::automatic;
  std::string tls_cert;
  std::string tls_key;
  std::string tailscale_socket;
  std::vector<AuthMethod> auth;
  std::string client_ca;  ///< a file; empty: no client certificates
  std::vector<std::string> client_crl;
  std::string client_deny;
  std::vector<ClientUser> client_users;
  std::vector<TailnetUser> tailscale_users;
  Switch no_local_trust = Switch::off;
  Switch insecurely_no_auth = Switch::off;
  Switch insecurely_public = Switch::off;
  std::vector<Cidr> allow;
  std::vector<Cidr> deny;
  std::vector<std::uint32_t> peer_uids;
  std::vector<std::uint32_t> peer_gids;
  std::optional<LockoutLimits> lockout;  ///< none: off
  std::vector<RateRule> rate_limits;
  std::string policy;  ///< a file; empty: whoever is known may do everything
  std::vector<Cidr> proxy_protocol;
  std::vector<PublicUrl> public_urls;
  std::vector<std::string> public_paths;
  std::vector<Cidr> trusted_proxies;
  std::string theme;  ///< empty: none
  std::string ready;
  Duration ready_timeout{};
  Duration response_timeout{};
  RestartMode restart = RestartMode::no;
  std::optional<Duration> idle_timeout;
  Switch on_demand = Switch::off;
  SandboxLevel sandbox = SandboxLevel::none;
  std::vector<EnvValue> env;
  std::vector<std::string> pass_env;
  std::string state_dir;
  StoreKind store = StoreKind::sqlite;  ///< of `serve`
  Duration survive{};                   ///< how long tools go on without a gateway, with a durable store
  OnStop on_stop = OnStop::end;
  std::string audit;  ///< empty: STATE/audit.jsonl
  OnAuditFailure audit_failure = OnAuditFailure::carry_on;
  Switch audit_sync = Switch::off;
  Switch qr = Switch::off;
  std::string traces;  ///< URL of a collector; empty: nobody is told of requests
  unsigned traces_percent = 100;
  std::optional<ListenAddress> metrics;  ///< where a collector of this machine reads the numbers
  std::uint32_t threads = 0;             ///< 0: one for each core
  SecretSetting password;
  SecretSetting token;
  std::string pam_service;
  std::vector<std::string> pam_users;
  std::string pam_group;
  std::string pam_config_dir;
  Duration secret_grace{};
  std::string vault_addr;  ///< empty: no secret manager
  std::string vault_namespace;
  SecretSetting vault_token;
  std::string vault_role_id;
  SecretSetting vault_secret_id;
  Switch vault_secret_id_wrapped = Switch::off;
  std::string vault_ca;
  std::string vault_cert;
  std::string vault_key;
  std::string user;  ///< the name behind the one password
  Duration login_lifetime{};
  Duration login_idle{};
  std::uint32_t session_token_length = 0;  ///< bytes
  Duration session_token_lifetime{};
  Duration token_cleanup_interval{};
  SecretSetting session_token_secret;
  std::string domain;                  ///< "NAME" or a URL; empty: none
  std::optional<ListenAddress> admin;  ///< of the admin API, besides its socket
  std::optional<PublicUrl> admin_url;
  std::uint32_t sessions_per_owner = 0;
  std::uint32_t tokens_per_owner = 0;     ///< live access tokens
  std::uint32_t listeners_per_owner = 0;  ///< open streams of the admin API
};

}  // namespace sallyport
