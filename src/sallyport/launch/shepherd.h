// SPDX-License-Identifier: Apache-2.0
// The shepherd: a small process between the gateway and one tool, so that nothing of the tool outlives the
// gateway.
#pragma once

#include <optional>

namespace sallyport {

/// The argv[0] that makes a program a shepherd.
inline constexpr char kShepherdName[] = "sallyport-shepherd";

/// run_as_shepherd is the first call in the main() of a program that launches tools. Where argv[0] is
/// kShepherdName it does a shepherd's work and returns the exit status; otherwise it returns nullopt at once.
///
/// The gateway runs its own executable anew as the shepherd, which therefore holds none of the gateway's
/// memory. The shepherd is the tool's parent and adopts all orphans below it (PR_SET_CHILD_SUBREAPER):
/// whatever the tool starts stays in its subtree, also where it calls setsid or forks twice. When the gateway
/// asks, or when the tool ends, the shepherd kills that subtree until nothing is left and reaps it. When the
/// gateway is gone in whatever way (its end of the control socket closes), the shepherd does the same; unless
/// the plan lets the tool survive: then it waits that long for another gateway of the same user at its door,
/// a Unix socket, and keeps the tool's output from filling up meanwhile. Where the shepherd itself is killed,
/// the kernel kills the tool (PR_SET_PDEATHSIG); the rest of the subtree then survives. It cannot be dumped
/// or traced by other processes of an unprivileged user.
std::optional<int> run_as_shepherd(int argc, char** argv);

}  // namespace sallyport
