// SPDX-License-Identifier: Apache-2.0
// RelaxedCount: a number that one thread counts and any thread reads.
#pragma once

#include <atomic>
#include <cstdint>

namespace sallyport {

/// RelaxedCount costs its one writer what a plain number does. Readers see a value that was true a moment
/// ago; two counts read one after the other need not fit together.
class RelaxedCount {
 public:
  RelaxedCount() = default;
  RelaxedCount(const RelaxedCount&) = delete;
  RelaxedCount& operator=(const RelaxedCount&) = delete;
  RelaxedCount& operator+=(std::uint64_t more) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
    return *this;
  }
  RelaxedCount& operator++() noexcept { return *this += 1; }
  RelaxedCount& operator--() noexcept { return *this += UINT64_MAX; }
  operator std::uint64_t() const noexcept {  // NOLINT(google-explicit-constructor): it reads like a number
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace sallyport
