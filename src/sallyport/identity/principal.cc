// SPDX-License-Identifier: Apache-2.0
#include "sallyport/identity/principal.h"

#include <array>

namespace sallyport {
namespace {

constexpr std::array<std::string_view, 5> kPrincipalKinds{"user", "service", "session", "plugin", "internal"};
constexpr std::array<std::string_view, 13> kCredentialKinds{
    "access_token", "session_token", "ticket",   "internal_credential", "backend_credential",
    "login_link",   "login",         "password", "magic_cookie",        "client_certificate",
    "local_peer",   "tailnet_peer",  "none"};
constexpr std::array<std::string_view, 35> kDenials{"no_credential",
                                                    "malformed_request",
                                                    "ambiguous_target",
                                                    "host_not_allowed",
                                                    "origin_not_allowed",
                                                    "sec_fetch_not_allowed",
                                                    "network_not_allowed",
                                                    "locked_out",
                                                    "rate_limited",
                                                    "several_credentials",
                                                    "malformed_credential",
                                                    "unknown_credential",
                                                    "expired",
                                                    "already_used",
                                                    "wrong_kind",
                                                    "wrong_session",
                                                    "wrong_path",
                                                    "wrong_origin",
                                                    "wrong_password",
                                                    "csrf_mismatch",
                                                    "forwarded_locally",
                                                    "foreign_uid",
                                                    "not_permitted",
                                                    "store_unavailable",
                                                    "limit_reached",
                                                    "shutting_down",
                                                    "certificate_malformed",
                                                    "certificate_unknown_authority",
                                                    "certificate_expired",
                                                    "certificate_not_yet_valid",
                                                    "certificate_wrong_purpose",
                                                    "certificate_wrong_name",
                                                    "certificate_revoked",
                                                    "certificate_refused",
                                                    "unspecified"};
static_assert(kDenials.size() == static_cast<std::size_t>(Denial::unspecified) + 1);
static_assert(kCredentialKinds.size() == static_cast<std::size_t>(CredentialKind::none) + 1);

}  // namespace

std::string_view name_of(PrincipalKind kind) noexcept {
  return kPrincipalKinds[static_cast<std::size_t>(kind)];
}
std::string_view name_of(CredentialKind kind) noexcept {
  return kCredentialKinds[static_cast<std::size_t>(kind)];
}
std::string_view name_of(Denial denial) noexcept { return kDenials[static_cast<std::size_t>(denial)]; }

}  // namespace sallyport
