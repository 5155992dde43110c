// SPDX-License-Identifier: Apache-2.0
#include "sallyport/policy/listener_safety.h"

#include <string>

#include "sallyport/base/text.h"

namespace sallyport {

Reach reach_of(const SocketAddress& address) noexcept {
  if (address.is_unix()) return Reach::private_socket;
  return address.ip.is_loopback() ? Reach::this_machine : Reach::network;
}

Status judge_listener(const ListenerPlan& plan, Authentication authentication, PublicExposure exposure) {
  if (reach_of(plan.address) != Reach::network || exposure == PublicExposure::insecurely_allowed) return ok();
  const std::string who =
      concat("refusing to listen on ", plan.address.str(), ", which the network can reach, ");
  if (authentication == Authentication::off) {
    return fail(
        Code::permission_denied,
        concat(who, "without asking for a credential: listen on 127.0.0.1, or drop --insecurely-no-auth"));
  }
  if (plan.tls == Tls::off) {
    return fail(
        Code::permission_denied,
        concat(who, "without TLS: listen on 127.0.0.1, or drop --tls off (a certificate is made by itself)"));
  }
  return ok();
}

Status judge_listeners(std::span<const ListenerPlan> plans, Authentication authentication,
                       PublicExposure exposure) {
  std::string all;
  for (const auto& plan : plans) {
    const auto judged = judge_listener(plan, authentication, exposure);
    if (!judged) all += concat(all.empty() ? "" : "\n", judged.error().what);
  }
  if (all.empty()) return ok();
  return fail(Code::permission_denied, all);
}

}  // namespace sallyport
