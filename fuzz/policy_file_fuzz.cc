// SPDX-License-Identifier: Apache-2.0
// The policy file, whole: either a policy or faults, never both; what it does not say, it does not allow.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "sallyport/config/policy_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport;
  const LoadedPolicy loaded =
      load_policy({"p.yaml", std::string(reinterpret_cast<const char*>(data), data == nullptr ? 0 : size)});
  if ((loaded.policy == nullptr) == loaded.problems.empty()) std::abort();
  if (loaded.problems.size() > kProblemsMax + 1) std::abort();
  for (const auto& problem : loaded.problems) {
    if (problem.what.size() > 2000) std::abort();
  }
  if (loaded.policy == nullptr) return 0;
  Principal nobody;
  const PolicyQuestion question{PolicyQuestion::What::http, "GET", "/s/x"};
  if (loaded.policy->decide(PolicySubject::of(nobody), question).allowed()) std::abort();
  Principal alice;
  alice.id = "alice";
  const auto decision = loaded.policy->decide(PolicySubject::of(alice), question);
  if (decision.allowed() && (decision.rule == nullptr || decision.rule->effect != PolicyEffect::allow))
    std::abort();
  return 0;
}
