// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

namespace sallyport {
namespace {

constexpr int kEventsPerTurn = 256;
constexpr std::uint32_t kEdges = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
constexpr int kSleepMsMax = 60'000;
static_assert(kEventIn == EPOLLIN && kEventOut == EPOLLOUT &&
              kEventHangup == (EPOLLERR | EPOLLHUP | EPOLLRDHUP));

int must(int fd) noexcept {
  if (fd < 0) std::abort();
  return fd;
}

}  // namespace

/// Batch is what one epoll_wait returned. A descriptor that goes away in the middle of it is struck out of
/// the rest.
struct Loop::Batch {
  std::array<epoll_event, kEventsPerTurn> events;
  int count = 0;
  int at = 0;
};

/// Root is the frame of a spawned task: it hangs in the loop's ring, and destroys itself at its end.
class Loop::Root {
 public:
  class promise_type final : public TaskPromise, public Link {
   public:
    promise_type(Loop& loop, const Task<void>&) noexcept : loop_(loop) { ++loop_.tasks_; }
    ~promise_type() { --loop_.tasks_; }
    Root get_return_object() noexcept { return Root(*this); }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    std::coroutine_handle<promise_type> handle() noexcept {
      return std::coroutine_handle<promise_type>::from_promise(*this);
    }

   private:
    Loop& loop_;
  };
  explicit Root(promise_type& promise) noexcept : promise_(promise) {}
  [[nodiscard]] promise_type& promise() const noexcept { return promise_; }

 private:
  promise_type& promise_;
};

Loop::Root Loop::root(Loop&, Task<void> task) { co_await std::move(task); }

Loop::Loop(const MonotonicClock& clock)
    : clock_(clock),
      now_(clock.now()),
      scheduler_(now_),
      epoll_(must(::epoll_create1(EPOLL_CLOEXEC))),
      bell_(must(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.ptr = nullptr;
  must(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, bell_.get(), &event));
}

Loop::~Loop() { drop_tasks(); }

void Loop::run() {
  while (!stopping_.load(std::memory_order_acquire)) turn(sleep_ms());
  stopping_.store(false, std::memory_order_relaxed);
}

void Loop::stop() noexcept {
  stopping_.store(true, std::memory_order_release);
  ring();
}

void Loop::run_until_idle() {
  while (turn(0) != 0) {
  }
}

void Loop::ring() noexcept {
  const std::uint64_t one = 1;
  // It can fail only when the counter is full, and then the edge is there already.
  [[maybe_unused]] const ssize_t written = ::write(bell_.get(), &one, sizeof one);
}

void Loop::post(std::function<void()> call) {
  bool first = false;
  {
    const std::lock_guard lock(mailbox_mutex_);
    first = mailbox_.empty();
    mailbox_.push_back(std::move(call));
  }
  if (first) ring();
}

std::size_t Loop::run_posted() {
  std::vector<std::function<void()>> calls;
  {
    const std::lock_guard lock(mailbox_mutex_);
    calls.swap(mailbox_);
  }
  for (std::function<void()>& call : calls) {
    call();
    call = nullptr;  // what it captured dies now, in order
  }
  counters_.posts += calls.size();
  return calls.size();
}

void Loop::spawn(Task<void> task) {
  Root::promise_type& promise = root(*this, std::move(task)).promise();
  roots_.push_back(promise);
  promise.handle().resume();
}

void Loop::drop_tasks() noexcept {
  while (!roots_.alone()) static_cast<Root::promise_type&>(*roots_.next()).handle().destroy();
}

int Loop::sleep_ms() const noexcept {
  if (scheduler_.has_woken() || stopping_.load(std::memory_order_relaxed)) return 0;
  const MonotonicTime next = scheduler_.wheel().next();
  if (next == kNever) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - now_).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, kSleepMsMax));
}

std::size_t Loop::turn(int timeout_ms) {
  Batch batch;
  batch.count = std::max(::epoll_wait(epoll_.get(), batch.events.data(), kEventsPerTurn, timeout_ms), 0);
  return dispatch(batch);
}

void Loop::turn_shared(std::unique_lock<std::mutex>& lock, Duration sleep_max) {
  const auto sleep_max_ms = std::chrono::ceil<std::chrono::milliseconds>(sleep_max).count();
  const int wait_ms = sleep_ms();
  const int cap_ms = static_cast<int>(std::clamp<std::int64_t>(sleep_max_ms, 0, kSleepMsMax));
  const int timeout_ms = wait_ms < 0 ? cap_ms : std::min(wait_ms, cap_ms);
  Batch batch;
  sleep_ = Sleep::shared;
  lock.unlock();
  batch.count = std::max(::epoll_wait(epoll_.get(), batch.events.data(), kEventsPerTurn, timeout_ms), 0);
  lock.lock();
  sleep_ = Sleep::none;
  for (const WaitPair* const gone : dismissed_) strike_out(batch, *gone);
  dismissed_.clear();
  dispatch(batch);
}

std::size_t Loop::dispatch(Batch& batch) {
  now_ = clock_.now();
  batch_ = &batch;
  std::size_t done = 0;
  for (batch.at = 0; batch.at < batch.count;) {
    const epoll_event event = batch.events[static_cast<std::size_t>(batch.at++)];
    if (event.data.ptr == nullptr) {
      done += run_posted();
    } else if (event.data.ptr != this) {
      static_cast<WaitPair*>(event.data.ptr)->happened(event.events);
      ++done;
    }
  }
  batch_ = nullptr;
  const std::size_t expired = scheduler_.wheel().sweep(now_);
  done += expired + scheduler_.resume_woken();
  ++counters_.turns;
  counters_.events += static_cast<std::uint64_t>(batch.count);
  counters_.deadlines += expired;
  return done;
}

void Loop::strike_out(Batch& batch, const WaitPair& waits) noexcept {
  for (int i = batch.at; i < batch.count; ++i) {
    epoll_event& event = batch.events[static_cast<std::size_t>(i)];
    if (event.data.ptr == &waits) event.data.ptr = this;  // this: struck out
  }
}

bool Loop::enrol(int fd, WaitPair& waits) noexcept {
  std::erase(dismissed_,
             &waits);  // a new pair at an old place: an event too many is harmless, one too few is not
  epoll_event event{};
  event.events = kEdges;
  event.data.ptr = &waits;
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void Loop::dismiss(int fd, const WaitPair& waits) noexcept {
  // Closing would do it too, but not while a duplicate of the descriptor lives somewhere, in a child for
  // instance.
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  if (sleep_ == Sleep::shared) dismissed_.push_back(&waits);
  if (batch_ != nullptr) strike_out(*batch_, waits);
}

Watch::Watch(Loop& loop, int fd) noexcept : loop_(loop), fd_(fd), waits_(loop.scheduler()) {
  if (!loop_.enrol(fd, waits_)) {
    fd_ = -1;
    waits_.cancel();
  }
}

Watch::~Watch() {
  if (fd_ >= 0) loop_.dismiss(fd_, waits_);
}

}  // namespace sallyport
