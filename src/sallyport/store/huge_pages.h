// SPDX-License-Identifier: Apache-2.0
// Memory for tables that are read in random order: of a million small pages each read would miss the TLB as
// well as the caches, of a few hundred large ones it does not.
#pragma once

#include <cstddef>
#include <new>

namespace sallyport {

inline constexpr std::size_t kHugePageBytes = std::size_t{2}
                                              << 20;  // x86-64, and AArch64 with pages of 4 KiB
inline constexpr std::size_t kCacheLineBytes = 64;

/// take_pages allocates `bytes`, aligned to a cache line; from one huge page on aligned to those, and with
/// the kernel asked for them. Where it has none, small ones do. Throws std::bad_alloc.
void* take_pages(std::size_t bytes);
void give_pages(void* pages, std::size_t bytes) noexcept;

/// HugePages is take_pages as a container's allocator.
template <class T>
struct HugePages {
  using value_type = T;
  HugePages() = default;
  template <class Other>
  explicit(false) HugePages(const HugePages<Other>& /*other*/) noexcept {}
  T* allocate(std::size_t count) {
    if (count > static_cast<std::size_t>(-1) / sizeof(T)) throw std::bad_array_new_length();
    return static_cast<T*>(take_pages(count * sizeof(T)));
  }
  void deallocate(T* first, std::size_t count) noexcept { give_pages(first, count * sizeof(T)); }
  friend bool operator==(const HugePages& /*one*/, const HugePages& /*other*/) { return true; }
};

}  // namespace sallyport
