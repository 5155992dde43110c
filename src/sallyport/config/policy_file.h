// SPDX-License-Identifier: Apache-2.0
// load_policy: a policy from its YAML file. docs/policy.md describes the form.
#pragma once

#include <memory>
#include <vector>

#include "sallyport/config/load.h"
#include "sallyport/policy/policy.h"

namespace sallyport {

inline constexpr std::size_t kPolicyFileBytesMax = std::size_t{1} << 20;

/// LoadedPolicy holds the policy, or every fault with its place ("FILE:LINE"), never both.
struct LoadedPolicy {
  std::shared_ptr<const Policy> policy;
  std::vector<Problem> problems;
  /// status is invalid_argument (exit status 2) with one line for each problem.
  [[nodiscard]] Status status() const;
};

/// load_policy reads strictly: what it does not know, what stands twice and what can match nobody is a
/// fault.
LoadedPolicy load_policy(const ConfigFile& file);

}  // namespace sallyport
