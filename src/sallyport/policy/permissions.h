// SPDX-License-Identifier: Apache-2.0
// The names of what the admin API can be asked to do: one constant for each kind of call, so that a policy,
// the API and its documentation spell them alike.
#pragma once

#include <array>
#include <string_view>

namespace sallyport::permission {

inline constexpr std::string_view kSessionsCreate = "sessions.create";
inline constexpr std::string_view kSessionsRead = "sessions.read";
inline constexpr std::string_view kSessionsEnd = "sessions.end";
inline constexpr std::string_view kSessionsRotate = "sessions.rotate";
inline constexpr std::string_view kSessionsLogs = "sessions.logs";
inline constexpr std::string_view kSessionsLink = "sessions.link";
inline constexpr std::string_view kTicketsCreate = "tickets.create";
inline constexpr std::string_view kTokensRead = "tokens.read";
inline constexpr std::string_view kTokensManage = "tokens.manage";
inline constexpr std::string_view kUsersManage = "users.manage";
inline constexpr std::string_view kSettingsRead = "settings.read";
inline constexpr std::string_view kSettingsWrite = "settings.write";
inline constexpr std::string_view kAuditRead = "audit.read";
inline constexpr std::string_view kLockoutsRead = "lockouts.read";
inline constexpr std::string_view kLockoutsRelease = "lockouts.release";
inline constexpr std::string_view kCertificatesRead = "certificates.read";
inline constexpr std::string_view kCertificatesManage = "certificates.manage";
inline constexpr std::string_view kRoutesRead = "routes.read";
inline constexpr std::string_view kRoutesManage = "routes.manage";
inline constexpr std::string_view kHealthRead = "health.read";
inline constexpr std::string_view kMetricsRead = "metrics.read";
inline constexpr std::string_view kPluginsCall = "plugins.call";

/// kAdmin lists them all. A policy may name others: they are what its own rules ask for.
inline constexpr std::array kAdmin{
    kSessionsCreate, kSessionsRead, kSessionsEnd,     kSessionsRotate,   kSessionsLogs,       kSessionsLink,
    kTicketsCreate,  kTokensRead,   kTokensManage,    kUsersManage,      kSettingsRead,       kSettingsWrite,
    kAuditRead,      kLockoutsRead, kLockoutsRelease, kCertificatesRead, kCertificatesManage, kRoutesRead,
    kRoutesManage,   kHealthRead,   kMetricsRead,     kPluginsCall};

}  // namespace sallyport::permission
