// SPDX-License-Identifier: Apache-2.0
// Guard::Core: secrets that programs and secret managers keep, and PAM.
#include <algorithm>
#include <map>

#include "sallyport/base/text.h"
#include "sallyport/config/secrets.h"
#include "sallyport/gateway/internal/guard_core.h"

namespace sallyport {
namespace {

using Kind = SecretRef::Kind;

/// What helper programs and systemd's credentials need of our environment; read once, since lookups belong to
/// the thread that starts us.
constexpr std::string_view kVariables[] = {"CREDENTIALS_DIRECTORY", "PATH", "HOME", "USER", "LANG",
                                           "XDG_RUNTIME_DIR"};

bool is_followed(const SecretRef& ref) noexcept {
  return ref.kind == Kind::credential || ref.kind == Kind::command || ref.kind == Kind::vault;
}

bool is_plain_to_elsewhere(const HttpEndpoint& endpoint) {
  if (endpoint.scheme == HttpEndpoint::Scheme::https || !endpoint.socket_path.empty()) return false;
  const auto address = IpAddress::parse(endpoint.host);
  return endpoint.host != "localhost" && !(address && address->is_loopback());
}

}  // namespace

/// reader_of gives a function that reads a secret which opens the secret manager: afresh where that is
/// possible, else what stood there at the start.
Result<VaultOptions::Read> Guard::Core::reader_of(const SecretSetting& setting) {
  if (setting.ref.kind == Kind::vault)
    return fail(Code::invalid_argument, "what opens the secret manager cannot be kept in it");
  if (setting.ref.kind == Kind::file || is_followed(setting.ref)) {
    return VaultOptions::Read([this, ref = setting.ref] { return plain_secrets->read(ref); });
  }
  const LookupEnvironment environment(powers.variables);
  SALLYPORT_TRY(text, resolve_secret(setting, powers.files, environment));
  const auto kept = std::make_shared<const SecretText>(std::move(text));
  return VaultOptions::Read([kept]() -> Result<SecretText> { return kept->duplicate(); });
}

Result<std::optional<VaultOptions>> Guard::Core::vault_options() {
  if (settings.vault_addr.empty()) return std::optional<VaultOptions>();
  VaultOptions options;
  SALLYPORT_TRY(endpoint, HttpEndpoint::parse(settings.vault_addr));
  options.endpoint = std::move(endpoint);
  if (is_plain_to_elsewhere(options.endpoint))
    return fail(Code::permission_denied, "--vault-addr http:// would send secrets in the open; use https://");
  options.name_space = settings.vault_namespace;
  if (!settings.vault_ca.empty()) {
    SALLYPORT_TRY(roots, powers.files.read_text(settings.vault_ca, FilePrivacy::any));
    options.endpoint.roots_pem = std::move(roots);
  }
  if (settings.vault_cert.empty() != settings.vault_key.empty())
    return fail(Code::invalid_argument, "--vault-cert and --vault-key go together");
  if (!settings.vault_cert.empty()) {
    SALLYPORT_TRY(chain, powers.files.read_text(settings.vault_cert, FilePrivacy::any));
    SALLYPORT_TRY(key, powers.files.read_secret(settings.vault_key, FilePrivacy::owner_only));
    options.endpoint.client_chain_pem = std::move(chain);
    options.endpoint.client_key_pem = std::move(key);
  }
  if (settings.vault_token.is_set()) {
    SALLYPORT_TRY(token, reader_of(settings.vault_token));
    options.token = std::move(token);
  } else if (!settings.vault_role_id.empty()) {
    if (!settings.vault_secret_id.is_set())
      return fail(Code::invalid_argument, "--vault-role-id needs --vault-secret-id");
    SALLYPORT_TRY(secret_id, reader_of(settings.vault_secret_id));
    options.role_id = settings.vault_role_id;
    options.secret_id = std::move(secret_id);
    if (settings.vault_secret_id_wrapped == Switch::on)
      options.secret_id_form = VaultOptions::SecretIdForm::wrapped;
  } else if (settings.vault_cert.empty()) {
    return fail(Code::invalid_argument,
                "--vault-addr needs a way in: --vault-token, --vault-role-id with --vault-secret-id, or "
                "--vault-cert");
  }
  return std::optional<VaultOptions>(std::move(options));
}

Status Guard::Core::open_secrets() {
  std::map<std::string, std::string, std::less<>> variables;
  for (const auto name : kVariables) {
    if (const auto value = powers.variables(name)) variables.emplace(name, *value);
  }
  secret_environment = FixedEnvironment(std::move(variables));
  plain_secrets =
      std::make_unique<SecretReader>(powers.files, secret_environment, powers.monotonic, std::nullopt);
  SALLYPORT_TRY(vault, vault_options());
  secrets =
      std::make_unique<SecretReader>(powers.files, secret_environment, powers.monotonic, std::move(vault));
  secret_files = std::make_unique<SecretFiles>(powers.files);
  return ok();
}

/// follow makes a reference that is read now and then a name for secret_files; empty for every other kind.
std::string Guard::Core::follow(const SecretSetting& setting) {
  if (!is_followed(setting.ref)) return {};
  SecretFreshness freshness;
  freshness.grace = settings.secret_grace;
  auto alarm = [this](const std::string& what) {
    const std::lock_guard lock(alarm_mutex);
    alarms.push_back(what);
  };
  return secret_files->follow(
      setting.ref,
      std::make_unique<FreshSecret>(*secrets, setting.ref, powers.monotonic, freshness, std::move(alarm)));
}

std::vector<std::string> Guard::Core::take_alarms() {
  const std::lock_guard lock(alarm_mutex);
  return std::exchange(alarms, {});
}

/// open_pam asks PAM where that was said, and in the cascade where the system has a service for us and
/// somebody may come by it.
Status Guard::Core::open_pam() {
  if (auth.pam == AuthPlan::Pam::no) return ok();
  PamOptions options;
  options.service = settings.pam_service;
  options.config_directory = settings.pam_config_dir;
  options.users = settings.pam_users;
  options.group = settings.pam_group;
  if (options.users.empty() && options.group.empty() && powers.own_uid != 0 && !powers.own_name.empty())
    options.users = {powers.own_name};
  if (auto judged = judge_pam_options(options); !judged) {
    if (auth.pam == AuthPlan::Pam::where_there) return ok();
    return judged;
  }
  pam = std::make_unique<PamPool>(powers.monotonic, std::move(options));
  return ok();
}

/// open_password_judges is the cascade: PAM, then the password that was named, else a generated one.
Status Guard::Core::open_password_judges() {
  SALLYPORT_CHECK(open_pam());
  const bool named = settings.password.is_set();
  if (auth.passwords == AuthPlan::Use::yes && (pam == nullptr || named || auth.pam == AuthPlan::Pam::asked))
    SALLYPORT_CHECK(open_password_book());
  if (pam == nullptr) return ok();
  pam_judge = std::make_unique<PamJudge>(*pam, passwords.get());
  const std::string place = concat("PAM, service ", settings.pam_service);
  told.password_place = told.password_place.empty() ? place : concat(place, ", then ", told.password_place);
  return ok();
}

}  // namespace sallyport
