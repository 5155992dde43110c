// SPDX-License-Identifier: Apache-2.0
// Principal: who a credential proved. Denial: why somebody was turned away.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/strong.h"

namespace sallyport {

/// SessionId names one guarded backend: 1 to 63 of [a-z0-9-], no '-' at either end, so that it is a DNS
/// label.
using SessionId = StrongText<struct SessionIdTag>;

enum class PrincipalKind : std::uint8_t { user, service, session, plugin, internal };
std::string_view name_of(PrincipalKind kind) noexcept;

/// Principal is who a credential proved. A value; made by credential and authn only.
struct Principal {
  std::string id;  ///< e.g. "alice", "server-internal"
  PrincipalKind kind = PrincipalKind::user;
  std::string provider;               ///< what proved it: "password", "local-peer", "access-token", ...
  std::vector<std::string> roles;     ///< exact names; a policy calls them groups
  std::vector<std::string> scopes{};  ///< of the token that proved it
  std::vector<std::string> certificate_names{};  ///< "uri:..." and "dns:...", as verified, of a certificate
};

/// CredentialKind is how the proof was carried. The text forms of the first ones have a prefix, see
/// credential/token.h.
enum class CredentialKind : std::uint8_t {
  access_token,
  session_token,
  ticket,
  internal_credential,
  backend_credential,
  login_link,
  login,
  password,
  magic_cookie,
  client_certificate,
  local_peer,
  tailnet_peer,  ///< the word of Tailscale's daemon; good for a login only
  none,
};
std::string_view name_of(CredentialKind kind) noexcept;

/// Denial is why not: for the audit log, never for the client, who gets one fixed text per status.
enum class Denial : std::uint8_t {
  no_credential,
  malformed_request,
  ambiguous_target,
  host_not_allowed,
  origin_not_allowed,
  sec_fetch_not_allowed,
  network_not_allowed,
  locked_out,
  rate_limited,
  several_credentials,
  malformed_credential,
  unknown_credential,
  expired,
  already_used,
  wrong_kind,
  wrong_session,
  wrong_path,
  wrong_origin,
  wrong_password,
  csrf_mismatch,
  forwarded_locally,
  foreign_uid,
  not_permitted,
  store_unavailable,
  limit_reached,
  shutting_down,
  certificate_malformed,
  certificate_unknown_authority,
  certificate_expired,
  certificate_not_yet_valid,
  certificate_wrong_purpose,
  certificate_wrong_name,  ///< it names nobody that we know, or several
  certificate_revoked,
  certificate_refused,  ///< for any other rule; the audit log names it
  unspecified,
};
std::string_view name_of(Denial denial) noexcept;

}  // namespace sallyport
