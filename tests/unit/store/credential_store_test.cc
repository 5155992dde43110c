// SPDX-License-Identifier: Apache-2.0
// Does the store keep what was put, give a taken grant to one caller only, and sweep in bounded steps?
#include "sallyport/store/credential_store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <barrier>
#include <set>
#include <thread>

#include "sallyport/base/text.h"
#include "sallyport/crypto/digest.h"

namespace sallyport {
namespace {

constexpr MonotonicTime kStart{std::chrono::hours(1)};

std::shared_ptr<const Principal> person(std::string id) {
  return std::make_shared<const Principal>(Principal{std::move(id), PrincipalKind::user, "test", {}});
}

Grant grant_of(std::string_view token, std::string user = "alice", std::string session = "") {
  Grant grant;
  grant.kind = CredentialKind::session_token;
  grant.digest = sha256(token);
  grant.principal = person(std::move(user));
  grant.session = SessionId(std::move(session));
  grant.issued = kStart;
  grant.expires = kStart + std::chrono::hours(1);
  grant.used = UsageMark(kStart);
  return grant;
}

std::string numbered(std::size_t i) { return concat("token ", i); }

/// put_numbered adds grants `first` to `last` (exclusive).
void put_numbered(MemoryCredentialStore& store, std::size_t first, std::size_t last) {
  for (std::size_t i = first; i < last; ++i) ASSERT_TRUE(store.put(grant_of(numbered(i))));
}

TEST(CredentialStore, finds_what_was_put_and_nothing_else) {
  MemoryCredentialStore store;
  EXPECT_EQ(store.find(sha256("a")), nullptr);
  ASSERT_TRUE(store.put(grant_of("a", "alice", "one")));
  const GrantRef found = store.find(sha256("a"));
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->principal->id, "alice");
  EXPECT_EQ(found->session.view(), "one");
  EXPECT_EQ(store.find(sha256("b")), nullptr);
  EXPECT_EQ(store.find(Digest{}), nullptr);
}

TEST(CredentialStore, a_digest_that_shares_its_first_bytes_is_another_one) {
  MemoryCredentialStore store;
  Grant one = grant_of("a");
  Digest near = one.digest;
  near.bytes[31] ^= std::byte{1};
  ASSERT_TRUE(store.put(std::move(one)));
  EXPECT_EQ(store.find(near), nullptr);
  EXPECT_EQ(store.take(near), nullptr);
  Grant other = grant_of("b", "bob");
  other.digest = near;
  ASSERT_TRUE(store.put(std::move(other)));
  EXPECT_EQ(store.find(near)->principal->id, "bob");
  EXPECT_EQ(store.find(sha256("a"))->principal->id, "alice");
}

TEST(CredentialStore, refuses_duplicates_and_grants_for_nobody) {
  MemoryCredentialStore store;
  ASSERT_TRUE(store.put(grant_of("a")));
  EXPECT_EQ(store.put(grant_of("a", "mallory")).error().code, Code::already_exists);
  EXPECT_EQ(store.find(sha256("a"))->principal->id, "alice");
  EXPECT_EQ(store.put(Grant{}).error().code, Code::invalid_argument);
  Grant nobody = grant_of("b");
  nobody.principal = nullptr;
  EXPECT_EQ(store.put(std::move(nobody)).error().code, Code::invalid_argument);
  EXPECT_EQ(store.count(), 1U);
}

TEST(CredentialStore, the_cap_holds_and_a_removal_makes_room) {
  MemoryCredentialStore store(3);
  put_numbered(store, 0, 3);
  EXPECT_EQ(store.put(grant_of("one more")).error().code, Code::exhausted);
  EXPECT_EQ(store.count(), 3U);
  EXPECT_EQ(store.remove(sha256(numbered(1))), 1U);
  EXPECT_TRUE(store.put(grant_of("one more")));
}

TEST(CredentialStore, thousands_come_and_go_in_any_order) {
  constexpr std::size_t kCount = 20'000;
  MemoryCredentialStore store;
  put_numbered(store, 0, kCount);
  EXPECT_EQ(store.count(), kCount);
  for (std::size_t i = 0; i < kCount; i += 3) EXPECT_EQ(store.remove(sha256(numbered(i))), 1U);
  for (std::size_t i = 0; i < kCount; ++i) {
    EXPECT_EQ(store.find(sha256(numbered(i))) != nullptr, i % 3 != 0) << i;
  }
  put_numbered(store, kCount, kCount + 5000);
  for (std::size_t i = 1; i < kCount; i += 3) EXPECT_NE(store.take(sha256(numbered(i))), nullptr) << i;
  for (std::size_t i = 2; i < kCount; i += 3) EXPECT_NE(store.find(sha256(numbered(i))), nullptr) << i;
  EXPECT_EQ(store.count(), kCount + 5000 - 2 * ((kCount + 2) / 3));
}

TEST(CredentialStore, WT_02_of_64_racing_takers_exactly_one_wins_every_time) {
  MemoryCredentialStore store;
  constexpr std::size_t kRounds = 50;
  constexpr std::ptrdiff_t kTakers = 64;
  put_numbered(store, 0, kRounds);
  std::vector<std::atomic<int>> wins(kRounds);
  std::barrier gun(kTakers);
  {
    std::vector<std::jthread> takers;
    for (std::ptrdiff_t t = 0; t < kTakers; ++t) {
      takers.emplace_back([&] {
        for (std::size_t round = 0; round < kRounds; ++round) {
          gun.arrive_and_wait();
          if (store.take(sha256(numbered(round))) != nullptr) ++wins[round];
        }
      });
    }
  }
  for (const auto& each : wins) EXPECT_EQ(each.load(), 1);
  EXPECT_EQ(store.count(), 0U);
}

TEST(CredentialStore, readers_writers_sweepers_and_removers_at_once) {
  MemoryCredentialStore store;
  put_numbered(store, 0, 500);
  std::atomic<bool> stop{false};
  std::atomic<std::size_t> found{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&] {
        while (!stop.load()) {
          for (std::size_t i = 0; i < 500; ++i) {
            if (const GrantRef grant = store.find(sha256(numbered(i)))) {
              grant->used.touch(kStart + std::chrono::seconds(5));
              ++found;
            }
          }
        }
      });
    }
    threads.emplace_back([&] {
      for (int round = 0; round < 5; ++round) {
        put_numbered(store, 1000, 1200);
        GrantFilter all;
        all.principal = "alice";
        EXPECT_EQ(store.list(all, 5).size(), 5U);
        for (std::size_t i = 1000; i < 1200; ++i) EXPECT_EQ(store.remove(sha256(numbered(i))), 1U);
        (void)store.sweep(kStart, 300);
      }
      stop = true;
    });
  }
  EXPECT_EQ(store.count(), 500U);
}

