// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/signals.h"

#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace sallyport {
namespace {

sigset_t set_of(std::initializer_list<int> signals) noexcept {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : signals) sigaddset(&set, number);
  return set;
}

}  // namespace

Status block_signals(std::initializer_list<int> signals) {
  const sigset_t set = set_of(signals);
  if (::pthread_sigmask(SIG_BLOCK, &set, nullptr) != 0)
    return fail(Code::invalid_argument, "cannot block that signal");
  return ok();
}

Result<std::unique_ptr<SignalWatch>> SignalWatch::open(Loop& loop, std::initializer_list<int> signals) {
  const sigset_t set = set_of(signals);
  Descriptor descriptor(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!descriptor) return fail(Code::exhausted, "no descriptor left to receive signals");
  auto watch = std::unique_ptr<SignalWatch>(new SignalWatch(loop, std::move(descriptor)));
  if (!watch->watch_.ok()) return fail(Code::exhausted, "the kernel cannot watch for signals");
  return watch;
}

Task<std::optional<int>> SignalWatch::next() {
  while (true) {
    const WaitResult wait = co_await watch_.readable();
    if (wait != WaitResult::ready) co_return std::nullopt;
    signalfd_siginfo info{};
    if (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      co_return static_cast<int>(info.ssi_signo);
    }
    watch_.drained();
  }
}

}  // namespace sallyport
