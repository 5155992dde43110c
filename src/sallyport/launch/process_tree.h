// SPDX-License-Identifier: Apache-2.0
// The processes below one process, as /proc tells.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace sallyport {

inline constexpr std::size_t kProcessTreeMax = 65536;

struct ProcessNode {
  pid_t pid = 0;
  pid_t parent = 0;
};

/// process_tree returns `root` (first, if it lives) and all its descendants, at most kProcessTreeMax. It is a
/// snapshot: who forks meanwhile may be missing, so callers that must catch all ask until nothing is left.
std::vector<ProcessNode> process_tree(pid_t root);

/// parent_of returns the parent of `pid`, 0 where there is no such process.
pid_t parent_of(pid_t pid);

/// start_of returns when `pid` started, in ticks since boot (field 22 of /proc/PID/stat), 0 where there is no
/// such process. Pid and start together name a process for as long as the machine is up.
std::uint64_t start_of(pid_t pid);

}  // namespace sallyport
