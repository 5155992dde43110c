// SPDX-License-Identifier: Apache-2.0
// WriteQueue: the one thread that writes to the database. What waits while the disk works is written
// together, and all who wait for it are told at once.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "sallyport/durable/internal/database.h"
#include "sallyport/env/clock.h"

namespace sallyport::internal {

/// Any thread may call run(). Destroying the queue does what waits, then checkpoints and closes the database.
class WriteQueue {
 public:
  using Work = std::function<Status(Database&)>;
  WriteQueue(Database database, const Clock& clock);
  WriteQueue(const WriteQueue&) = delete;
  WriteQueue& operator=(const WriteQueue&) = delete;
  ~WriteQueue();

  /// run does the work in a transaction and returns when it is on the disk, or when nothing of it is there.
  /// Errors: those of the work, and of Database. `work` may be called twice: it assigns what it reads.
  Status run(const Work& work);

 private:
  struct Job {
    const Work* work = nullptr;
    Status outcome = ok();
    enum class State : std::uint8_t { waiting, done } state = State::waiting;  ///< guarded by mutex_
  };

  void serve();
  void commit(const std::vector<Job*>& batch);
  Status try_commit(const std::vector<Job*>& batch);
  Status run_one(Job& job);

  Database database_;  ///< the thread's own
  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable wanted_;
  std::condition_variable finished_;
  std::vector<Job*> waiting_;                                           ///< guarded by mutex_
  enum class Life : std::uint8_t { open, closing } life_ = Life::open;  ///< guarded by mutex_
  std::thread thread_;
};

}  // namespace sallyport::internal
