// SPDX-License-Identifier: Apache-2.0
// The checklist as a program: what of this machine, this state directory and these settings weakens the gate.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/time.h"
#include "sallyport/config/load.h"
#include "sallyport/env/files.h"

namespace sallyport {

/// Finding is one fault. Its id is stable: docs/doctor.md has a line for each.
struct Finding {
  enum class Severity : std::uint8_t { warning, failure } severity = Severity::failure;
  std::string id;
  std::string evidence;  ///< what was seen; never a secret
  std::string remedy;    ///< what to do about it
};
std::string_view name_of(Finding::Severity severity) noexcept;

/// Machine is what the doctor is told of the kernel and this process, so that a test can make it up.
struct Machine {
  std::vector<std::string> environment;  ///< names of our variables whose values are not empty
  std::string core_pattern;              ///< /proc/sys/kernel/core_pattern
  std::uint64_t core_limit_bytes = 0;    ///< of the shell that started us: soft RLIMIT_CORE
  std::uint64_t descriptors_max = 0;     ///< hard RLIMIT_NOFILE
  std::uint64_t memlock_bytes = 0;       ///< soft RLIMIT_MEMLOCK
  int landlock_abi = 0;                  ///< 0: none
  bool seccomp = false;
  bool user_namespaces = false;
  bool clock_synchronized = true;
  std::uint32_t own_uid = 0;
  WallTime now{};
};

/// look_at_machine asks the kernel. `core_limit_bytes` must be read before the process forbids itself dumps.
Machine look_at_machine(std::uint64_t core_limit_bytes, WallTime now,
                        const std::vector<std::string>& environment);

/// examine_machine, examine_settings, examine_state and examine_certificates are pure but for reading files.
/// A check that cannot be made is a finding, not a silence.
std::vector<Finding> examine_machine(const Machine& machine);
std::vector<Finding> examine_settings(const LoadedSettings& loaded);
std::vector<Finding> examine_state(const std::string& state_dir, const Machine& machine);
std::vector<Finding> examine_store(const std::string& state_dir);
std::vector<Finding> examine_certificates(const std::string& state_dir, const Settings& settings,
                                          Files& files, WallTime now);
std::vector<Finding> examine_audit(const std::string& state_dir, const Settings& settings, Files& files);

}  // namespace sallyport
