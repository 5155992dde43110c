// SPDX-License-Identifier: Apache-2.0
// TailnetJudge: who of the tailnet signs in, by the word of this machine's Tailscale daemon.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "sallyport/authn/login.h"
#include "sallyport/config/values.h"
#include "sallyport/identity/facts.h"
#include "sallyport/tls/tailscale_api.h"

namespace sallyport {

/// How long the daemon may take; it answers from its memory.
inline constexpr Duration kTailnetPatience = std::chrono::seconds(2);

/// came_over_tailnet: both ends of the connection have addresses out of Tailscale's ranges, and not the same.
/// Says nothing about who it is.
bool came_over_tailnet(const ConnectionFacts& facts) noexcept;

/// TailnetJudge promises: nobody is let in but a person on the list whose machine the daemon says is at the
/// other end of a connection to an address of ours on the tailnet. Not let in: this machine itself, from
/// where every local user comes with its owner's name; machines with tags, which are nobody's; and everybody
/// while the daemon does not run, is not connected, or answers oddly. Whoever comes through a subnet router
/// is that router to the daemon. Any thread.
class TailnetJudge {
 public:
  TailnetJudge(const MonotonicClock& clock, std::string socket_path, std::vector<TailnetUser> users)
      : clock_(clock), api_(clock, std::move(socket_path)), users_(std::move(users)) {}

  /// judge asks the daemon, for at most kTailnetPatience: not on a loop. One at a time; who comes meanwhile
  /// is refused with store_unavailable, so that a daemon that hangs does not take the threads of others.
  [[nodiscard]] ProvenPerson judge(const ConnectionFacts& facts);

 private:
  [[nodiscard]] ProvenPerson ask(const ConnectionFacts& facts) const;
  [[nodiscard]] ProvenPerson look_up(const TailscalePerson& person) const;

  const MonotonicClock& clock_;
  TailscaleApi api_;
  std::vector<TailnetUser> users_;
  std::atomic_flag asking_;
};

}  // namespace sallyport
