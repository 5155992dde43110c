// SPDX-License-Identifier: Apache-2.0
// AuditEvent: what the audit log is told, as enumerations, ids and foreign text that is escaped, capped and
// scrubbed on its way into a line. There is no field for a secret.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sallyport/base/address.h"
#include "sallyport/base/digest.h"
#include "sallyport/base/time.h"
#include "sallyport/crypto/digest.h"
#include "sallyport/identity/principal.h"

namespace sallyport {

/// Door is a way in that asks the gate.
enum class Door : std::uint8_t { http, websocket, admin, library };
std::string_view name_of(Door door) noexcept;

enum class AuditKind : std::uint8_t {
  request,             ///< the gate decided on a request or an upgrade
  login,               ///< a password or a link was tried
  logout,              ///< a login was ended by its owner
  credential_minted,   ///< a credential of ours came to be
  credential_revoked,  ///< ... or was ended: revoked, rotated, expired
  connection_cut,      ///< a live stream ended because its credential did
  session,             ///< a guarded backend changed its state; see detail
  lockout,             ///< somebody has to wait after wrong credentials, or was let off; see detail
  setting_weakened,    ///< a setting that weakens a rule is in force
  service,             ///< we started or stopped
  audit_lost,          ///< events before this one are missing; detail holds their number
  audit_torn,          ///< a crash cut the line before this one short; detail holds its size and SHA-256
  audit_broken,        ///< what stands before this line is not what was written there
  certificate,         ///< the listeners' certificate was replaced, or a new one was refused; see detail
};
std::string_view name_of(AuditKind kind) noexcept;

enum class Outcome : std::uint8_t { denied, allowed, failed };
std::string_view name_of(Outcome outcome) noexcept;

/// AuditEvent borrows its text for the call that records it. Empty fields are left out of the line. `path`
/// may still carry a query: everything from '?' on is dropped.
struct AuditEvent {
  AuditKind kind = AuditKind::request;
  Outcome outcome = Outcome::denied;
  std::optional<Door> door;
  std::string_view who;  ///< principal id
  std::optional<PrincipalKind> who_kind;
  CredentialKind how = CredentialKind::none;
  std::optional<Digest> credential;  ///< printed as its fingerprint
  std::string_view session;
  std::optional<Denial> denial;
  std::string_view step;     ///< the step of the gate that decided
  std::uint16_t status = 0;  ///< the HTTP status of the answer
  std::string_view method;
  std::string_view path;
  const SocketAddress* peer = nullptr;  ///< the socket's own word
  std::optional<std::uint32_t> peer_uid;
  std::string_view request_id;
  std::string_view detail;  ///< one short sentence for the operator
};

inline constexpr std::size_t kAuditTextBytesMax = 256;  ///< of each piece of foreign text
inline constexpr std::size_t kAuditLineBytesMax =
    8192;  ///< what the fields above can grow to, escaped, and some room

/// fingerprint is 12 hex digits of a digest: enough to tell credentials apart in a log, useless for anything
/// else.
std::string fingerprint(const Digest& digest);

/// append_json_line writes the event as one line of JSON, '\n' included, keys in the order of AuditEvent
/// after `time`. Bytes outside printable ASCII become \u00NN, one for each byte. What looks like one of our
/// credentials (a prefix such as "sps_" with base64url behind it) is cut to its prefix wherever it stands.
void append_json_line(std::string& out, WallTime at, const AuditEvent& event,
                      const Fingerprinter& fingerprinter);

/// append_utc writes "2026-01-31T12:00:00.000Z".
void append_utc(std::string& out, WallTime at);

}  // namespace sallyport
