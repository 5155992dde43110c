// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/wheel.h"

#include <algorithm>
#include <bit>

namespace sallyport {
namespace {

std::int64_t whole_ticks(MonotonicTime now) noexcept { return now.time_since_epoch() / kDeadlineTick; }

}  // namespace

Wheel::Wheel(MonotonicTime now) noexcept : swept_(whole_ticks(now)) {}

void Wheel::hang(Timer& timer) noexcept {
  timer.unlink();
  timer.tick_ = std::max(tick_of(timer.when_), swept_ + 1);
  const std::size_t slot = static_cast<std::size_t>(timer.tick_) % kWheelSlots;
  slots_[slot].push_back(timer);
  occupied_[slot / 64] |= std::uint64_t{1} << (slot % 64);
}

std::size_t Wheel::sweep(MonotonicTime now) noexcept {
  const std::int64_t due = whole_ticks(now);
  std::size_t expired = 0;
  // A clock that jumped further than the wheel is wide passes every slot once.
  for (std::int64_t tick = std::max(swept_ + 1, due - static_cast<std::int64_t>(kWheelSlots) + 1);
       tick <= due; ++tick) {
    swept_ = tick;
    const std::size_t slot = static_cast<std::size_t>(tick) % kWheelSlots;
    if ((occupied_[slot / 64] >> (slot % 64) & 1) != 0) expired += sweep_slot(slot, now);
  }
  return expired;
}

std::size_t Wheel::sweep_slot(std::size_t slot, MonotonicTime now) noexcept {
  Link hanging;
  hanging.take_all(slots_[slot]);
  occupied_[slot / 64] &= ~(std::uint64_t{1} << (slot % 64));
  std::size_t expired = 0;
  while (!hanging.alone()) {
    auto& timer = static_cast<Timer&>(*hanging.next());
    timer.unlink();
    if (timer.when_ == kNever) continue;
    if (timer.when_ > now) {
      hang(timer);
      continue;
    }
    ++expired;
    timer.expired_(timer);
  }
  return expired;
}

MonotonicTime Wheel::next() const noexcept {
  const std::int64_t first = swept_ + 1;
  for (std::size_t offset = 0; offset < kWheelSlots;) {
    const std::size_t slot = (static_cast<std::size_t>(first) + offset) % kWheelSlots;
    const std::uint64_t word = occupied_[slot / 64] >> (slot % 64);
    if (word == 0) {
      offset += 64 - slot % 64;
      continue;
    }
    offset += static_cast<std::size_t>(std::countr_zero(word));
    return MonotonicTime((first + static_cast<std::int64_t>(std::min(offset, kWheelSlots))) * kDeadlineTick);
  }
  return kNever;
}

}  // namespace sallyport
