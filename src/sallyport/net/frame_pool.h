// SPDX-License-Identifier: Apache-2.0
// Free lists of coroutine frames, one set per thread: a Task call must not cost a trip through the general
// allocator.
#pragma once

#include <cstddef>
#include <new>

namespace sallyport {

inline constexpr std::size_t kFrameStepBytes = 64;
inline constexpr std::size_t kFrameClasses = 32;         ///< frames above 2 KiB go to operator new
inline constexpr std::size_t kFramesKeptPerClass = 256;  ///< what is given back beyond that is freed

/// FramePool hands out memory for coroutine frames. Each thread has its own lists, so nothing is locked; a
/// frame may be given back on another thread than it was taken on. Under AddressSanitizer every frame is its
/// own allocation, so that a use after the end is seen.
class FramePool {
 public:
  static void* take(std::size_t bytes) {
#ifndef __SANITIZE_ADDRESS__
    const std::size_t index = (bytes - 1) / kFrameStepBytes;
    if (index < kFrameClasses) [[likely]] {
      Shelf& shelf = shelves_[index];
      if (shelf.top != nullptr) [[likely]] {
        Free* const frame = shelf.top;
        shelf.top = frame->next;
        --shelf.count;
        return frame;
      }
    }
#endif
    return take_slowly(bytes);
  }
  static void give(void* frame, std::size_t bytes) noexcept {
#ifndef __SANITIZE_ADDRESS__
    const std::size_t index = (bytes - 1) / kFrameStepBytes;
    if (index < kFrameClasses && shelves_[index].count < shelves_[index].count_max) [[likely]] {
      Shelf& shelf = shelves_[index];
      shelf.top = new (frame) Free{shelf.top};
      ++shelf.count;
      return;
    }
#endif
    give_slowly(frame, bytes);
  }

 private:
  struct Free {
    Free* next;
  };
  struct Shelf {
    Free* top;
    std::size_t count;
    std::size_t count_max;  ///< 0 until this thread has taken one slowly, and again when the thread is ending
  };
  class Reaper;
  static void* take_slowly(std::size_t bytes);
  static void give_slowly(void* frame, std::size_t bytes) noexcept;
  static thread_local constinit Shelf shelves_[kFrameClasses];
};

}  // namespace sallyport
