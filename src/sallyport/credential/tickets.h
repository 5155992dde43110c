// SPDX-License-Identifier: Apache-2.0
// WebSocket tickets: single-use credentials that a browser page fetches over HTTP and spends on one upgrade.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "sallyport/base/result.h"
#include "sallyport/credential/credential_store.h"
#include "sallyport/credential/ticket_ledger.h"
#include "sallyport/credential/token.h"
#include "sallyport/env/clock.h"

namespace sallyport {

inline constexpr Duration kTicketLife = std::chrono::seconds(30);
inline constexpr std::size_t kTicketPathBytesMax = 2048;
inline constexpr std::size_t kTicketOriginBytesMax = 300;

/// TicketOrder asks for a ticket on behalf of an admitted request.
struct TicketOrder {
  /// The login or token that asks; the ticket dies with it and never outlives it. A local peer's or a client
  /// certificate's is a grant made for its connection, and not in the store.
  GrantRef minter;
  SessionId session;
  std::string path;    ///< canonical, begins with '/'
  std::string origin;  ///< of the page that asks, exact
};

/// TicketUse is the upgrade request that presents a ticket.
struct TicketUse {
  SessionId session;
  std::string_view path;
  std::string_view origin;  ///< empty where the request has none: refused, since a ticket comes from a page
};

/// judge_ticket compares a ticket that was already taken with where it is used: expired, wrong_kind,
/// wrong_session, wrong_path, wrong_origin; nullopt where all agree. Valid strictly before its deadline.
std::optional<Denial> judge_ticket(const Grant& grant, const TicketUse& use, MonotonicTime now) noexcept;

/// TicketDesk mints and redeems tickets. Of any number of racing redeemers one at most is admitted, and one
/// try in the wrong place spends the ticket. It does not promise secrecy of the ticket on its way: that is
/// TLS's part. Any thread.
class TicketDesk {
 public:
  TicketDesk(CredentialStore& store, Entropy& entropy, TicketLimits limits = {});

  /// mint makes a ticket. Errors: invalid_argument (no minter, bad path or origin), permission_denied (the
  /// minter opens another session), unauthenticated (the minter has ended), exhausted or unavailable from the
  /// store.
  Result<Minted> mint(const TicketOrder& order, MonotonicTime now);

  /// redeem takes the ticket out of the store, then compares. Denials: malformed_credential, wrong_kind (not
  /// taken), unknown_credential, already_used, and judge_ticket's. The client gets one fixed answer for all
  /// of them.
  Admission redeem(std::string_view text, const TicketUse& use, MonotonicTime now);
  Admission redeem(const Presented& presented, const TicketUse& use, MonotonicTime now);

  /// open is how many tickets can still be redeemed, those that expired since the last mint included.
  [[nodiscard]] std::size_t open() const { return ledger_.open(); }

 private:
  CredentialStore& store_;
  Entropy& entropy_;
  TicketLedger ledger_;
};

}  // namespace sallyport
