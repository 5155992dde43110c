// SPDX-License-Identifier: Apache-2.0
// Do grants lie on lines of their own, come back for reuse, and outlive the store that made them?
#include "sallyport/store/internal/grant_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <thread>
#include <vector>

#include "sallyport/store/credential_store.h"

namespace sallyport {
namespace {

using internal::GrantPool;

Grant numbered(unsigned number) {
  Grant grant;
  grant.kind = CredentialKind::access_token;
  grant.principal = std::make_shared<const Principal>(Principal{"alice", PrincipalKind::user, "test", {}});
  grant.family = number;
  grant.digest.bytes[0] = static_cast<std::byte>(number);
  return grant;
}

std::uintptr_t line_of(const GrantRef& grant) {
  return reinterpret_cast<std::uintptr_t>(grant.get()) / kCacheLineBytes;
}

TEST(GrantPool, no_two_grants_share_a_cache_line_however_many_pieces_they_take) {
  const auto pool = std::make_shared<GrantPool>();
  std::vector<GrantRef> grants;
  for (unsigned i = 0; i < 40'000; ++i) grants.push_back(GrantPool::make(pool, numbered(i)));
  std::vector<std::uintptr_t> lines;
  for (unsigned i = 0; i < grants.size(); ++i) {
    EXPECT_EQ(grants[i]->family, i);
    lines.push_back(line_of(grants[i]));
  }
  std::sort(lines.begin(), lines.end());
  EXPECT_EQ(std::adjacent_find(lines.begin(), lines.end()), lines.end());
}

TEST(GrantPool, a_block_that_came_back_is_given_again) {
  const auto pool = std::make_shared<GrantPool>();
  GrantRef grant = GrantPool::make(pool, numbered(1));
  const std::uintptr_t line = line_of(grant);
  grant = nullptr;
  EXPECT_EQ(line_of(GrantPool::make(pool, numbered(2))), line);
}

TEST(GrantPool, a_grant_outlives_its_store) {
  GrantRef held;
  {
    MemoryCredentialStore store;
    ASSERT_TRUE(store.put(numbered(3)));
    held = store.find(numbered(3).digest);
  }
  ASSERT_NE(held, nullptr);
  EXPECT_EQ(held->principal->id, "alice");
  EXPECT_EQ(held->family, 3U);
}

TEST(GrantPool, threads_give_and_take_at_once) {
  const auto pool = std::make_shared<GrantPool>();
  std::vector<std::jthread> threads;
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([&pool, t] {
      std::vector<GrantRef> held;
      for (unsigned i = 0; i < 5000; ++i) {
        held.push_back(GrantPool::make(pool, numbered(t)));
        if (held.size() == 100) held.clear();
      }
      for (const GrantRef& grant : held) EXPECT_EQ(grant->family, t);
    });
  }
}

TEST(HugePages, are_aligned_to_what_they_are_made_of) {
  for (const std::size_t bytes : {std::size_t{64}, kHugePageBytes, 3 * kHugePageBytes}) {
    void* const pages = take_pages(bytes);
    const std::size_t alignment = bytes < kHugePageBytes ? kCacheLineBytes : kHugePageBytes;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(pages) % alignment, 0U);
    give_pages(pages, bytes);
  }
}

}  // namespace
}  // namespace sallyport
