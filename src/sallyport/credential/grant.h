// SPDX-License-Identifier: Apache-2.0
// Grant: what a live credential opens, kept under its digest. Admission: the outcome of presenting one.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sallyport/base/digest.h"
#include "sallyport/base/time.h"
#include "sallyport/identity/principal.h"

namespace sallyport {

/// TicketBinding is where one WebSocket ticket may be used.
struct TicketBinding {
  std::string path;    ///< exact, canonical as Target::path
  std::string origin;  ///< exact serialisation, "https://host:port"
  Digest minted_by;    ///< of the login or token that asked for it; connections are bound to that one
};

/// InternalBinding is where one child's internal credential may be used.
struct InternalBinding {
  std::vector<std::string> endpoints;  ///< exact paths; none: nowhere
};

/// LinkBinding is what the login that a one-time link begins needs to know.
struct LinkBinding {
  std::optional<Digest> made_with;  ///< of the credential with which it was made; none: by the kernel's word
  std::string next = "/";           ///< where it leads: a path of its origin
};

/// UsageMark remembers, to the second, when a credential was last used. Any thread.
class UsageMark {
 public:
  UsageMark() = default;
  explicit UsageMark(MonotonicTime at) noexcept : at_(at.time_since_epoch().count()) {}
  UsageMark(const UsageMark& other) noexcept : at_(other.at_.load(std::memory_order_relaxed)) {}
  UsageMark& operator=(const UsageMark& other) noexcept {
    at_.store(other.at_.load(std::memory_order_relaxed), std::memory_order_relaxed);
    return *this;
  }
  [[nodiscard]] MonotonicTime last() const noexcept {
    return MonotonicTime(Duration(at_.load(std::memory_order_relaxed)));
  }
  /// touch moves the mark forward, in steps of a second so that busy threads do not fight for the cache line.
  void touch(MonotonicTime now) const noexcept {
    if (now - last() >= std::chrono::seconds(1)) {
      at_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
    }
  }

 private:
  mutable std::atomic<Duration::rep> at_{0};
};

/// family_of names the credentials that were made with `maker` and die together with it.
inline std::uint64_t family_of(const Digest& maker) noexcept { return maker.slot(); }

/// kNeverIdle is an idle lifetime that never ends.
inline constexpr Duration kNeverIdle = Duration::max();

/// Grant is immutable once in a store, its usage mark excepted, and shared by whoever is using the
/// credential. The default one is expired and names nobody.
struct Grant {
  // First what each check reads, so that it lies together.
  Digest digest;
  MonotonicTime expires{};
  Duration idle_max = kNeverIdle;
  UsageMark used;
  CredentialKind kind = CredentialKind::none;
  SessionId session;  ///< the only session that it opens; empty: not bound to one
  std::shared_ptr<const Principal> principal;
  MonotonicTime issued{};
  std::uint64_t family = 0;  ///< 0: none; else family_of(its maker, or itself), and dies with that one
  std::unique_ptr<const TicketBinding> ticket;      ///< tickets only
  std::unique_ptr<const InternalBinding> internal;  ///< internal credentials only
  std::unique_ptr<const LinkBinding> link;          ///< login links only

  /// live_at says whether the credential may be used: strictly before it expires, and not idle for too long.
  [[nodiscard]] bool live_at(MonotonicTime now) const noexcept {
    return now < expires && (idle_max == kNeverIdle || now - used.last() < idle_max);
  }
  /// holder is the digest to which a connection opened with this credential is bound: what ends it, ends the
  /// connection.
  [[nodiscard]] const Digest& holder() const noexcept { return ticket ? ticket->minted_by : digest; }
};

/// passes_on says whether logins and tokens that are made with `maker` end with it. A token's do. A login
/// stands for a person, whose tokens and other logins outlive a logout, unless it was itself made with a
/// token.
bool passes_on(const Grant& maker) noexcept;

/// copy_of makes a second Grant, for a change of one field.
Grant copy_of(const Grant& grant);

using GrantRef = std::shared_ptr<const Grant>;

/// Admission is the outcome of presenting a credential. The default one is a denial.
class [[nodiscard]] Admission {
 public:
  Admission() = default;
  static Admission admitted(GrantRef grant) noexcept { return Admission(std::nullopt, std::move(grant)); }
  /// denied may carry the grant that was not honoured, for the audit log.
  static Admission denied(Denial why, GrantRef suspect = nullptr) noexcept {
    return Admission(why, std::move(suspect));
  }

  [[nodiscard]] bool ok() const noexcept { return !denial_ && grant_ != nullptr; }
  explicit operator bool() const noexcept { return ok(); }
  /// denial is why not; unspecified where ok().
  [[nodiscard]] Denial denial() const noexcept { return denial_.value_or(Denial::unspecified); }
  /// grant is what was admitted; null unless ok().
  [[nodiscard]] GrantRef grant() const noexcept { return ok() ? grant_ : nullptr; }
  /// suspect is whose credential was refused, for the audit log only; null where that is not known.
  [[nodiscard]] GrantRef suspect() const noexcept { return ok() ? nullptr : grant_; }

 private:
  Admission(std::optional<Denial> denial, GrantRef grant) noexcept
      : denial_(denial), grant_(std::move(grant)) {}
  std::optional<Denial> denial_ = Denial::unspecified;
  GrantRef grant_;
};

}  // namespace sallyport
