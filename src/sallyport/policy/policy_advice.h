// SPDX-License-Identifier: Apache-2.0
// What is allowed in a policy, and is hardly what its writer meant.
#pragma once

#include <vector>

#include "sallyport/policy/policy.h"

namespace sallyport {

/// policy_advice names rules that never decide, since an earlier one matches whatever they match, and paths
/// that look like a session's place on the gateway, which no tool sees. `line` as in the rule. Costs the
/// square of the number of rules: for a command, not for a request.
std::vector<PolicyFault> policy_advice(const PolicyDraft& draft);

}  // namespace sallyport