TEST(CredentialStore, removes_by_session_by_principal_and_by_family_and_spares_one) {
  MemoryCredentialStore store;
  const auto add = [&store](std::string_view token, std::string user, std::string session,
                            std::uint64_t family) {
    Grant grant = grant_of(token, std::move(user), std::move(session));
    grant.family = family;
    ASSERT_TRUE(store.put(std::move(grant)));
  };
  add("a1", "alice", "one", 7);
  add("a2", "alice", "two", 7);
  add("a3", "alice", "one", 8);
  add("b1", "bob", "one", 9);
  GrantFilter family;
  family.family = 7;
  family.except = sha256("a2");
  EXPECT_EQ(store.remove_where(family), 1U);
  EXPECT_EQ(store.find(sha256("a1")), nullptr);
  GrantFilter both;
  both.principal = "alice";
  both.session = SessionId("one");
  EXPECT_EQ(store.remove_where(both), 1U);
  EXPECT_EQ(store.find(sha256("a3")), nullptr);
  EXPECT_NE(store.find(sha256("b1")), nullptr);
  GrantFilter session;
  session.session = SessionId("one");
  EXPECT_EQ(store.remove_where(session), 1U);
  EXPECT_EQ(store.count(), 1U);
}

TEST(CredentialStore, an_empty_filter_picks_nothing) {
  MemoryCredentialStore store;
  put_numbered(store, 0, 10);
  GrantFilter only_except;
  only_except.except = sha256("x");
  EXPECT_EQ(store.remove_where(GrantFilter{}), 0U);
  EXPECT_EQ(store.remove_where(only_except), 0U);
  EXPECT_TRUE(store.list(GrantFilter{}, 10).empty());
  EXPECT_EQ(store.count(), 10U);
}

