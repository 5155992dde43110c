// SPDX-License-Identifier: Apache-2.0
// Gate: the one place that answers. Every door asks it, in one order of steps.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sallyport/audit/audit.h"
#include "sallyport/authn/evidence.h"
#include "sallyport/credential/credential_store.h"
#include "sallyport/credential/tickets.h"
#include "sallyport/env/clock.h"
#include "sallyport/http/host.h"
#include "sallyport/http/origin.h"
#include "sallyport/http/parse_fault.h"
#include "sallyport/http/path_rule.h"
#include "sallyport/http/session_domain.h"
#include "sallyport/policy/network_rules.h"

namespace sallyport {

/// Presentation is a way in which a credential may come with a request.
enum class Presentation : std::uint8_t {
  explicit_token,      ///< Authorization: Bearer, X-Session-Token, or a ticket on an upgrade: sent on purpose
  client_certificate,  ///< proven in the handshake; a browser sends it by itself
  login_cookie,        ///< sent by a browser by itself
  local_peer,          ///< the kernel's word
};

/// AdmissionRecords: which admissions go to the audit log. Denials always do.
enum class AdmissionRecords : std::uint8_t {
  once_a_minute,  ///< for each credential, client and session; upgrades always
  each_request,
};

/// GateRules is the configuration of one origin. Immutable once a gate has it.
struct GateRules {
  explicit GateRules(HostList names) : hosts(std::move(names)) {}

  HostList hosts;
  OriginList origins;
  /// Where sessions have origins of their own: a request for one of them is asked under its own name only,
  /// and only pages of that very origin may drive it.
  std::vector<SessionDomain> session_domains;
  NetworkRules networks;
  std::vector<Cidr> trusted_proxies;
  /// Paths of the tool that anybody may GET or HEAD, by the decoded path.
  std::vector<PathRule> public_paths;
  /// Paths of ours, and what is below them by whole segments, that work without a login, with any method.
  std::vector<std::string> open_own_paths{"/.sallyport/login", "/.sallyport/link", "/.sallyport/style.css"};
  /// In this order the credentials are asked for; the first that decides, decides.
  std::vector<Presentation> presentations{Presentation::explicit_token, Presentation::login_cookie,
                                          Presentation::local_peer};
  Authentication authentication = Authentication::required;  ///< off: --insecurely-no-auth
  std::shared_ptr<const Principal> local_principal;          ///< who a trusted local peer is; none: nobody
  std::uint32_t own_uid = UINT32_MAX;                        ///< of this process
  AdmissionRecords admission_records = AdmissionRecords::once_a_minute;
};

/// Offer is a credential as lock-out sees it. A program's own counts for one who guesses; a browser sends a
/// stale cookie with every picture of a page.
enum class Offer : std::uint8_t { nothing, cookie, on_purpose };

/// Knock is a request as lock-out and rate limit see it. Borrows for one call.
struct Knock {
  const Evidence& evidence;
  const IpAddress& client;  ///< as the network step found it; unspecified for a Unix peer
  Offer offer = Offer::nothing;
  MonotonicTime now;
};

/// Throttle is a step that may make a client wait: lock-out, rate limit. Any thread; hot.
class Throttle {
 public:
  virtual ~Throttle() = default;
  /// wait is zero where the client may go on. Asked before a credential is looked at.
  [[nodiscard]] virtual Duration wait(const Knock& knock) = 0;
  /// wait_of is asked once it is known who asks.
  [[nodiscard]] virtual Duration wait_of(const Principal& principal, const Knock& knock);

  /// Noted is what became of a wrong credential.
  struct Noted {
    Duration wait{};    ///< above zero: the client had to wait already, and this try was not counted
    std::string alert;  ///< for the audit log; empty: nothing to tell
  };
  /// note_wrong is told of a credential that was no good; `value` tells one from another.
  virtual Noted note_wrong(const Knock& knock, std::uint64_t value);
};

/// PermissionRule decides what somebody who is known may do. Any thread; hot.
class PermissionRule {
 public:
  virtual ~PermissionRule() = default;
  [[nodiscard]] virtual bool permits(const Principal& principal, const Evidence& evidence) = 0;
  /// explain says in a sentence, for the audit log, why.
  [[nodiscard]] virtual std::string explain(const Principal& principal, const Evidence& evidence);
};

/// GateParts is what a gate works with; all outlive it. Steps that are absent let everybody pass.
struct GateParts {
  CredentialStore& store;
  TicketDesk& tickets;
  const MonotonicClock& clock;
  AuditLog& audit;
  Throttle* lockout = nullptr;
  Throttle* rate = nullptr;
  PermissionRule* permissions = nullptr;
};

/// Gate promises: nothing but a live credential of the right kind, in the right place, for this session, or a
/// public path, or every condition of local trust at once, yields an allowing verdict; whatever cannot be
/// read or decided is a denial. It does not promise that who holds a credential is who it was given to. Any
/// thread; a bearer token without Origin is admitted without allocating.
///
/// Which credential counts. Those that a client sends on purpose (bearer, X-Session-Token, ticket) rule out
/// those that come by themselves (certificate, cookie, local peer): where one of the first is there, it
/// decides alone, good or bad; two of them are refused (several_credentials, 400). A page that opens a
/// WebSocket with a ticket sends its cookie too: the ticket counts. `Authorization` in another scheme, or a
/// bearer token without a prefix of ours, belongs to the guarded tool, is nobody's credential here, and takes
/// nothing from a cookie beside it; alone it is an unknown credential (401). A login counts under the one
/// cookie name that belongs to the scheme and port of the Host that was asked for. Of several cookies with
/// that name each is tried, but where there are more than kSameCookieMax none counts; a stale cookie does not
/// stand in the way of local trust.
class Gate {
 public:
  Gate(GateRules rules, GateParts parts);

  /// admit asks all steps in order and records the outcome. Never blocks, but for a lock of the store.
  Verdict admit(const Evidence& evidence) const;

  /// record_refused is for what did not even parse: the door answered status_of(fault).
  void record_refused(Door door, const ConnectionFacts& facts, ParseFault fault,
                      std::string_view request_id) const;

  /// require_authentication closes a door that --insecurely-no-auth had left open, for whoever comes from now
  /// on. There is no way back without a new gate.
  void require_authentication() noexcept {
    authentication_.store(Authentication::required, std::memory_order_release);
  }
  [[nodiscard]] Authentication authentication() const noexcept {
    return authentication_.load(std::memory_order_acquire);
  }

  [[nodiscard]] const GateRules& rules() const noexcept { return rules_; }

 private:
  void record(const Evidence& evidence, const Verdict& verdict, MonotonicTime now) const;
  void record_alert(const Evidence& evidence, const Verdict& verdict, std::string_view alert) const;
  [[nodiscard]] bool is_news(const Evidence& evidence, const Verdict& verdict, MonotonicTime now) const;

  static constexpr std::size_t kRecentAdmissions = 4096;
  const GateRules rules_;
  const GateParts parts_;
  std::atomic<Authentication> authentication_;
  GrantRef local_grant_;  // what a trusted local peer is admitted with; in no store
  mutable std::array<std::atomic<std::uint64_t>, kRecentAdmissions> recent_{};
};

}  // namespace sallyport
