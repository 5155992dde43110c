// SPDX-License-Identifier: Apache-2.0
#include "sallyport/gateway/session_directory.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/http/path_rule.h"

namespace sallyport {
namespace {

constexpr std::string_view kTicketPath = "/.sallyport/api/auth/ws-ticket";

bool holds(const std::vector<std::string>& list, std::string_view one) noexcept {
  return std::find(list.begin(), list.end(), one) != list.end();
}

Status check_shared(const std::vector<std::string>& with) {
  if (with.size() <= kSharedWithMax) return ok();
  return fail(Code::invalid_argument, concat("a session is shared with at most ", kSharedWithMax, " users"));
}

}  // namespace

Status SessionDirectory::add(SessionEntry entry) {
  SALLYPORT_CHECK(check_shared(entry.shared));
  return add_where(std::move(entry), Room::judged);
}

Status SessionDirectory::restore(SessionEntry entry) { return add_where(std::move(entry), Room::given); }

Status SessionDirectory::add_where(SessionEntry entry, Room room) {
  const std::unique_lock lock(mutex_);
  if (entries_.contains(entry.id)) {
    return fail(Code::already_exists,
                concat("the name ", entry.id.view(), " is taken; choose another, or leave it out"));
  }
  std::size_t& count = per_owner_[entry.owner];
  if (room == Room::judged && entry.owner != admin_ && count >= per_owner_max_) {
    return fail(Code::exhausted,
                concat(entry.owner, " has ", count, " sessions, and may have no more; end one"));
  }
  ++count;
  auto id = entry.id;
  entries_.emplace(std::move(id), std::make_shared<const SessionEntry>(std::move(entry)));
  return ok();
}

void SessionDirectory::remove(const SessionId& id) {
  const std::unique_lock lock(mutex_);
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  const auto owned = per_owner_.find(found->second->owner);
  if (--owned->second == 0) per_owner_.erase(owned);
  entries_.erase(found);
}

Status SessionDirectory::share(const SessionId& id, std::vector<std::string> with) {
  SALLYPORT_CHECK(check_shared(with));
  const std::unique_lock lock(mutex_);
  const auto found = entries_.find(id);
  if (found == entries_.end()) return fail(Code::not_found, "there is no such session");
  SessionEntry changed = *found->second;
  changed.shared = std::move(with);
  found->second = std::make_shared<const SessionEntry>(std::move(changed));
  return ok();
}

SessionEntryRef SessionDirectory::find(const SessionId& id) const {
  const std::shared_lock lock(mutex_);
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : found->second;
}

std::vector<SessionEntryRef> SessionDirectory::visible_to(const Principal& who, std::string_view behind,
                                                          std::size_t count_max) const {
  const bool everything = is_admin(who);
  std::vector<SessionEntryRef> seen;
  const std::shared_lock lock(mutex_);
  for (auto at = entries_.upper_bound(SessionId(std::string(behind))); at != entries_.end(); ++at) {
    if (seen.size() == count_max) break;
    const auto& entry = at->second;
    if (everything || entry->owner == who.id || holds(entry->shared, who.id)) seen.push_back(entry);
  }
  return seen;
}

std::vector<SessionEntryRef> SessionDirectory::all() const {
  std::vector<SessionEntryRef> seen;
  const std::shared_lock lock(mutex_);
  seen.reserve(entries_.size());
  for (const auto& [id, entry] : entries_) seen.push_back(entry);
  return seen;
}

/// A session token and a tool's own credential carry a user's name too, and are worth no more than their
/// session.
bool SessionDirectory::is_admin(const Principal& who) const noexcept {
  if (who.kind != PrincipalKind::user && who.kind != PrincipalKind::service) return false;
  return who.id == admin_ || holds(who.roles, kAdminRole);
}

bool SessionDirectory::may_use(const Principal& who, const SessionId& id) const {
  if (is_admin(who)) return true;
  const auto entry = find(id);
  return entry != nullptr && (entry->owner == who.id || holds(entry->shared, who.id));
}

bool SessionDirectory::may_manage(const Principal& who, const SessionId& id) const {
  const auto entry = find(id);
  return entry != nullptr && (is_admin(who) || entry->owner == who.id);
}

bool SessionDirectory::permits(const Principal& principal, const Evidence& evidence) {
  if (evidence.session.empty()) return true;
  const std::string_view path = evidence.head.target.path;
  if (is_own_path(path) && path != kTicketPath) return true;
  // A tool's own credential was compared with its session and its endpoints already.
  if (principal.kind == PrincipalKind::internal) return true;
  return may_use(principal, evidence.session);
}

}  // namespace sallyport
