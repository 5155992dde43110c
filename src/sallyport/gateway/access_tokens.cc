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

Grant grant_of(const AccessTokenRecord& record, MonotonicTime now) {
  Grant grant;
  grant.kind = CredentialKind::access_token;
  grant.digest = record.digest;
  grant.principal = std::make_shared<const Principal>(
      Principal{record.owner, PrincipalKind::user, "access-token", record.roles});
  grant.session = record.session;
  grant.issued = now;
  grant.expires = record.expires.monotonic;
  grant.used = UsageMark(now);
  grant.family = family_of(record.digest);
  return grant;
}

}  // namespace

Result<CreatedAccessToken> AccessTokens::create(AccessTokenWish wish, const Grant* maker) {
  SALLYPORT_CHECK(check(wish));
  const auto now = clock_.now();
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
  record.created = clock_.wall();
  const bool heir = maker != nullptr && passes_on(*maker);
  if (heir) record.made_with = maker->digest;
  MonotonicTime expires = wish.ttl ? after(now, *wish.ttl) : kNever;
  if (heir) expires = std::min(expires, maker->expires);
  record.expires = clock_.keep(expires);
  forget_ended();
  {
    const std::lock_guard lock(mutex_);
    SALLYPORT_CHECK(judge_room(record.owner));
    coming_.insert(record.owner);
  }
  // The disk is waited for without the lock: a list on an event loop needs that.
  Status kept = records_.put(record);
  if (kept) kept = store_.put_made_with(maker, grant_of(record, now));
  const std::lock_guard lock(mutex_);
  coming_.erase(coming_.find(record.owner));
  if (!kept) {
    (void)records_.remove(record.id);
    return std::move(kept).error();
  }
  auto id = record.id;
  kept_.emplace(id, std::move(record));
  return CreatedAccessToken{std::move(id), std::move(minted)};
}

Status AccessTokens::revoke(const std::string& id) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = kept_.find(id);
    if (found == kept_.end()) return fail(Code::not_found, "there is no such access token");
    store_.remove_family(found->second.digest);  // the door closes first, whatever the disk says
  }
  SALLYPORT_CHECK(records_.remove(id));
  {
    const std::lock_guard lock(mutex_);
    kept_.erase(id);
  }
  forget_ended();
  return ok();
}

std::size_t AccessTokens::restore_some() {
  const auto now = clock_.now();
  std::size_t restored = 0;
  const std::lock_guard lock(mutex_);
  std::erase_if(waiting_, [&](AccessTokenRecord& record) {
    const MonotonicTime expires = clock_.revive(record.expires, record.created);
    if (expires <= now) return false;
    const GrantRef maker = record.made_with ? store_.find(*record.made_with) : nullptr;
    if (record.made_with && maker == nullptr) return false;
    record.expires = clock_.keep(expires);
    Grant grant = grant_of(record, now);
    if (!(maker == nullptr ? store_.put(std::move(grant)) : store_.put_heir(std::move(grant), *maker)))
      return false;
    auto id = record.id;
    kept_.emplace(std::move(id), std::move(record));
    ++restored;
    return true;
  });
  return restored;
}

void AccessTokens::forget_waiting() {
  for (const auto& record : std::exchange(waiting_, {})) (void)records_.remove(record.id);
}

/// judge_room counts those that live. Called with the lock held.
Status AccessTokens::judge_room(const std::string& owner) const {
  if (kept_.size() + coming_.size() >= kAccessTokensMax)
    return fail(Code::exhausted, concat("there are ", kAccessTokensMax, " access tokens; revoke some"));
  if (owner == limits_.admin) return ok();
  const auto own = std::count_if(kept_.begin(), kept_.end(),
                                 [&owner](const auto& one) { return one.second.owner == owner; });
  if (static_cast<std::size_t>(own) + coming_.count(owner) < limits_.per_owner_max) return ok();
  return fail(
      Code::exhausted,
      concat(owner, " has ", own, " access tokens, and may have no more (--tokens-per-owner); revoke one"));
}

/// ended returns what expired, and what ended with the credential that it was made with. Called with the lock
/// held.
std::vector<std::string> AccessTokens::ended(MonotonicTime now) const {
  std::vector<std::string> found;
  for (const auto& [id, record] : kept_) {
    if (now >= record.expires.monotonic || store_.find(record.digest) == nullptr) found.push_back(id);
  }
  return found;
}

/// forget_ended keeps what the records would not let go: a token whose revocation was not written down yet
/// can be revoked again.
void AccessTokens::forget_ended() {
  std::vector<std::string> over;
  {
    const std::lock_guard lock(mutex_);
    over = ended(clock_.now());
  }
  std::erase_if(over, [this](const std::string& id) { return !records_.remove(id); });
  const std::lock_guard lock(mutex_);
  for (const auto& id : over) kept_.erase(id);
}

std::size_t AccessTokens::revoke_owner(const std::string& owner) {
  std::size_t count = 0;
  for (const auto& record : list(owner)) count += revoke(record.id) ? 1 : 0;
  return count;
}

std::vector<AccessTokenRecord> AccessTokens::list(const std::string& owner) const {
  const auto now = clock_.now();
  std::vector<AccessTokenRecord> found;
  const std::lock_guard lock(mutex_);
  for (const auto& [id, record] : kept_) {
    if (!owner.empty() && record.owner != owner) continue;
    if (now < record.expires.monotonic && store_.find(record.digest) != nullptr) found.push_back(record);
  }
  return found;
}

}  // namespace sallyport
