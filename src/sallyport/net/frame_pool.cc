// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/frame_pool.h"

namespace sallyport {

thread_local constinit FramePool::Shelf FramePool::shelves_[kFrameClasses] = {};

/// Reaper opens a thread's shelves when it is made, and frees what is on them when the thread ends. The
/// shelves themselves need no destruction, so a frame that outlives the Reaper can still be given back.
class FramePool::Reaper {
 public:
  Reaper() noexcept {
    for (Shelf& shelf : shelves_) shelf.count_max = kFramesKeptPerClass;
  }
  Reaper(const Reaper&) = delete;
  Reaper& operator=(const Reaper&) = delete;
  ~Reaper() {
    for (Shelf& shelf : shelves_) {
      shelf.count_max = 0;
      shelf.count = 0;
      while (shelf.top != nullptr) {
        Free* const frame = shelf.top;
        shelf.top = frame->next;
        ::operator delete(frame);
      }
    }
  }
};

void* FramePool::take_slowly(std::size_t bytes) {
  static thread_local const Reaper reaper;
  const std::size_t index = (bytes - 1) / kFrameStepBytes;
  return ::operator new(index < kFrameClasses ? (index + 1) * kFrameStepBytes : bytes);
}

void FramePool::give_slowly(void* frame, std::size_t) noexcept { ::operator delete(frame); }

}  // namespace sallyport
