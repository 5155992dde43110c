// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/blocking.h"

namespace sallyport {

BlockingPool::BlockingPool(std::size_t threads) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { serve(); });
}

BlockingPool::~BlockingPool() {
  std::deque<std::shared_ptr<Job>> dropped;
  {
    const std::lock_guard lock(mutex_);
    life_ = Life::closing;
    dropped.swap(jobs_);
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool BlockingPool::submit(std::shared_ptr<Job> job) {
  {
    const std::lock_guard lock(mutex_);
    if (jobs_.size() >= kBlockingJobsMax) return false;
    jobs_.push_back(std::move(job));
  }
  changed_.notify_one();
  return true;
}

void BlockingPool::serve() {
  while (true) {
    std::shared_ptr<Job> job;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return life_ == Life::closing || !jobs_.empty(); });
      if (life_ == Life::closing) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job->work();
    Loop& loop = job->loop;
    loop.post([done = std::move(job)] {
      if (done->waiter != nullptr) done->loop.scheduler().wake(*done->waiter, WaitResult::ready);
    });
  }
}

}  // namespace sallyport
