// SPDX-License-Identifier: Apache-2.0
// GrantTable: grants found by their digests, laid out so that finding one of a million costs one read of
// main memory, and going through all of them none but the table's own.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "sallyport/credential/credential_store.h"

namespace sallyport::internal {

/// Marks are short hashes of what filters ask for, so that a search seldom leaves the table.
struct Marks {
  std::uint32_t session = 0;
  std::uint32_t principal = 0;
  std::uint32_t family = 0;
  CredentialKind kind = CredentialKind::none;

  explicit Marks(const Grant& grant) noexcept;
};

/// WantedMarks is a filter together with the marks of what it asks for.
class WantedMarks {
 public:
  explicit WantedMarks(const GrantFilter& filter) noexcept;  ///< the filter must outlive it
  [[nodiscard]] bool picks(const Marks& marks, const Grant& grant) const noexcept;

 private:
  const GrantFilter& filter_;
  std::uint32_t session_;
  std::uint32_t principal_;
  std::uint32_t family_;
};

/// GrantTable is an open-addressing table with linear probing and no tombstones. Three arrays lie behind one
/// another in one piece of memory: keys (eight bytes a place, small enough for the caches: where the grant
/// is, and 16 bits of its digest), the grants' references, and what only searches and moves read. Not
/// synchronized, prefetch() excepted.
class GrantTable {
 public:
  /// `digest_bits_used` low bits of each digest are the same in this table and do not choose a place.
  explicit GrantTable(unsigned digest_bits_used) noexcept : shift_(digest_bits_used) {}
  ~GrantTable();
  GrantTable(const GrantTable&) = delete;
  GrantTable& operator=(const GrantTable&) = delete;

  /// prefetch brings what find() will read first into the cache. Any thread, also while another one changes
  /// the table.
  void prefetch(const Digest& digest) const noexcept;
  /// find returns the place of the grant with this digest; the final comparison is constant-time.
  [[nodiscard]] std::optional<std::size_t> find(const Digest& digest) const noexcept;
  /// add takes a grant whose digest is not in the table. Throws std::bad_alloc, and is then unchanged.
  void add(GrantRef grant);
  /// replace puts another grant with the same digest in place of one.
  void replace(std::size_t place, GrantRef grant) noexcept;
  /// erase empties a place, to which it may move a grant that stood later.
  GrantRef erase(std::size_t place) noexcept;

  [[nodiscard]] std::size_t places() const noexcept { return places_; }
  /// grant is null where the place is empty.
  [[nodiscard]] const GrantRef& grant(std::size_t place) const noexcept { return grants_[place]; }
  [[nodiscard]] bool picked(std::size_t place, const WantedMarks& wanted) const noexcept {
    return keys_[place] != 0 && wanted.picks(notes_[place].marks, *grants_[place]);
  }

 private:
  /// Note is what a move needs, so that it need not read the grant, and its marks.
  struct Note {
    std::uint64_t slot;  ///< Digest::slot
    Marks marks;
  };

  [[nodiscard]] std::size_t home(std::uint64_t slot) const noexcept {
    return static_cast<std::size_t>(slot >> shift_) & (places_ - 1);
  }
  [[nodiscard]] std::size_t after(std::size_t place) const noexcept { return (place + 1) & (places_ - 1); }
  void settle(std::uint64_t key, GrantRef grant, const Note& note) noexcept;
  void grow();

  unsigned shift_;
  std::size_t places_ = 0;  ///< a power of two, at most three quarters full
  std::size_t used_ = 0;
  std::uint64_t* keys_ = nullptr;  ///< 0: an empty place
  GrantRef* grants_ = nullptr;
  Note* notes_ = nullptr;
  // For prefetch(): may be out of date.
  std::atomic<const std::uint64_t*> hint_{nullptr};
  std::atomic<std::size_t> hint_places_{0};
};

}  // namespace sallyport::internal
