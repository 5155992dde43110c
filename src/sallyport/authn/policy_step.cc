// SPDX-License-Identifier: Apache-2.0
#include "sallyport/authn/policy_step.h"

#include <utility>

#include "sallyport/http/target.h"

namespace sallyport {
namespace {

PolicyQuestion question_of(const Evidence& evidence, std::string_view owner) {
  PolicyQuestion question;
  const bool upgrades = evidence.door == Door::websocket || evidence.head.upgrade == Upgrade::websocket;
  question.method = upgrades ? std::string_view("WEBSOCKET") : evidence.head.method_text;
  question.name = evidence.tool_path();
  question.session = evidence.session.view();
  question.owner = owner;
  return question;
}

}  // namespace

PolicyStep::PolicyStep(std::shared_ptr<const Policy> policy, SessionOwner owner_of, PermissionRule* also)
    : policy_(std::move(policy)), owner_of_(std::move(owner_of)), also_(also) {}

bool PolicyStep::permits(const Principal& principal, const Evidence& evidence) {
  if (also_ != nullptr && !also_->permits(principal, evidence)) return false;
  if (evidence.door != Door::admin && is_own_path(evidence.head.target.path)) return true;
  const std::string owner = owner_of_(evidence.session);
  return policy_.load()->decide(PolicySubject::of(principal), question_of(evidence, owner)).allowed();
}

std::string PolicyStep::explain(const Principal& principal, const Evidence& evidence) {
  if (also_ != nullptr && !also_->permits(principal, evidence)) return also_->explain(principal, evidence);
  const std::string owner = owner_of_(evidence.session);
  return policy_.load()->decide(PolicySubject::of(principal), question_of(evidence, owner)).explain();
}

bool PolicyStep::may(const Principal& principal, std::string_view permission,
                     const SessionId& session) const {
  const std::string owner = owner_of_(session);
  PolicyQuestion question;
  question.what = PolicyQuestion::What::permission;
  question.name = permission;
  question.session = session.view();
  question.owner = owner;
  return policy_.load()->decide(PolicySubject::of(principal), question).allowed();
}

void PolicyStep::adopt(std::shared_ptr<const Policy> policy) { policy_.store(std::move(policy)); }

}  // namespace sallyport
