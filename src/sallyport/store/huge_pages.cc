// SPDX-License-Identifier: Apache-2.0
#include "sallyport/store/huge_pages.h"

#include <sys/mman.h>

namespace sallyport {
namespace {

std::align_val_t alignment_of(std::size_t bytes) noexcept {
  return std::align_val_t{bytes >= kHugePageBytes ? kHugePageBytes : kCacheLineBytes};
}

}  // namespace

void* take_pages(std::size_t bytes) {
  void* const pages = ::operator new(bytes, alignment_of(bytes));
  if (bytes >= kHugePageBytes) {
    (void)madvise(pages, bytes / kHugePageBytes * kHugePageBytes, MADV_HUGEPAGE);  // a wish: small ones do
  }
  return pages;
}

void give_pages(void* pages, std::size_t bytes) noexcept { ::operator delete(pages, alignment_of(bytes)); }

}  // namespace sallyport
