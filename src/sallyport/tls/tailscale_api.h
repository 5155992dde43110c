// SPDX-License-Identifier: Apache-2.0
// TailscaleApi: what we ask of the Tailscale daemon of this machine, over its Unix socket: state, a
// certificate, and who is behind an address of the tailnet.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/address.h"
#include "sallyport/base/result.h"
#include "sallyport/base/secret.h"
#include "sallyport/base/time.h"
#include "sallyport/env/clock.h"

namespace sallyport {

/// TailscaleStatus is the part of GET /localapi/v0/status that concerns us.
struct TailscaleStatus {
  std::string backend_state;              ///< "Running", "NeedsLogin", "Stopped", ...
  std::vector<std::string> cert_domains;  ///< DNS names that it gives certificates for; empty: HTTPS is off
  std::string dns_name;                   ///< of this machine, without trailing dot
  std::vector<IpAddress> addresses;       ///< of this machine on the tailnet
  [[nodiscard]] bool running() const noexcept { return backend_state == "Running"; }
};
/// parse_tailscale_status reads the daemon's JSON; unknown members are passed over, names that are none are
/// dropped. Error: unavailable, where it is not JSON of that shape.
Result<TailscaleStatus> parse_tailscale_status(std::string_view json);

/// TailscalePerson is who owns the machine behind an address.
struct TailscalePerson {
  std::string login_name;         ///< "alice@example.com"
  std::string display_name;       ///< may be empty
  std::string node;               ///< its DNS name, without trailing dot
  std::vector<std::string> tags;  ///< a tagged machine is nobody's: its login name says nothing
};
/// parse_tailscale_whois reads the answer of /localapi/v0/whois. Error: unavailable.
Result<TailscalePerson> parse_tailscale_whois(std::string_view json);

/// TailscaleApi opens a connection for each question and blocks until its deadline at most: not on a loop.
/// Any thread. The socket must be root's or ours, since whoever owns it would answer. Errors of all:
/// not_found (no such socket), permission_denied (the daemon refuses us, or the socket is somebody's),
/// unavailable (it does not answer, or not as documented), exhausted (it asks us to wait),
/// deadline_exceeded.
class TailscaleApi {
 public:
  TailscaleApi(const MonotonicClock& clock, std::string socket_path)
      : clock_(clock), socket_path_(std::move(socket_path)) {}

  Result<TailscaleStatus> status(MonotonicTime deadline) const;
  /// pair gives key and chain of a certificate as PEM. The first for a name can take minutes.
  Result<SecretText> pair(std::string_view domain, MonotonicTime deadline) const;
  /// whois tells who is behind `peer`; not_found where the tailnet does not know it.
  Result<TailscalePerson> whois(const SocketAddress& peer, MonotonicTime deadline) const;
  [[nodiscard]] const std::string& socket_path() const noexcept { return socket_path_; }

 private:
  Result<SecretText> get(std::string target, std::string_view what, MonotonicTime deadline) const;
  const MonotonicClock& clock_;
  std::string socket_path_;
};

}  // namespace sallyport
