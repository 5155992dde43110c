// SPDX-License-Identifier: Apache-2.0
#include "sallyport/config/options.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

#include "sallyport/base/text.h"
#include "sallyport/config/internal/store_values.h"

namespace sallyport {
namespace {

using namespace internal;  // the store_ functions, for the table
using enum OptionGroup;
using enum ValueType;
using enum Repeat;

// One row, one option.
// clang-format off
constexpr std::array kOptions{
    OptionSpec{"listen", listening, listen_address, many, "ADDR", "127.0.0.1:7070", {}, {},
               "listen here: HOST:PORT, [V6]:PORT, unix:PATH, fd:N", {}, store_listen},
    OptionSpec{"public-url", listening, url, many, "URL", {}, {}, {},
               "a name under which people reach the listener; Host and Origin must agree with one", {}, store_url},
    OptionSpec{"tls", listening, choice, once, "MODE", "auto", kTlsModes, "off",
               "where the certificate comes from; auto: none on loopback, else the best there is",
               {}, store_choice<&Settings::tls, kTlsModes>},
    OptionSpec{"tls-cert", listening, path, once, "FILE", {}, {}, {},
               "certificate chain in PEM, with --tls-key", {}, store_text<&Settings::tls_cert>},
    OptionSpec{"tls-key", listening, path, once, "FILE", {}, {}, {},
               "its key in PEM, of mode 0600", {}, store_text<&Settings::tls_key>},
    OptionSpec{"tailscale-socket", listening, path, once, "PATH", "/var/run/tailscale/tailscaled.sock", {}, {},
               "where the Tailscale daemon of this machine answers", {}, store_text<&Settings::tailscale_socket>},
    OptionSpec{"insecurely-public", listening, flag, once, {}, "false", {}, "true",
               "let the network reach a listener that lacks TLS or authentication",
               {}, store_flag<&Settings::insecurely_public>},
    OptionSpec{"trusted-proxy", listening, cidr, many, "CIDR", {}, {}, {},
               "a proxy in front of us whose X-Forwarded-For counts; turns local trust off",
               {}, store_cidr<&Settings::trusted_proxies>},
    OptionSpec{"proxy-protocol", listening, cidr, many, "CIDR", {}, {}, {},
               "every TCP connection comes from one of these and begins with the PROXY protocol; turns local trust off",
               {}, store_cidr<&Settings::proxy_protocol>},
    OptionSpec{"threads", listening, count, once, "N", "0", {}, {},
               "event loops; 0: one for each core", {}, store_count<&Settings::threads, 0, kThreadsMax>},
    OptionSpec{"auth", admission, choice, many, "METHOD", "auto", kAuthMethods, {},
               "how people prove who they are", {}, store_auth},
    OptionSpec{"client-ca", admission, path, once, "FILE", {}, {}, {},
               "authorities in PEM whose client certificates let in (--auth mtls)", {}, store_text<&Settings::client_ca>},
    OptionSpec{"client-crl", admission, path, many, "FILE", {}, {}, {},
               "revocation lists of theirs; where one is given, each issuer needs a current one",
               {}, store_texts<&Settings::client_crl>},
    OptionSpec{"client-deny", admission, path, once, "FILE", {}, {}, {},
               "certificates refused at once, open connections cut: sha256:HEX, serial:HEX, uri:URI, dns:NAME a line",
               {}, store_text<&Settings::client_deny>},
    OptionSpec{"client-user", admission, text, many, "NAME=USER", {}, {}, {},
               "whose certificate is which user's: uri:URI, dns:NAME or cn:NAME, exactly; where given, no others come in",
               {}, store_client_user},
    OptionSpec{"tailscale-user", admission, text, many, "LOGIN[=USER]", {}, {}, {},
               "who of the tailnet may sign in by the word of Tailscale's daemon, and as which user",
               {}, store_tailscale_user},
    OptionSpec{"no-local-trust", admission, flag, once, {}, "false", {}, {},
               "also you on this machine have to log in", {}, store_flag<&Settings::no_local_trust>},
    OptionSpec{"insecurely-no-auth", admission, flag, once, {}, "false", {}, "true",
               "nobody has to log in; refused where the network can reach us",
               {}, store_flag<&Settings::insecurely_no_auth>},
    OptionSpec{"user", admission, text, once, "NAME", "owner", {}, {},
               "whose the one password is", {}, store_text<&Settings::user>},
    OptionSpec{"password", admission, secret, once, "SECRET", {}, {}, {},
               "password: file:, env:, fd:, cred:, exec: or vault:; in the open only by environment",
               {}, store_secret<&Settings::password>},
    OptionSpec{"token", admission, secret, once, "SECRET", {}, {}, {},
               "access token for programs, likewise; else one is made and kept",
               {}, store_secret<&Settings::token>},
    OptionSpec{"pam-service", admission, text, once, "NAME", "sallyport", {}, {},
               "with --auth pam: the file of /etc/pam.d to go by", {}, store_text<&Settings::pam_service>},
    OptionSpec{"pam-user", admission, text, many, "NAME", {}, {}, {},
               "who may come by PAM; else you alone", {}, store_texts<&Settings::pam_users>},
    OptionSpec{"pam-group", admission, text, once, "NAME", {}, {}, {},
               "or the members of this group, root excepted", {}, store_text<&Settings::pam_group>},
    OptionSpec{"pam-config-dir", admission, path, once, "DIR", {}, {}, {},
               "look for the service there instead of /etc/pam.d", {}, store_text<&Settings::pam_config_dir>},
    OptionSpec{"secret-grace", admission, duration, once, "D", "5m", {}, {},
               "how long the last good secret counts while its source cannot be read",
               {}, store_duration<&Settings::secret_grace>},
    OptionSpec{"vault-addr", admission, text, once, "URL", {}, {}, {},
               "secret manager (Vault, OpenBao) that vault: references are read from: https://HOST[:PORT]",
               {"VAULT_ADDR", ""}, store_text<&Settings::vault_addr>},
    OptionSpec{"vault-namespace", admission, text, once, "NAME", {}, {}, {},
               "its namespace", {"VAULT_NAMESPACE", ""}, store_text<&Settings::vault_namespace>},
    OptionSpec{"vault-token", admission, secret, once, "SECRET", {}, {}, {},
               "token for it; not a vault: reference", {"VAULT_TOKEN", ""}, store_secret<&Settings::vault_token>},
    OptionSpec{"vault-role-id", admission, text, once, "ID", {}, {}, {},
               "or log in there by AppRole", {}, store_text<&Settings::vault_role_id>},
    OptionSpec{"vault-secret-id", admission, secret, once, "SECRET", {}, {}, {},
               "secret id of that role", {}, store_secret<&Settings::vault_secret_id>},
    OptionSpec{"vault-secret-id-wrapped", admission, flag, once, {}, "false", {}, {},
               "the secret id is a response-wrapping token", {}, store_flag<&Settings::vault_secret_id_wrapped>},
    OptionSpec{"vault-ca", admission, path, once, "FILE", {}, {}, {},
               "certificates in PEM that it is trusted by; else the system's",
               {"VAULT_CACERT", ""}, store_text<&Settings::vault_ca>},
    OptionSpec{"vault-cert", admission, path, once, "FILE", {}, {}, {},
               "client certificate in PEM; alone it logs in by the cert method",
               {"VAULT_CLIENT_CERT", ""}, store_text<&Settings::vault_cert>},
    OptionSpec{"vault-key", admission, path, once, "FILE", {}, {}, {},
               "its key, of mode 0600", {"VAULT_CLIENT_KEY", ""}, store_text<&Settings::vault_key>},
    OptionSpec{"allow", admission, cidr, many, "CIDR", {}, {}, {},
               "only these networks may come", {}, store_cidr<&Settings::allow>},
    OptionSpec{"deny", admission, cidr, many, "CIDR", {}, {}, {},
               "these networks may not come, allowed or not", {}, store_cidr<&Settings::deny>},
    OptionSpec{"peer-uid", admission, count, many, "UID", {}, {}, {},
               "of those who come over a Unix socket, only this user; with --peer-gid either will do",
               {}, store_id<&Settings::peer_uids>},
    OptionSpec{"peer-gid", admission, count, many, "GID", {}, {}, {},
               "likewise, only members of this group", {}, store_id<&Settings::peer_gids>},
    OptionSpec{"lockout", admission, text, once, "N/PERIOD", "5/5m", {}, "off",
               "so many wrong credentials in that time lock a client out, ever longer; or off", {}, store_lockout},
    OptionSpec{"rate-limit", admission, text, many, "RULE", {}, {}, {},
               "[client=|user=|PATH=]COUNT/PERIOD[:BURST], as 100/m or /api/*=10/s; on: 100/m:200",
               {}, store_rate},
    OptionSpec{"policy", admission, path, once, "FILE", {}, {}, {},
               "roles and rules in YAML: who may do what; whatever no rule allows is denied",
               {}, store_text<&Settings::policy>},
    OptionSpec{"public-path", admission, url_path, many, "PATH", {}, {}, "*",
               "anybody may GET exactly this path, without logging in", {}, store_public_path},
    OptionSpec{"theme", admission, path, once, "FILE", {}, {}, {},
               "a style sheet that is loaded after ours on the login pages", {}, store_text<&Settings::theme>},
    OptionSpec{"login-lifetime", admission, duration, once, "D", "12h", {}, {},
               "after it a person logs in again", {}, store_duration<&Settings::login_lifetime>},
    OptionSpec{"login-idle", admission, duration, once, "D", "1h", {}, {},
               "as well after so long without a request or traffic", {}, store_duration<&Settings::login_idle>},
    OptionSpec{"name", tool, text, once, "NAME", {}, {}, {},
               "session id; from the command where not given", {}, store_name},
    OptionSpec{"preset", tool, text, once, "NAME", {}, {}, {},
               "how the tool takes its credential and port; list shows all", {}, store_text<&Settings::preset>},
    OptionSpec{"ready", tool, url_path, once, "PATH", "/", {}, {},
               "the tool has started when this path answers below 500", {}, store_ready},
    OptionSpec{"ready-timeout", tool, duration, once, "D", "30s", {}, {},
               "how long it may take to start", {}, store_duration<&Settings::ready_timeout>},
    OptionSpec{"response-timeout", tool, duration, once, "D", "2m", {}, {},
               "how long the tool may think before its answer begins; then 504",
               {}, store_duration<&Settings::response_timeout>},
    OptionSpec{"restart", tool, choice, once, "WHEN", "no", kRestartModes, {},
               "start the tool again when it ends", {}, store_choice<&Settings::restart, kRestartModes>},
    OptionSpec{"idle-timeout", tool, duration, once, "D", {}, {}, {},
               "stop the tool after so long without traffic", {}, store_duration<&Settings::idle_timeout>},
    OptionSpec{"on-demand", tool, flag, once, {}, "false", {}, {},
               "start the tool with the first request", {}, store_flag<&Settings::on_demand>},
    OptionSpec{"sandbox", tool, choice, once, "LEVEL", "none", kSandboxLevels, {},
               "fences around the tool", {}, store_choice<&Settings::sandbox, kSandboxLevels>},
    OptionSpec{"env", tool, key_value, many, "K=V", {}, {}, {},
               "a variable for the tool; may hold {port}, {token_file}, ...", {}, store_env},
    OptionSpec{"pass-env", tool, variable_name, many, "K", {}, {}, {},
               "a variable of ours that the tool gets as well", {}, store_pass_env},
    OptionSpec{"state-dir", records, path, once, "DIR", {}, {}, {},
               "what we keep, of mode 0700; $XDG_STATE_HOME/sallyport", {}, store_text<&Settings::state_dir>},
    OptionSpec{"audit", records, path, once, "FILE|-|syslog|journald", {}, {}, {},
               "audit log, - for standard output; STATE/audit.jsonl", {}, store_text<&Settings::audit>},
    OptionSpec{"audit-failure", records, choice, once, "WHAT", "carry-on", kAuditFailures, {},
               "while the audit log cannot be written: go on and count, or turn everybody away",
               {}, store_choice<&Settings::audit_failure, kAuditFailures>},
    OptionSpec{"audit-sync", records, flag, once, {}, "false", {}, {},
               "no request goes on before its event is on the disk", {}, store_flag<&Settings::audit_sync>},
    OptionSpec{"qr", records, flag, once, {}, "false", {}, {},
               "show the login link as a QR code", {}, store_flag<&Settings::qr>},
    OptionSpec{"metrics", records, listen_address, once, "ADDR", {}, {}, {},
               "serve GET /metrics here for a collector of this machine: loopback or unix:PATH, without a login",
               {}, store_address<&Settings::metrics>},
    OptionSpec{"traces", records, text, once, "URL", {}, {}, {},
               "tell a collector of each request, OTLP over HTTP: http://HOST[:PORT], https or unix:PATH",
               {}, store_text<&Settings::traces>},
    OptionSpec{"traces-percent", records, count, once, "N", "100", {}, {},
               "how many of a hundred traces that begin here are told; others follow the client's word",
               {}, store_count<&Settings::traces_percent, 0, 100>},
    OptionSpec{"session-token-length", tokens, count, once, "BYTES", "32", {}, {},
               "random bytes of a session token",
               {"SESSION_TOKEN_LENGTH", ""}, store_count<&Settings::session_token_length, kTokenLengthMin, kTokenLengthMax>},
    OptionSpec{"session-token-lifetime", tokens, duration, once, "D", "24h", {}, {},
               "how long a session token is good",
               {"SESSION_TOKEN_EXPIRY_HOURS", "h"}, store_duration<&Settings::session_token_lifetime>},
    OptionSpec{"token-cleanup-interval", tokens, duration, once, "D", "1h", {}, {},
               "between two rounds of forgetting dead tokens",
               {"TOKEN_CLEANUP_INTERVAL_MINUTES", "m"}, store_duration<&Settings::token_cleanup_interval>},
    OptionSpec{"session-token-secret", tokens, secret, once, "SECRET", "auto", {}, {},
               "keys what is kept of tokens: file:PATH, env:NAME, fd:N; auto: made and kept",
               {"SESSION_TOKEN_SECRET", ""}, store_token_secret},
    OptionSpec{"domain", serving, text, once, "NAME", {}, {}, {},
               "sessions are reached as SESSION.NAME, or SESSION.NAME at a URL's scheme and port", {}, store_domain},
    OptionSpec{"admin", serving, listen_address, once, "ADDR", {}, {}, {},
               "serve the admin API here too, for access tokens; its socket is there always", {},
               store_address<&Settings::admin>},
    OptionSpec{"admin-url", serving, url, once, "URL", {}, {}, {},
               "the name under which people reach --admin", {}, store_admin_url},
    OptionSpec{"store", serving, choice, once, "KIND", "sqlite", kStores, {},
               "where sessions and tokens are kept: sqlite, in STATE/store.db, outlives the gateway; memory does not",
               {}, store_choice<&Settings::store, kStores>},
    OptionSpec{"survive", serving, duration, once, "D", "5m", {}, {},
               "how long tools go on without a gateway, for the next one to find them; not with --store memory",
               {}, store_duration<&Settings::survive>},
    OptionSpec{"on-stop", serving, choice, once, "WHAT", "end", kOnStops, {},
               "what becomes of tools when the gateway is told to stop: end them, or keep them for the next one",
               {}, store_choice<&Settings::on_stop, kOnStops>},
    OptionSpec{"sessions-per-owner", serving, count, once, "N", "20", {}, {},
               "how many sessions each user may have; who runs the gateway may have any number",
               {}, store_count<&Settings::sessions_per_owner, 1, kSessionsPerOwnerMax>},
    OptionSpec{"tokens-per-owner", serving, count, once, "N", "100", {}, {},
               "how many live access tokens may prove each user; who runs the gateway may have any number",
               {}, store_count<&Settings::tokens_per_owner, 1, kTokensPerOwnerMax>},
    OptionSpec{"listeners-per-owner", serving, count, once, "N", "16", {}, {},
               "how many event streams and followed logs each user may have open; likewise",
               {}, store_count<&Settings::listeners_per_owner, 1, kListenersPerOwnerMax>},
};
// clang-format on

/// distance counts the insertions, deletions and replacements that make one word of the other.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string_view name_of(OptionGroup group) noexcept {
  constexpr std::array<std::string_view, 6> names{"Listening", "Who may come", "The tool",
                                                  "Records",   "Tokens",       "Many sessions"};
  return names[static_cast<std::size_t>(group)];
}

std::span<const OptionSpec> all_options() noexcept { return kOptions; }

std::span<const OptionSpec> run_options() noexcept {
  const auto first = std::find_if(kOptions.begin(), kOptions.end(),
                                  [](const OptionSpec& option) { return option.group == serving; });
  return {kOptions.begin(), first};
}

const OptionSpec* find_option(std::string_view name) noexcept {
  for (const auto& option : kOptions) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

std::string file_key(const OptionSpec& option) {
  std::string key(option.name);
  std::replace(key.begin(), key.end(), '-', '_');
  return key;
}

std::string env_name(const OptionSpec& option) {
  std::string name(kEnvPrefix);
  for (const char c : file_key(option)) name.push_back(c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c);
  return name;
}

std::size_t closest_word(std::string_view typed, std::span<const std::string_view> words) {
  constexpr std::size_t kWordBytesMax = 40;  // nobody means one of ours by more than that
  if (typed.size() > kWordBytesMax) return words.size();
  std::string word = to_lower(typed);
  std::replace(word.begin(), word.end(), '_', '-');
  std::size_t best = words.size();
  std::size_t best_distance = 1 + std::max<std::size_t>(1, word.size() / 4);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::size_t far = distance(word, words[i]);
    if (far >= best_distance) continue;
    best = i;
    best_distance = far;
  }
  return best;
}

const OptionSpec* closest_option(std::string_view name) {
  std::array<std::string_view, kOptions.size()> names;
  std::transform(kOptions.begin(), kOptions.end(), names.begin(),
                 [](const OptionSpec& option) { return option.name; });
  const std::size_t best = closest_word(name, names);
  return best == names.size() ? nullptr : &kOptions[best];
}

}  // namespace sallyport
