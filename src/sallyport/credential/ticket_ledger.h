// SPDX-License-Identifier: Apache-2.0
// TicketLedger: which tickets are open, in what order they go when there are too many, and why one is gone.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "sallyport/base/digest.h"
#include "sallyport/base/time.h"
#include "sallyport/identity/principal.h"

namespace sallyport {

/// TicketLimits caps what is open at once; the oldest ticket goes to make room for a new one. Both are at
/// least 1.
struct TicketLimits {
  std::size_t per_user_max = 32;
  std::size_t all_max = 10'000;
};

/// TicketLedger only counts and explains; what admits is the store's atomic take. Any thread.
class TicketLedger {
 public:
  explicit TicketLedger(TicketLimits limits) noexcept;
  /// add notes an open ticket; returns those that are to leave the store: expired, or displaced by this one.
  std::vector<Digest> add(const Digest& digest, const std::string& user, MonotonicTime expires,
                          MonotonicTime now);
  void spend(const Digest& digest);
  /// why_absent explains a ticket that is not in the store: already_used, expired, or unknown_credential.
  [[nodiscard]] Denial why_absent(const Digest& digest, MonotonicTime now) const;
  [[nodiscard]] std::size_t open() const;

 private:
  enum class State : std::uint8_t { open, spent, gone };
  struct Entry {
    Digest digest;
    std::string user;
    MonotonicTime expires;
    State state = State::open;
  };
  using Entries = std::list<Entry>;

  void close(Entries::iterator entry, State state);

  const TicketLimits limits_;
  mutable std::mutex mutex_;
  Entries open_;    // in the order of minting
  Entries closed_;  // in the order of closing; as many as may be open
  std::unordered_map<std::uint64_t, Entries::iterator> by_slot_;
  std::unordered_map<std::string, std::deque<Entries::iterator>> open_of_user_;
};

}  // namespace sallyport
