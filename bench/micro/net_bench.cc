// SPDX-License-Identifier: Apache-2.0
// What net's own machinery costs, without the kernel: a Task call, a wait and its wake, moving a deadline, a
// turn.
#include <benchmark/benchmark.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>

#include "sallyport/env/posix/system.h"
#include "sallyport/net/loop.h"
#include "sallyport/net/stream.h"

namespace sallyport {
namespace {

Task<int> answer(int number) { co_return number + 1; }

Task<void> call_often(benchmark::State& state) {
  int number = 0;
  for (auto _ : state) {
    number = co_await answer(number);
  }
  benchmark::DoNotOptimize(number);
}

void task_call(benchmark::State& state) {
  SystemMonotonicClock clock;
  Loop loop(clock);
  loop.spawn(call_often(state));
}
BENCHMARK(task_call);

Task<void> wait_often(WaitPair& waits, std::uint64_t& woken) {
  while (true) {
    const WaitResult result = co_await waits.readable();
    if (result != WaitResult::ready) co_return;
    ++woken;
    waits.short_read();
  }
}

/// One event delivered to a waiting coroutine, which drains and waits again.
void wait_and_wake(benchmark::State& state) {
  SystemMonotonicClock clock;
  Loop loop(clock);
  WaitPair waits(loop.scheduler());
  std::uint64_t woken = 0;
  loop.spawn(wait_often(waits, woken));
  for (auto _ : state) waits.happened(kEventIn | kEventOut);
  benchmark::DoNotOptimize(woken);
  loop.drop_tasks();
}
BENCHMARK(wait_and_wake);

void move_deadline(benchmark::State& state) {
  SystemMonotonicClock clock;
  Loop loop(clock);
  WaitPair waits(loop.scheduler());
  MonotonicTime when = loop.now() + std::chrono::seconds(10);
  for (auto _ : state) {
    waits.set_deadline(when);
    when += std::chrono::microseconds(1);
  }
}
BENCHMARK(move_deadline);

void buffer_take_and_give(benchmark::State& state) {
  BufferPool pool;
  for (auto _ : state) {
    const Buffer buffer = pool.take();
    benchmark::DoNotOptimize(buffer.data());
  }
}
BENCHMARK(buffer_take_and_give);

Task<void> echo(Stream& stream) {
  std::array<char, 4096> buffer;
  while (true) {
    const WaitResult wait = co_await stream.readable();
    if (wait != WaitResult::ready) co_return;
    const IoResult got = stream.try_read(buffer);
    if (got.state == IoState::would_block) continue;
    if (got.state != IoState::done) co_return;
    stream.try_write(std::string_view(buffer.data(), got.bytes));
  }
}

/// The same bytes with bare system calls: the floor of stream_echo.
void bare_echo(benchmark::State& state) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) return;
  const Descriptor near(ends[0]);
  const Descriptor far(ends[1]);
  const Descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, far.get(), &event);
  std::array<char, 4096> buffer{};
  for (auto _ : state) {
    ::send(near.get(), buffer.data(), 128, MSG_NOSIGNAL);
    ::epoll_wait(epoll.get(), &event, 1, 0);
    const ssize_t got = ::recv(far.get(), buffer.data(), buffer.size(), 0);
    ::send(far.get(), buffer.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL);
    ::epoll_wait(epoll.get(), &event, 1, 0);
    ::recv(near.get(), buffer.data(), buffer.size(), 0);
  }
}
BENCHMARK(bare_echo);

/// A request and its answer through an echoing Stream, two turns of the loop each.
void stream_echo(benchmark::State& state) {
  SystemMonotonicClock clock;
  Loop loop(clock);
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) return;
  const Descriptor near(ends[0]);
  auto stream = socket_stream(loop, Descriptor(ends[1]), ConnectionFacts{});
  if (!stream) return;
  loop.spawn(echo(**stream));
  std::array<char, 4096> buffer{};
  for (auto _ : state) {
    ::send(near.get(), buffer.data(), 128, MSG_NOSIGNAL);
    loop.run_until_idle();
    ::recv(near.get(), buffer.data(), buffer.size(), 0);
  }
  loop.drop_tasks();
}
BENCHMARK(stream_echo);

}  // namespace
}  // namespace sallyport
