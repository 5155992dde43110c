// SPDX-License-Identifier: Apache-2.0
#include "sallyport/durable/internal/write_queue.h"

#include <csignal>
#include <utility>

#include "sallyport/durable/internal/facts.h"

namespace sallyport::internal {

WriteQueue::WriteQueue(Database database, const Clock& clock)
    : database_(std::move(database)), clock_(clock) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);  // signals are the main thread's business
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { serve(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

WriteQueue::~WriteQueue() {
  {
    const std::lock_guard lock(mutex_);
    life_ = Life::closing;
  }
  wanted_.notify_one();
  thread_.join();
}

Status WriteQueue::run(const Work& work) {
  Job job;
  job.work = &work;
  std::unique_lock lock(mutex_);
  if (life_ == Life::closing) return fail(Code::unavailable, "the store is being closed");
  waiting_.push_back(&job);
  wanted_.notify_one();
  finished_.wait(lock, [&job] { return job.state == Job::State::done; });
  return std::move(job.outcome);
}

void WriteQueue::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wanted_.wait(lock, [this] { return !waiting_.empty() || life_ == Life::closing; });
    if (waiting_.empty()) break;
    const auto batch = std::exchange(waiting_, {});
    lock.unlock();
    commit(batch);
    lock.lock();
    for (auto* job : batch) job->state = Job::State::done;
    finished_.notify_all();
  }
  (void)database_.run("PRAGMA wal_checkpoint(TRUNCATE)");
}

/// commit: where the disk takes not all together, it may still take some, a revocation for instance.
void WriteQueue::commit(const std::vector<Job*>& batch) {
  const auto together = try_commit(batch);
  if (together) return;
  (void)database_.run("ROLLBACK");
  for (auto* job : batch) {
    if (batch.size() == 1) {
      job->outcome = together.error();
    } else {
      commit({job});
    }
  }
}

Status WriteQueue::try_commit(const std::vector<Job*>& batch) {
  SALLYPORT_CHECK(database_.run("BEGIN IMMEDIATE"));
  for (auto* job : batch) SALLYPORT_CHECK(run_one(*job));
  SALLYPORT_CHECK(note_time(database_, clock_.now()));
  return database_.run("COMMIT");
}

/// run_one fails where the whole transaction is lost; what only the job did wrong is told to the job.
Status WriteQueue::run_one(Job& job) {
  SALLYPORT_CHECK(database_.run("SAVEPOINT job"));
  job.outcome = (*job.work)(database_);
  if (!database_.in_transaction() && job.outcome) return fail(Code::internal, "a transaction was lost");
  if (!database_.in_transaction()) return job.outcome.error();
  if (!job.outcome) SALLYPORT_CHECK(database_.run("ROLLBACK TO job"));
  return database_.run("RELEASE job");
}

}  // namespace sallyport::internal
