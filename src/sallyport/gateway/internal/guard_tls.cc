// SPDX-License-Identifier: Apache-2.0
// Guard::Core: the certificate, from its source to its renewal.
#include <algorithm>

#include "sallyport/base/text.h"
#include "sallyport/gateway/internal/guard_core.h"

namespace sallyport {
namespace {

constexpr Duration kIdentityRetry = std::chrono::minutes(10);

std::string days_text(WallTime until, WallTime now) {
  return concat(std::chrono::duration_cast<std::chrono::hours>(until - now).count() / 24);
}

}  // namespace

Result<ServerIdentity> Guard::Core::current_identity() {
  if (!settings.tls_cert.empty()) {
    SALLYPORT_TRY(chain, powers.files.read_text(settings.tls_cert, FilePrivacy::any));
    SALLYPORT_TRY(key, powers.files.read_secret(settings.tls_key, FilePrivacy::owner_only));
    const auto both = SecretText::filled_by(chain.size() + 1 + key.size(), [&](std::span<char> out) {
      auto at = std::copy(chain.begin(), chain.end(), out.begin());
      *at++ = '\n';
      std::copy(key.expose().begin(), key.expose().end(), at);
    });
    return read_identity(both.expose()).transform_error([this](Error error) {
      error.what = concat(settings.tls_cert, " and ", settings.tls_key, ": ", error.what);
      return error;
    });
  }
  std::vector<SubjectName> names;
  for (const auto& text : certificate_names(settings, door_plans, powers.local_names)) {
    if (const auto name = SubjectName::parse(text)) names.push_back(*name);
  }
  names.resize(std::min(names.size(), kSubjectNamesMax), names.front());
  return ensure_local_identity(powers.files, powers.entropy, settings.state_dir + "/tls", names,
                               powers.clock.now());
}

Status Guard::Core::open_tls() {
  told.tls_source = "off";
  const bool wanted = std::any_of(door_plans.begin(), door_plans.end(),
                                  [](const DoorPlan& door) { return door.tls == Tls::on; }) ||
                      (settings.admin && admin_plan().tls == Tls::on);
  if (!wanted) return ok();
  SALLYPORT_TRY(identity, current_identity());
  SALLYPORT_TRY(usable, TlsIdentity::from_pem(identity.chain_pem, identity.key_pem));
  SALLYPORT_TRY(server, TlsServer::make(powers.monotonic, powers.entropy, std::move(usable)));
  tls = std::move(server);
  identity_not_after = identity.not_after;
  told.tls_source = settings.tls_cert.empty() ? "local authority" : "given files";
  told.certificate_fingerprint = identity.fingerprint;
  if (!identity.authority_pem.empty()) told.authority_file = settings.state_dir + "/tls/authority.crt";
  return ok();
}

Status Guard::Core::renew_identity_if_due() {
  const auto now = powers.clock.now();
  if (tls == nullptr || now < identity_look_again) return ok();
  identity_look_again = now + kIdentityRetry;
  auto identity = current_identity();
  if (!identity) return std::move(identity).error();
  SALLYPORT_TRY(usable, TlsIdentity::from_pem(identity->chain_pem, identity->key_pem));
  tls->replace_identity(std::move(usable));
  identity_not_after = identity->not_after;
  if (identity->not_after <= now) {
    return fail(Code::unavailable,
                concat("the certificate has expired ", days_text(now, identity->not_after), " days ago"));
  }
  return ok();
}

}  // namespace sallyport
