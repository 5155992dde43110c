// SPDX-License-Identifier: Apache-2.0
// ListenerSafety: may a listener be opened on this address, given who is asked for a credential and whether
// it speaks TLS? Pure; asked before anything is bound.
#pragma once

#include <cstdint>
#include <span>

#include "sallyport/base/address.h"
#include "sallyport/base/result.h"
#include "sallyport/identity/facts.h"

namespace sallyport {

enum class Authentication : std::uint8_t { required, off };
/// PublicExposure is what the operator said with --insecurely-public.
enum class PublicExposure : std::uint8_t { refused, insecurely_allowed };

/// Reach is who can knock on an address.
enum class Reach : std::uint8_t {
  private_socket,  ///< a Unix socket in a private folder
  this_machine,    ///< loopback
  network,         ///< everything else: a wildcard, an interface's address
};
[[nodiscard]] Reach reach_of(const SocketAddress& address) noexcept;

struct ListenerPlan {
  SocketAddress address;
  Tls tls = Tls::off;
};

/// judge_listener holds rule SG-07: what the network can reach speaks TLS and asks for a credential, unless
/// the operator insists by name. permission_denied (exit status 3) says what is wrong and what to do.
Status judge_listener(const ListenerPlan& plan, Authentication authentication, PublicExposure exposure);
/// judge_listeners judges each one; its error names all that were refused, one a line.
Status judge_listeners(std::span<const ListenerPlan> plans, Authentication authentication,
                       PublicExposure exposure);

}  // namespace sallyport
