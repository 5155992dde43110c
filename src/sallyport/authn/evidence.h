// SPDX-License-Identifier: Apache-2.0
// Evidence: all that a door knows about one request. Verdict: what the gate made of it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sallyport/audit/event.h"
#include "sallyport/base/address.h"
#include "sallyport/base/digest.h"
#include "sallyport/base/time.h"
#include "sallyport/credential/grant.h"
#include "sallyport/http/host.h"
#include "sallyport/http/message.h"
#include "sallyport/identity/facts.h"
#include "sallyport/identity/principal.h"
#include "sallyport/policy/listener_safety.h"

namespace sallyport {

enum class LocalTrust : std::uint8_t { off, on };
/// Fronting: whether a trusted proxy, the PROXY protocol or a tunnel is configured before this listener.
enum class Fronting : std::uint8_t { direct, proxied };

/// ListenerTraits is what is known of a listener since its start.
struct ListenerTraits {
  Reach reach = Reach::network;
  std::uint16_t port = 0;  ///< 0 for a Unix socket
  LocalTrust local_trust = LocalTrust::off;
  Fronting fronting = Fronting::direct;
};

/// PeerLookup asks the kernel who is at the other end. Made from any callable; it lives as long as that.
class PeerLookup {
 public:
  PeerLookup() = default;  ///< nobody can tell
  template <class Ask>
  explicit PeerLookup(Ask& ask) noexcept
      : asked_(&ask),
        ask_([](void* asked) -> std::optional<PeerProcess> { return (*static_cast<Ask*>(asked))(); }) {}
  [[nodiscard]] std::optional<PeerProcess> operator()() const {
    return ask_ == nullptr ? std::nullopt : ask_(asked_);
  }

 private:
  void* asked_ = nullptr;
  std::optional<PeerProcess> (*ask_)(void*) = nullptr;
};

/// Evidence borrows everything for one call. Nothing in it but `head` was written by the other end.
struct Evidence {
  Door door;
  const ConnectionFacts& facts;
  const RequestHead& head;
  const ListenerTraits& listener;
  const SessionId& session;  ///< whose origin this is; empty on the admin door
  PeerLookup peer;
  std::string_view request_id;
  std::size_t prefix_bytes = 0;  ///< of the decoded path that name the session; 0 where the host does

  /// tool_path is the decoded path within the session, the same whether host or path name that.
  [[nodiscard]] std::string_view tool_path() const noexcept {
    const auto rest = head.target.path.substr(std::min(prefix_bytes, head.target.path.size()));
    return rest.empty() ? std::string_view("/") : rest;
  }
};

/// GateStep names the steps in the order in which they are asked; the table is in gate.cc.
enum class GateStep : std::uint8_t {
  target,
  host,
  origin,
  network,
  lockout,
  rate,
  credential,
  permission,
  audit,
};
std::string_view name_of(GateStep step) noexcept;

/// LocalTrustMiss is the first condition of local trust that does not hold (rule R1); `none` where all do.
enum class LocalTrustMiss : std::uint8_t {
  switched_off,     ///< by setting
  behind_proxy,     ///< a trusted proxy, PROXY protocol or tunnel is configured
  public_listener,  ///< the listener can be reached from elsewhere
  peer_elsewhere,   ///< peer or local address is not loopback
  foreign_host,     ///< Host is no loopback literal or localhost with our port
  forwarded,        ///< a header that proxies and tunnels add
  foreign_origin,   ///< Origin is no loopback origin on our port; or is missing on an upgrade
  cross_site,       ///< Sec-Fetch-Site is neither none nor same-origin
  unknown_peer,     ///< the kernel could not tell who it is
  foreign_uid,      ///< another user
  none,
};
std::string_view name_of(LocalTrustMiss miss) noexcept;

/// Verdict is the gate's answer. The default one is a denial.
class [[nodiscard]] Verdict {
 public:
  enum class Kind : std::uint8_t {
    denied,
    admitted,   ///< `grant` says who
    anonymous,  ///< a public path, and nobody in particular
  };

  Kind kind = Kind::denied;
  Denial denial = Denial::unspecified;  ///< meaningless unless denied
  std::uint16_t status = 403;           ///< of the answer to a denial
  GateStep step = GateStep::target;     ///< which step denied; audit where none did
  LocalTrustMiss local_trust =
      LocalTrustMiss::switched_off;  ///< why the peer was not trusted, where that was asked
  Duration retry_after{};            ///< above zero: Retry-After
  GrantRef grant;                    ///< admitted only
  GrantRef minter;                 ///< admitted by a ticket only: what that was made with, where it is known
  MonotonicTime expires = kNever;  ///< of the credential to which a connection is bound
  IpAddress client;                ///< whom network rules and limits look at; unspecified for a Unix peer
  PublicPort reached;              ///< how a browser came, by the Host that it asked for; cookies follow it

  [[nodiscard]] bool allowed() const noexcept { return kind != Kind::denied; }
  [[nodiscard]] const Principal* principal() const noexcept {
    return grant ? grant->principal.get() : nullptr;
  }
  /// credential is what a live connection is bound to, with `expires`: what ends the one, ends the other.
  [[nodiscard]] Digest credential() const noexcept { return grant ? grant->holder() : Digest{}; }
  /// in_use is what a live connection keeps from going idle; null where nobody in particular was admitted.
  [[nodiscard]] const GrantRef& in_use() const noexcept { return minter ? minter : grant; }
};

/// status_of is the HTTP status of a denial.
std::uint16_t status_of(Denial denial) noexcept;

}  // namespace sallyport
