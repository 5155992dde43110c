// SPDX-License-Identifier: Apache-2.0
// PamJudge: PAM as a judge of passwords, with the password book behind it where both are wanted.
#pragma once

#include "sallyport/credential/passwords.h"
#include "sallyport/pam/pam_pool.h"

namespace sallyport {

/// PamJudge asks PAM first, then `next` where that is given, about whom PAM did not admit. An answer that PAM
/// could not give is never a refusal of the person, and never an admission: `store_unavailable`, unless
/// `next` admits.
class PamJudge final : public PasswordJudge {
 public:
  /// Both outlive the judge; `next` may be null.
  PamJudge(PamPool& pool, PasswordJudge* next) : pool_(pool), next_(next) {}

  PasswordVerdict check(std::string_view name, const SecretText& password) override;
  /// stands: what PAM admitted is not watched afterwards; a changed system password ends no login.
  [[nodiscard]] bool stands(const PasswordVerdict& verdict) const override;
  std::vector<std::string> take_changed() override;

 private:
  PamPool& pool_;
  PasswordJudge* next_;
};

}  // namespace sallyport
