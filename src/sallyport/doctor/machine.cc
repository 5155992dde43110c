// SPDX-License-Identifier: Apache-2.0
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>

#include "sallyport/base/text.h"
#include "sallyport/doctor/doctor.h"

namespace sallyport {
namespace {

using enum Finding::Severity;

constexpr std::uint64_t kDescriptorsWanted = 1024;
constexpr std::uint64_t kMemlockWanted = std::uint64_t{64} << 10;
constexpr WallTime kPlausibleFrom{std::chrono::seconds(1'735'689'600)};  // 2025: older than this program
constexpr WallTime kPlausibleTo{std::chrono::seconds(4'102'444'800)};    // 2100

std::string first_line_of(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

int landlock_abi() noexcept {
  constexpr long kSysLandlockCreateRuleset = 444;  // the same number on every architecture
  constexpr unsigned kVersion = 1;
  const long abi = ::syscall(kSysLandlockCreateRuleset, nullptr, 0, kVersion);
  return abi > 0 ? static_cast<int>(abi) : 0;
}

/// names_secret: what people call variables that hold one. References to files are none.
bool names_secret(std::string_view variable) noexcept {
  constexpr std::array kWords{"PASSWORD", "PASSWD", "SECRET",      "TOKEN",
                              "API_KEY",  "APIKEY", "PRIVATE_KEY", "CREDENTIAL"};
  if (variable.ends_with("_FILE") || variable.ends_with("_PATH") || variable.ends_with("_DIRECTORY") ||
      variable.ends_with("_LENGTH") || variable.ends_with("_LIFETIME"))
    return false;
  return std::ranges::any_of(
      kWords, [variable](std::string_view word) { return variable.find(word) != std::string_view::npos; });
}

}  // namespace

std::string_view name_of(Finding::Severity severity) noexcept {
  return severity == failure ? "failure" : "warning";
}

Machine look_at_machine(std::uint64_t core_limit_bytes, WallTime now,
                        const std::vector<std::string>& environment) {
  Machine machine;
  machine.environment = environment;
  machine.core_pattern = first_line_of("/proc/sys/kernel/core_pattern");
  machine.core_limit_bytes = core_limit_bytes;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) machine.descriptors_max = limit.rlim_max;
  if (::getrlimit(RLIMIT_MEMLOCK, &limit) == 0) machine.memlock_bytes = limit.rlim_cur;
  machine.landlock_abi = landlock_abi();
  machine.seccomp = ::prctl(PR_GET_SECCOMP) >= 0;
  const std::string namespaces = first_line_of("/proc/sys/user/max_user_namespaces");
  machine.user_namespaces = !namespaces.empty() && namespaces != "0";
  timex clock{};
  machine.clock_synchronized = ::adjtimex(&clock) != TIME_ERROR;
  machine.own_uid = ::geteuid();
  machine.now = now;
  return machine;
}

std::vector<Finding> examine_machine(const Machine& machine) {
  std::vector<Finding> found;
  const auto add = [&found](Finding::Severity severity, std::string_view id, std::string evidence,
                            std::string_view remedy) {
    found.push_back({severity, std::string(id), std::move(evidence), std::string(remedy)});
  };
  for (const auto& name : machine.environment) {
    if (!names_secret(name)) continue;
    add(warning, "environment.secret", concat("the variable ", escaped(name), " is set"),
        "every process of this user can read it: put the secret into a 0600 file and name that, as "
        "file:PATH");
  }
  if (machine.core_limit_bytes != 0 && machine.core_pattern.starts_with('|')) {
    add(warning, "core.pattern", concat("core dumps go to a program: ", escaped(machine.core_pattern)),
        "sallyport forbids dumps of itself, its tool does not: start it under ulimit -c 0");
  }
  if (machine.core_limit_bytes != 0) {
    add(warning, "core.limit", "programs started here may leave core dumps (RLIMIT_CORE is not 0)",
        "run ulimit -c 0 before, or LimitCORE=0 in the unit");
  }
  if (machine.descriptors_max < kDescriptorsWanted) {
    add(warning, "limit.descriptors",
        concat("at most ", machine.descriptors_max, " descriptors (hard RLIMIT_NOFILE)"),
        "each connection takes up to two: raise LimitNOFILE or ulimit -Hn to 1024 at least");
  }
  if (machine.memlock_bytes < kMemlockWanted) {
    add(warning, "limit.memlock",
        concat("only ", machine.memlock_bytes, " bytes may be locked (RLIMIT_MEMLOCK)"),
        "secrets may be swapped to disk: raise LimitMEMLOCK to 64K at least, or encrypt the swap");
  }
  if (machine.landlock_abi == 0)
    add(warning, "sandbox.landlock", "the kernel has no Landlock",
        "use a kernel from 5.13 on, with landlock among its LSMs");
  if (!machine.seccomp)
    add(warning, "sandbox.seccomp", "the kernel has no seccomp",
        "use a kernel built with CONFIG_SECCOMP_FILTER");
  if (!machine.user_namespaces) {
    add(warning, "sandbox.userns", "user namespaces are off (user.max_user_namespaces is 0)",
        "set user.max_user_namespaces, where the strict sandbox is wanted");
  }
  if (machine.now < kPlausibleFrom || machine.now > kPlausibleTo) {
    add(failure, "clock.implausible", "the clock shows a year that cannot be",
        "set the clock: certificates and the audit log depend on it");
  } else if (!machine.clock_synchronized) {
    add(warning, "clock.unsynchronized", "the kernel says that nobody keeps its clock",
        "run an NTP client, such as systemd-timesyncd or chrony");
  }
  return found;
}

}  // namespace sallyport
