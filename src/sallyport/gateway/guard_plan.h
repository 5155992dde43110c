// SPDX-License-Identifier: Apache-2.0
// What follows from settings alone: which listeners, with TLS or not, under which names, who is let in. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sallyport/authn/gate.h"
#include "sallyport/config/settings.h"
#include "sallyport/policy/listener_safety.h"
#include "sallyport/tls/cascade.h"

namespace sallyport {

/// DoorPlan is one listener as the settings want it.
struct DoorPlan {
  ListenAddress listen;
  Tls tls = Tls::off;
};

/// plan_doors decides on TLS for each listener and holds rule SG-07. Errors: permission_denied (SG-07),
/// invalid_argument (a TLS source that this version does not have, half of a certificate pair).
Result<std::vector<DoorPlan>> plan_doors(const Settings& settings);

/// AuthPlan is what --auth comes to. Errors of plan_auth: invalid_argument (client certificates without
/// authorities, Tailscale without users, or the reverse; Tailscale behind a proxy).
struct AuthPlan {
  enum class Use : std::uint8_t { no, yes };
  enum class Pam : std::uint8_t { no, where_there, asked };
  Use passwords = Use::no;
  Pam pam = Pam::no;
  Use tokens = Use::no;
  Use tailnet = Use::no;  ///< the word of Tailscale's daemon
  enum class Certificates : std::uint8_t { no, asked, required };
  Certificates certificates = Certificates::no;
  Authentication authentication = Authentication::required;
};
Result<AuthPlan> plan_auth(const Settings& settings);

/// BoundDoor is a listener after it was opened: port 0 has become the real one.
struct BoundDoor {
  SocketAddress address;
  Tls tls = Tls::off;
};

/// GateIdentity is what the rules need to know of this process.
struct GateIdentity {
  SessionId session;
  std::shared_ptr<const Principal> owner;
  std::vector<std::string> local_names;
  std::vector<std::string> tailnet_names{};  ///< of a certificate from Tailscale: ours on every TLS listener
  std::uint32_t own_uid = UINT32_MAX;
};

/// traits_of tells what is known of a listener; local trust is on only where decision 9 of the design allows
/// it at all.
ListenerTraits traits_of(const Settings& settings, const BoundDoor& door);
/// rules_for makes the gate's rules for one listener. Error: invalid_argument (a name that is none).
Result<GateRules> rules_for(const Settings& settings, const AuthPlan& auth, const BoundDoor& door,
                            const GateIdentity& who);
/// admin_rules_for makes them for the admin API's own listener: access tokens and logins, under its own names
/// and --admin-url only. Error: invalid_argument.
Result<GateRules> admin_rules_for(const Settings& settings, const BoundDoor& door, const GateIdentity& who);
/// judge_metrics_address: what has no login is for this machine alone. permission_denied for another address.
Status judge_metrics_address(const SocketAddress& address);
/// metrics_rules_for are those of --metrics: GET /metrics by its local names, and nothing else. Error:
/// invalid_argument.
Result<GateRules> metrics_rules_for(const BoundDoor& door, const GateIdentity& who);
/// urls_of are the ways in which a person reaches the listener, the most useful first: the public URLs, else
/// its own address; of a wildcard listener this host's first address that is not loopback, then localhost.
std::vector<std::string> urls_of(const Settings& settings, const BoundDoor& door,
                                 const std::vector<std::string>& local_names);
/// tls_wish says where certificates of these listeners may come from.
TlsWish tls_wish(const Settings& settings, const std::vector<DoorPlan>& doors,
                 const std::vector<std::string>& local_names);
/// why_no_tls says why no listener has a certificate, for `tls status`.
std::string why_no_tls(const Settings& settings);
/// certificate_names are the names that a certificate of ours must carry.
std::vector<std::string> certificate_names(const Settings& settings, const std::vector<DoorPlan>& doors,
                                           const std::vector<std::string>& local_names);
/// session_id_from makes an id of a command: of its base name, or, where that is an interpreter or a runner
/// of packages, of the script or module that it is given ("python3 -m http.server" gives "http-server").
/// "tool" where nothing is left.
std::string session_id_from(const std::vector<std::string>& command);
/// explain says in sentences who is let in, for the start lines.
std::vector<std::string> explain(const Settings& settings, const AuthPlan& auth,
                                 const std::vector<BoundDoor>& doors);

}  // namespace sallyport
