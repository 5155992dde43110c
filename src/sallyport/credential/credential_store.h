// SPDX-License-Identifier: Apache-2.0
// CredentialStore: where grants are kept under the digests of their credentials. The interface stands here
// because tickets, logins and session tokens use it; the stores themselves are in store/.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/credential/grant.h"

namespace sallyport {

/// GrantFilter picks grants by all of its fields that are set. With none set it picks nothing. `except`
/// spares one grant and does not count as set.
struct GrantFilter {
  std::optional<CredentialKind> kind;
  std::optional<SessionId> session;
  std::optional<std::string> principal;  ///< Principal::id
  std::optional<std::uint64_t> family;
  std::optional<Digest> except;

  [[nodiscard]] bool picks_nothing() const noexcept { return !kind && !session && !principal && !family; }
  [[nodiscard]] bool picks(const Grant& grant) const noexcept;
};

/// SweepProgress tells what one step of a sweep did.
struct SweepProgress {
  std::size_t looked_at = 0;
  std::size_t removed = 0;
  enum class Round : std::uint8_t { going_on, complete } round = Round::going_on;
};

/// Removal is why a grant left the store.
enum class Removal : std::uint8_t { revoked, expired };

/// CredentialStore: any thread may call anything at any time, but subscribe only before the store is shared.
/// Nothing in it can be turned back into a credential. It does not judge lifetimes: callers ask
/// Grant::live_at, sweep only frees memory.
class CredentialStore {
 public:
  /// Called for each grant that was removed, swept included and take excluded, on the thread that removed it,
  /// after the store's locks are released.
  using RemovalObserver = std::function<void(const Grant&, Removal)>;

  virtual ~CredentialStore() = default;

  /// put adds a grant. Errors: already_exists; exhausted (the store's cap); unavailable (a store that is
  /// away); invalid_argument (a grant without principal or kind).
  virtual Status put(Grant grant) = 0;
  /// put_heir puts a grant that was made with `maker`: it ends with that one, and at the latest when that one
  /// expires. A maker that no store keeps, such as the kernel's word, has no heirs: then as put. Errors: as
  /// put; unauthenticated where the maker ended meanwhile.
  Status put_heir(Grant grant, const Grant& maker);
  /// put_made_with is put_heir where there is a maker that passes_on, else put.
  Status put_made_with(const Grant* maker, Grant grant);
  /// find returns the grant kept under `digest`, or null. Hot: at most 0.5 us with a million grants.
  [[nodiscard]] virtual GrantRef find(const Digest& digest) const = 0;
  /// take removes and returns the grant, or null: of any number of racing callers exactly one gets it. No
  /// observer is told.
  [[nodiscard]] virtual GrantRef take(const Digest& digest) = 0;
  /// shorten brings the grant's expiry forward to `expires`; a later time changes nothing. Error: not_found.
  virtual Status shorten(const Digest& digest, MonotonicTime expires) = 0;
  /// remove returns how many were removed: 0 or 1.
  virtual std::size_t remove(const Digest& digest) = 0;
  /// remove_where removes all that the filter picks; bounded by the size of the store. Returns how many.
  virtual std::size_t remove_where(const GrantFilter& filter) = 0;
  /// remove_family removes `root` first, then all that were made with it, then what was made with those, so
  /// that whoever mints a descendant and then still finds its maker knows that its own grant will not be
  /// missed.
  std::size_t remove_family(const Digest& root);
  /// list returns at most `grants_max` of what the filter picks, in no order.
  [[nodiscard]] virtual std::vector<GrantRef> list(const GrantFilter& filter,
                                                   std::size_t grants_max) const = 0;
  /// sweep looks at no more than about `steps_max` places from where the last call ended, and removes what is
  /// no longer live.
  virtual SweepProgress sweep(MonotonicTime now, std::size_t steps_max) = 0;
  [[nodiscard]] virtual std::size_t count() const = 0;
  virtual void subscribe(RemovalObserver observer) = 0;
};

}  // namespace sallyport
