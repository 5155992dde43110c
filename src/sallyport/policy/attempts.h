// SPDX-License-Identifier: Apache-2.0
// AttemptTable: how often somebody failed lately, per principal and network, and how long he waits therefore.
// Pure: time is an argument.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <string_view>
#include <unordered_map>

#include "sallyport/base/address.h"
#include "sallyport/base/time.h"

namespace sallyport {

struct AttemptLimits {
  std::uint32_t free_failures = 5;  ///< as many failures within `window` cost nothing
  Duration window = std::chrono::seconds(300);
  Duration first_delay = std::chrono::seconds(2);  ///< doubled by each further failure
  Duration delay_max = std::chrono::minutes(15);
  std::size_t entries_max = 4096;
};

/// AttemptKey is (principal, network): a v4 address, the /64 of a v6 address, a Unix peer's uid. Nobody can
/// lock out somebody on another network, and no count is global. An attacker who owns many networks gets many
/// tries: the password's hash and its length are the answer to him, not this table.
struct AttemptKey {
  std::uint64_t hash = 0;
  static AttemptKey of(std::string_view principal, const IpAddress& peer) noexcept;
  static AttemptKey of_local(std::string_view principal, std::uint32_t uid) noexcept;
  friend bool operator==(const AttemptKey&, const AttemptKey&) = default;
};

/// AttemptTable is bounded: where it is full the entry that was touched longest ago goes. One thread at a
/// time.
class AttemptTable {
 public:
  explicit AttemptTable(AttemptLimits limits = {}) : limits_(limits) {}

  /// wait_left is zero where a try is welcome now.
  [[nodiscard]] Duration wait_left(const AttemptKey& key, MonotonicTime now) const;
  /// note_failure counts a failed try; returns how long the next one has to wait. Count before the slow check
  /// and take it back with note_success after it, so that tries side by side do not pass for one.
  Duration note_failure(const AttemptKey& key, MonotonicTime now);
  void note_success(const AttemptKey& key);
  /// take_back uncounts one failure, and the wait that it brought: for a try that turned out well on a key
  /// that many share.
  void take_back(const AttemptKey& key);
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

 private:
  struct KeyHash {
    std::size_t operator()(const AttemptKey& key) const noexcept {
      return static_cast<std::size_t>(key.hash);
    }
  };
  struct Entry {
    std::uint32_t failures = 0;
    MonotonicTime last{};
    MonotonicTime open_again{};
    std::list<AttemptKey>::iterator age;
  };
  [[nodiscard]] Duration delay_after(std::uint32_t failures) const noexcept;

  AttemptLimits limits_;
  std::unordered_map<AttemptKey, Entry, KeyHash> entries_;
  std::list<AttemptKey> ages_;  // front: touched longest ago
};

}  // namespace sallyport
