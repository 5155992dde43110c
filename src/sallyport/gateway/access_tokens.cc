// SPDX-License-Identifier: Apache-2.0
#include "sallyport/gateway/access_tokens.h"

#include <algorithm>
#include <array>
#include <utility>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

constexpr std::size_t kTokenIdBytes = 6;
constexpr std::size_t kLabelBytesMax = 200;

Status check(const AccessTokenWish& wish) {
  if (wish.owner.empty() || wish.owner.size() > 64)
    return fail(Code::invalid_argument, "a token needs the name of a user");
  if (wish.label.size() > kLabelBytesMax)
    return fail(Code::invalid_argument, concat("a label has at most ", kLabelBytesMax, " bytes"));
  if (wish.ttl && (*wish.ttl <= Duration::zero() || *wish.ttl > kAccessTokenLifeMax))
    return fail(Code::invalid_argument, "ttl is at most 3650 days");
  return ok();
}

}  // namespace

Result<CreatedAccessToken> AccessTokens::create(AccessTokenWish wish, const Grant* maker) {
  SALLYPORT_CHECK(check(wish));
  const auto now = monotonic_.now();
  Minted minted = mint(CredentialKind::access_token, entropy_);
  std::array<std::byte, kTokenIdBytes> drawn{};
  entropy_.fill(drawn);
  AccessTokenRecord record;
  record.id = to_hex(drawn);
  record.label = std::move(wish.label);
  record.owner = std::move(wish.owner);
  record.roles = std::move(wish.roles);
  record.session = wish.session;
  record.digest = minted.digest;
  record.created = clock_.now();
  const bool heir = maker != nullptr && passes_on(*maker);
  if (heir) record.made_with = maker->digest;
  MonotonicTime expires = wish.ttl ? after(now, *wish.ttl) : kNever;
  if (heir) expires = std::min(expires, maker->expires);
  if (expires != kNever) record.expires = DurableTime{record.created + (expires - now), expires, {}};
  Grant grant;
  grant.kind = CredentialKind::access_token;
  grant.digest = minted.digest;
  grant.principal = std::make_shared<const Principal>(
      Principal{record.owner, PrincipalKind::user, "access-token", record.roles});
  grant.session = record.session;
  grant.issued = now;
  grant.expires = record.expires.monotonic;
  grant.used = UsageMark(now);
  grant.family = family_of(minted.digest);
  const std::lock_guard lock(mutex_);
  forget_ended(now);
  SALLYPORT_CHECK(judge_room(record.owner));
  SALLYPORT_CHECK(records_.put(record));
  if (auto put = store_.put_made_with(maker, std::move(grant)); !put) {
    (void)records_.remove(record.id);
    return std::move(put).error();
  }
  auto id = record.id;
  kept_.emplace(id, std::move(record));
  return CreatedAccessToken{std::move(id), std::move(minted)};
}

Status AccessTokens::revoke(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto found = kept_.find(id);
  if (found == kept_.end()) return fail(Code::not_found, "there is no such access token");
  store_.remove_family(found->second.digest);  // the door closes first, whatever the disk says
  SALLYPORT_CHECK(records_.remove(id));
  kept_.erase(found);
  forget_ended(monotonic_.now());
  return ok();
}

/// judge_room counts those that live. Called with the lock held.
Status AccessTokens::judge_room(const std::string& owner) const {
  if (kept_.size() >= kAccessTokensMax)
    return fail(Code::exhausted, concat("there are ", kAccessTokensMax, " access tokens; revoke some"));
  if (owner == limits_.admin) return ok();
  const auto own = std::count_if(kept_.begin(), kept_.end(),
                                 [&owner](const auto& one) { return one.second.owner == owner; });
  if (static_cast<std::size_t>(own) < limits_.per_owner_max) return ok();
  return fail(
      Code::exhausted,
      concat(owner, " has ", own, " access tokens, and may have no more (--tokens-per-owner); revoke one"));
}

/// forget_ended drops what expired, and what ended with the credential that it was made with. Called with the
/// lock held.
void AccessTokens::forget_ended(MonotonicTime now) {
  std::erase_if(kept_, [&](const auto& one) {
    const auto& [id, record] = one;
    if (now < record.expires.monotonic && store_.find(record.digest) != nullptr) return false;
    (void)records_.remove(id);  // where that fails, its expiry or its maker's end rules at the next start
    return true;
  });
}

std::size_t AccessTokens::revoke_owner(const std::string& owner) {
  std::size_t count = 0;
  for (const auto& record : list(owner)) count += revoke(record.id) ? 1 : 0;
  return count;
}

std::vector<AccessTokenRecord> AccessTokens::list(const std::string& owner) const {
  const auto now = monotonic_.now();
  std::vector<AccessTokenRecord> found;
  const std::lock_guard lock(mutex_);
  for (const auto& [id, record] : kept_) {
    if (!owner.empty() && record.owner != owner) continue;
    if (now < record.expires.monotonic && store_.find(record.digest) != nullptr) found.push_back(record);
  }
  return found;
}

}  // namespace sallyport