TEST(CredentialStore, BY_02_observers_hear_of_each_removal_but_not_of_a_take) {
  MemoryCredentialStore store;
  std::vector<std::pair<std::string, Removal>> heard;
  store.subscribe([&](const Grant& grant, Removal why) {
    heard.emplace_back(to_hex(grant.digest.bytes), why);
    EXPECT_EQ(store.find(grant.digest), nullptr);  // no lock is held, and it is gone already
  });
  put_numbered(store, 0, 4);
  EXPECT_NE(store.take(sha256(numbered(0))), nullptr);
  EXPECT_TRUE(heard.empty());
  store.remove(sha256(numbered(1)));
  EXPECT_EQ(store.remove(sha256("unknown")), 0U);
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0].second, Removal::revoked);
  EXPECT_EQ(store.sweep(kStart + std::chrono::hours(1), 10'000).removed, 2U);
  ASSERT_EQ(heard.size(), 3U);
  EXPECT_EQ(heard[2].second, Removal::expired);
}

TEST(CredentialStore, shorten_brings_expiry_forward_never_back) {
  MemoryCredentialStore store;
  ASSERT_TRUE(store.put(grant_of("a")));
  const GrantRef held = store.find(sha256("a"));
  EXPECT_TRUE(store.shorten(sha256("a"), kStart + std::chrono::minutes(1)));
  EXPECT_EQ(store.find(sha256("a"))->expires, kStart + std::chrono::minutes(1));
  EXPECT_EQ(held->expires, kStart + std::chrono::hours(1));  // a grant in use does not change under its user
  EXPECT_TRUE(store.shorten(sha256("a"), kNever));
  EXPECT_EQ(store.find(sha256("a"))->expires, kStart + std::chrono::minutes(1));
  EXPECT_EQ(store.shorten(sha256("b"), kNever).error().code, Code::not_found);
}

TEST(CredentialStore, SA_03_a_sweep_is_bounded_per_step_and_ends_by_removing_all_that_is_dead) {
  constexpr std::size_t kDead = 3000;
  constexpr std::size_t kSteps = 100;
  MemoryCredentialStore store;
  put_numbered(store, 0, kDead);
  Grant living = grant_of("living");
  living.expires = kNever;
  ASSERT_TRUE(store.put(std::move(living)));
  const MonotonicTime later = kStart + std::chrono::hours(1);
  std::size_t removed = 0;
  for (std::size_t round = 0; round < 1000 && store.count() > 1; ++round) {
    const SweepProgress progress = store.sweep(later, kSteps);
    EXPECT_LE(progress.looked_at, kSteps);
    EXPECT_LE(progress.removed, kSteps);
    removed += progress.removed;
  }
  EXPECT_EQ(removed, kDead);
  EXPECT_NE(store.find(sha256("living")), nullptr);
}

TEST(CredentialStore, SA_03_a_sweep_of_an_empty_store_ends) {
  MemoryCredentialStore store;
  const SweepProgress progress = store.sweep(kStart, 10);
  EXPECT_EQ(progress.removed, 0U);
  EXPECT_EQ(progress.round, SweepProgress::Round::complete);
}

TEST(CredentialStore, SA_03_a_sweep_leaves_the_last_living_nanosecond_alone) {
  MemoryCredentialStore store;
  ASSERT_TRUE(store.put(grant_of("a")));
  const MonotonicTime deadline = kStart + std::chrono::hours(1);
  EXPECT_EQ(store.sweep(deadline - Duration(1), 10'000).removed, 0U);
  EXPECT_EQ(store.sweep(deadline, 10'000).removed, 1U);
}

TEST(CredentialStore, list_is_bounded) {
  MemoryCredentialStore store;
  put_numbered(store, 0, 100);
  GrantFilter filter;
  filter.principal = "alice";
  EXPECT_EQ(store.list(filter, 7).size(), 7U);
  EXPECT_EQ(store.list(filter, 1000).size(), 100U);
  filter.kind = CredentialKind::login;
  EXPECT_TRUE(store.list(filter, 1000).empty());
}

TEST(Grant, the_default_one_opens_nothing) {
  EXPECT_FALSE(Grant{}.live_at(kStart));
  EXPECT_FALSE(Grant{}.live_at(MonotonicTime{}));
}

TEST(Admission, the_default_one_is_a_denial) {
  const Admission admission;
  EXPECT_FALSE(admission.ok());
  EXPECT_EQ(admission.denial(), Denial::unspecified);
  EXPECT_EQ(admission.grant(), nullptr);
  EXPECT_FALSE(Admission::admitted(nullptr).ok());
  const Admission denied = Admission::denied(Denial::expired, std::make_shared<const Grant>(grant_of("a")));
  EXPECT_EQ(denied.grant(), nullptr);
  EXPECT_NE(denied.suspect(), nullptr);
}

}  // namespace
}  // namespace sallyport
