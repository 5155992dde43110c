// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/wait.h"

namespace sallyport {

std::size_t Scheduler::resume_woken() {
  Link batch;
  batch.take_all(queue_);
  std::size_t resumed = 0;
  for (; !batch.alone(); ++resumed) {
    auto& waiter = static_cast<Waiter&>(*batch.next());
    waiter.unlink();
    waiter.resume();
  }
  return resumed;
}

void WaitPair::note(std::uint32_t events) noexcept {
  if ((events & kEventHangup) != 0) hung_up_ = true;
  for (Place* const at : {&read_, &write_}) {
    if ((events & at->events) == 0) continue;
    at->ready = true;
    scheduler_.wake_all(at->waiting, WaitResult::ready);
  }
}

void WaitPair::happened(std::uint32_t events) {
  Waiter* first = nullptr;
  if ((events & kEventHangup) != 0) hung_up_ = true;
  for (Place* const at : {&read_, &write_}) {
    if ((events & at->events) == 0) continue;
    at->ready = true;
    if (at->waiting.alone()) continue;
    auto& waiter = static_cast<Waiter&>(*at->waiting.next());
    if (first == nullptr) {
      first = &waiter;
      first->unlink();
      first->conclude(WaitResult::ready);
    } else {
      scheduler_.wake(waiter, WaitResult::ready);  // the first one may destroy it
    }
  }
  if (first != nullptr) first->resume();
}

}  // namespace sallyport
