// SPDX-License-Identifier: Apache-2.0
// SignalWatch: process signals as something that a coroutine awaits.
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>

#include "sallyport/base/result.h"
#include "sallyport/env/posix/descriptor.h"
#include "sallyport/net/loop.h"
#include "sallyport/net/task.h"

namespace sallyport {

/// block_signals blocks signals in the calling thread and in the threads that it makes later: call it in
/// main() before there are any, with every signal that a SignalWatch is to see.
Status block_signals(std::initializer_list<int> signals);

/// SignalWatch reads blocked signals on one loop. Children must unblock them again before exec.
class SignalWatch {
 public:
  static Result<std::unique_ptr<SignalWatch>> open(Loop& loop, std::initializer_list<int> signals);
  /// next waits for a signal and gives its number; none after cancel().
  Task<std::optional<int>> next();
  void cancel() noexcept { watch_.cancel(); }

 private:
  SignalWatch(Loop& loop, Descriptor signals) : signals_(std::move(signals)), watch_(loop, signals_.get()) {}
  Descriptor signals_;
  Watch watch_;
};

}  // namespace sallyport
