// SPDX-License-Identifier: Apache-2.0
#include "sallyport/gateway/tailnet_judge.h"

#include <algorithm>
#include <array>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

/// is_tailnet: 100.64.0.0/10, and Tailscale's own fd7a:115c:a1e0::/48.
bool is_tailnet(const IpAddress& ip) noexcept {
  constexpr std::array<std::uint8_t, 6> kPrefix{0xfd, 0x7a, 0x11, 0x5c, 0xa1, 0xe0};
  const auto& bytes = ip.bytes();
  if (ip.is_v4()) return bytes[0] == 100 && (bytes[1] & 0xc0U) == 0x40;
  return std::equal(kPrefix.begin(), kPrefix.end(), bytes.begin());
}

bool holds(const std::vector<IpAddress>& addresses, const IpAddress& ip) {
  return std::ranges::find(addresses, ip) != addresses.end();
}

ProvenPerson nobody(Denial denial, std::string detail, std::string name = {}) {
  return ProvenPerson{nullptr, CredentialKind::tailnet_peer, std::move(name), denial, std::move(detail)};
}

/// Asking clears the flag that it has set.
class Asking {
 public:
  explicit Asking(std::atomic_flag& flag) noexcept
      : flag_(flag), alone_(!flag.test_and_set(std::memory_order_acquire)) {}
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;
  ~Asking() {
    if (alone_) flag_.clear(std::memory_order_release);
  }
  [[nodiscard]] bool alone() const noexcept { return alone_; }

 private:
  std::atomic_flag& flag_;
  const bool alone_;
};

}  // namespace

bool came_over_tailnet(const ConnectionFacts& facts) noexcept {
  if (facts.peer.is_unix() || facts.local.is_unix() || facts.peer.ip == facts.local.ip) return false;
  return is_tailnet(facts.peer.ip) && is_tailnet(facts.local.ip);
}

ProvenPerson TailnetJudge::judge(const ConnectionFacts& facts) {
  if (!came_over_tailnet(facts))
    return nobody(Denial::network_not_allowed, "the connection did not come over the tailnet");
  const Asking asking(asking_);
  if (!asking.alone()) return nobody(Denial::store_unavailable, "tailscaled is being asked for another");
  return ask(facts);
}

ProvenPerson TailnetJudge::ask(const ConnectionFacts& facts) const {
  const auto deadline = after(clock_.now(), kTailnetPatience);
  const auto status = api_.status(deadline);
  if (!status) return nobody(Denial::store_unavailable, status.error().what);
  if (!status->running()) return nobody(Denial::store_unavailable, "Tailscale is not connected");
  if (!holds(status->addresses, facts.local.ip) || holds(status->addresses, facts.peer.ip))
    return nobody(Denial::network_not_allowed,
                  "the connection does not lead from the tailnet to this machine");
  const auto person = api_.whois(facts.peer, deadline);
  if (!person && person.error().code == Code::not_found)
    return nobody(Denial::unknown_credential, person.error().what);
  if (!person) return nobody(Denial::store_unavailable, person.error().what);
  return look_up(*person);
}

ProvenPerson TailnetJudge::look_up(const TailscalePerson& person) const {
  if (!person.tags.empty())
    return nobody(Denial::not_permitted, concat(person.node, " has tags, so it is nobody's machine"),
                  person.login_name);
  const auto found = std::ranges::find(users_, person.login_name, &TailnetUser::login);
  if (found == users_.end())
    return nobody(Denial::not_permitted, "no --tailscale-user names this login", person.login_name);
  Principal principal;
  principal.id = found->user;
  principal.provider = "tailscale";
  ProvenPerson proven;
  proven.principal = std::make_shared<const Principal>(std::move(principal));
  proven.how = CredentialKind::tailnet_peer;
  proven.name = person.login_name;
  proven.detail = concat(person.login_name, " at ", person.node);
  return proven;
}

}  // namespace sallyport
