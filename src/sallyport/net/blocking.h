// SPDX-License-Identifier: Apache-2.0
// BlockingPool: a few threads for what would stop a loop: password hashing, certificate issue, files, name
// lookup.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/net/loop.h"
#include "sallyport/net/task.h"
#include "sallyport/net/wait.h"

namespace sallyport {

inline constexpr std::size_t kBlockingThreadsDefault = 2;
inline constexpr std::size_t kBlockingJobsMax = 256;  ///< waiting; more are refused

/// BlockingPool runs functions on its own threads and gives their results to the coroutines that await them.
/// Dies before the loops that it serves: its destructor waits for what runs, and drops what has not begun
/// (those coroutines are never resumed; drop_tasks() or the loop's end destroys them).
class BlockingPool {
 public:
  explicit BlockingPool(std::size_t threads = kBlockingThreadsDefault);
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;
  ~BlockingPool();

  /// run calls `work` on a side thread and gives its result, or exhausted where too many jobs wait. `work`
  /// must not touch what belongs to the loop. If the awaiting coroutine dies meanwhile, the result is
  /// dropped.
  template <class Work, class R = std::invoke_result_t<Work&>>
  Task<Result<R>> run(Loop& loop, Work work) {
    auto job = std::make_shared<WorkJob<Work, R>>(loop, std::move(work));
    if (!submit(job)) co_return fail(Code::exhausted, "too many jobs wait for a side thread");
    co_await Done(*job);
    co_return *std::move(job->result);
  }

 private:
  /// Job is one call. `loop` and `waiter` are touched on the loop's thread only.
  struct Job {
    explicit Job(Loop& to) : loop(to) {}
    Job(const Job&) = delete;
    Job& operator=(const Job&) = delete;
    virtual ~Job() = default;
    virtual void work() = 0;
    Loop& loop;
    Waiter* waiter = nullptr;
  };
  template <class Work, class R>
  struct WorkJob final : Job {
    WorkJob(Loop& to, Work what) : Job(to), call(std::move(what)) {}
    void work() override {
      result.emplace((*call)());
      call.reset();  // what it captured, a password for instance, goes at once
    }
    std::optional<Work> call;
    std::optional<R> result;
  };
  class Done {
   public:
    explicit Done(Job& job) noexcept : job_(job) {}
    Done(const Done&) = delete;
    Done& operator=(const Done&) = delete;
    ~Done() { job_.waiter = nullptr; }
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> coroutine) noexcept {
      waiter_.suspend(coroutine);
      job_.waiter = &waiter_;
    }
    void await_resume() const noexcept {}

   private:
    Job& job_;
    Waiter waiter_;
  };

  [[nodiscard]] bool submit(std::shared_ptr<Job> job);
  void serve();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Job>> jobs_;                               ///< guarded by mutex_
  enum class Life : std::uint8_t { open, closing } life_ = Life::open;  ///< guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace sallyport
