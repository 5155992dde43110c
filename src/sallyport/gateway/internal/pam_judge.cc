// SPDX-License-Identifier: Apache-2.0
#include "sallyport/gateway/internal/pam_judge.h"

namespace sallyport {
namespace {

constexpr std::string_view kProvider = "pam";

Denial denial_of(PamAnswer answer) noexcept {
  switch (answer) {
    case PamAnswer::account_refused:
    case PamAnswer::not_listed:
      return Denial::not_permitted;
    case PamAnswer::unavailable:
      return Denial::store_unavailable;
    case PamAnswer::refused:
    case PamAnswer::admitted:
      break;
  }
  return Denial::wrong_password;
}

}  // namespace

PasswordVerdict PamJudge::check(std::string_view name, const SecretText& password) {
  const PamAnswer answer = pool_.check(name, password);
  PasswordVerdict verdict;
  if (answer == PamAnswer::admitted) {
    verdict.denial = std::nullopt;
    verdict.principal = std::make_shared<const Principal>(
        Principal{std::string(name), PrincipalKind::user, std::string(kProvider), {}});
    return verdict;
  }
  verdict.denial = denial_of(answer);
  if (next_ == nullptr) return verdict;
  auto second = next_->check(name, password);
  return second.principal != nullptr || answer != PamAnswer::unavailable ? second : verdict;
}

bool PamJudge::stands(const PasswordVerdict& verdict) const {
  if (verdict.principal == nullptr) return false;
  return verdict.principal->provider == kProvider || (next_ != nullptr && next_->stands(verdict));
}

std::vector<std::string> PamJudge::take_changed() {
  return next_ == nullptr ? std::vector<std::string>{} : next_->take_changed();
}

}  // namespace sallyport
