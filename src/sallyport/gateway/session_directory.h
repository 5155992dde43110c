// SPDX-License-Identifier: Apache-2.0
// SessionDirectory: whose each session is, and who may use it. The rule that keeps people out of each other's
// sessions, at every door.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "sallyport/authn/gate.h"
#include "sallyport/base/result.h"
#include "sallyport/gateway/route.h"
#include "sallyport/identity/principal.h"

namespace sallyport {

inline constexpr std::size_t kSharedWithMax = 100;
inline constexpr std::string_view kAdminRole = "admin";

/// SessionEntry is what does not change while a session lives, its sharing excepted, which makes a new one.
struct SessionEntry {
  SessionId id;
  std::string name;
  std::string owner;
  std::vector<std::string> shared;
  SessionRoute::Reached reached = SessionRoute::Reached::by_origin;
  WallTime created{};
  std::shared_ptr<TrafficCounters> traffic = std::make_shared<TrafficCounters>();
};
using SessionEntryRef = std::shared_ptr<const SessionEntry>;

/// SessionDirectory promises: a session may be used by its owner, by those with whom it is shared and by
/// admins; a session that does not exist, by admins only, so that to everybody else it looks like one of
/// somebody else's. The user who runs the gateway is an admin, and who has the role `admin`. Any thread.
class SessionDirectory final : public PermissionRule {
 public:
  /// `admin` is the principal id of the user who runs the gateway; `per_owner_max` holds for everybody else.
  SessionDirectory(std::string admin, std::size_t per_owner_max)
      : admin_(std::move(admin)), per_owner_max_(per_owner_max) {}

  /// add: already_exists, exhausted (the owner has as many as he may), invalid_argument (too many to share
  /// with).
  Status add(SessionEntry entry);
  /// restore is add without a limit, for what was within it once. Error: already_exists.
  Status restore(SessionEntry entry);
  void remove(const SessionId& id);
  /// share replaces the list of those who may use the session besides its owner. Errors: not_found,
  /// invalid_argument.
  Status share(const SessionId& id, std::vector<std::string> with);

  /// find returns the entry, null where there is none.
  [[nodiscard]] SessionEntryRef find(const SessionId& id) const;
  /// visible_to lists what `who` may use, by id, after `behind` (empty: from the start), at most `count_max`.
  [[nodiscard]] std::vector<SessionEntryRef> visible_to(const Principal& who, std::string_view behind,
                                                        std::size_t count_max) const;
  [[nodiscard]] std::vector<SessionEntryRef> all() const;

  [[nodiscard]] bool is_admin(const Principal& who) const noexcept;
  /// may_use is the rule; may_manage, for ending and rotating, leaves out those with whom it is only shared.
  [[nodiscard]] bool may_use(const Principal& who, const SessionId& id) const;
  [[nodiscard]] bool may_manage(const Principal& who, const SessionId& id) const;

  /// permits holds may_use at a session's origin or path; the gate's own pages there are for everybody who is
  /// known, so that somebody who is in the wrong place can sign out.
  [[nodiscard]] bool permits(const Principal& principal, const Evidence& evidence) override;

 private:
  enum class Room : std::uint8_t { judged, given };
  Status add_where(SessionEntry entry, Room room);

  const std::string admin_;
  const std::size_t per_owner_max_;
  mutable std::shared_mutex mutex_;
  std::map<SessionId, SessionEntryRef> entries_;            ///< guarded by mutex_
  std::unordered_map<std::string, std::size_t> per_owner_;  ///< guarded by mutex_
};

}  // namespace sallyport
