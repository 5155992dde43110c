// SPDX-License-Identifier: Apache-2.0
#include "sallyport/audit/audit.h"

#include <utility>

#include "sallyport/base/text.h"

namespace sallyport {

QueuedAuditLog::QueuedAuditLog(std::unique_ptr<AuditSink> sink, const Clock& clock,
                               const Fingerprinter& fingerprinter, AuditLogOptions options)
    : sink_(std::move(sink)),
      clock_(clock),
      fingerprinter_(fingerprinter),
      options_(std::move(options)),
      writer_([this] { run(); }) {}

QueuedAuditLog::~QueuedAuditLog() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  writer_.join();
}

void QueuedAuditLog::record(const AuditEvent& event) {
  thread_local std::string line;  // keeps its room between events
  line.clear();
  append_json_line(line, clock_.now(), event, fingerprinter_);
  bool was_idle = false;
  std::uint64_t place = 0;
  {
    const std::lock_guard lock(mutex_);
    if (queued_.lines.size() + line.size() > options_.queue_bytes_max) {
      lost_.fetch_add(1, std::memory_order_relaxed);
      full_.store(true, std::memory_order_relaxed);
      return;
    }
    was_idle = queued_.events == 0;
    queued_.lines += line;
    ++queued_.events;
    place = ++recorded_;
  }
  if (was_idle) wake_.notify_one();
  if (options_.wait == AuditWait::no) return;
  std::unique_lock lock(mutex_);
  offered_.wait(lock, [&] { return offered_events_ >= place || failing_.load(); });
}

bool QueuedAuditLog::must_refuse() const noexcept {
  return options_.failure == AuditFailure::refuse &&
         (failing_.load(std::memory_order_relaxed) || full_.load(std::memory_order_relaxed));
}

AuditHealth QueuedAuditLog::health() const {
  AuditHealth health;
  health.state = failing_.load() || full_.load() ? AuditHealth::State::failing : AuditHealth::State::ok;
  health.written_events = written_.load();
  health.lost_events = lost_.load();
  health.sink_failures = failures_.load();
  return health;
}

void QueuedAuditLog::reopen() {
  {
    const std::lock_guard lock(mutex_);
    reopen_wanted_ = true;
  }
  wake_.notify_one();
}

void QueuedAuditLog::flush() {
  std::unique_lock lock(mutex_);
  const std::uint64_t goal = recorded_;
  offered_.wait(lock, [&] { return offered_events_ >= goal || failing_.load(); });
}

void QueuedAuditLog::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const bool owing = !current_.lines.empty();
    const auto due = [this] { return stopping_ || reopen_wanted_; };
    if (owing) {  // the sink fails: leave it alone for a while
      wake_.wait_for(lock, options_.retry_after, due);
    } else {
      const auto called = [&] { return due() || queued_.events != 0; };
      if (unsettled_ && !wake_.wait_for(lock, options_.settle_after, called)) settle(lock);
      wake_.wait(lock, called);
    }
    write_batch(lock);
    if (stopping_ && (queued_.events == 0 || failing_.load())) return;
  }
}

/// write_batch is called and returns with the lock held, and lets go of it while it writes.
void QueuedAuditLog::write_batch(std::unique_lock<std::mutex>& lock) {
  if (current_.lines.empty()) {
    std::swap(current_, queued_);
    current_written_ = 0;
  }
  const bool reopening = std::exchange(reopen_wanted_, false);
  lock.unlock();
  if (reopening) {
    if (const auto reopened = sink_->reopen(); !reopened) note_failure(reopened.error());
  }
  if (!current_.lines.empty()) {
    const auto done =
        sink_->append(std::string_view(current_.lines).substr(current_written_), current_written_);
    unsettled_ = true;
    if (current_written_ == current_.lines.size()) written_.fetch_add(current_.events);
    if (done) {
      note_recovery();
    } else {
      note_failure(done.error());
    }
  }
  const bool taken = current_written_ == current_.lines.size();
  lock.lock();
  offered_events_ = recorded_ - queued_.events;
  if (taken) {
    current_.lines.clear();
    current_.events = 0;
    full_.store(false, std::memory_order_relaxed);
    record_losses();
  }
  offered_.notify_all();
}

/// settle lets go of the lock meanwhile, as write_batch does.
void QueuedAuditLog::settle(std::unique_lock<std::mutex>& lock) {
  unsettled_ = false;
  lock.unlock();
  if (const auto settled = sink_->settle(); !settled) note_failure(settled.error());
  lock.lock();
}

void QueuedAuditLog::note_failure(const Error& error) {
  failures_.fetch_add(1);
  if (failing_.exchange(true) || !options_.alarm) return;
  options_.alarm(concat(error.what, options_.failure == AuditFailure::refuse
                                        ? "; nobody is let in until it can be written"
                                        : "; requests go on without an audit log, tried again every second"));
}

void QueuedAuditLog::note_recovery() {
  if (failing_.exchange(false) && options_.alarm) options_.alarm("the audit log can be written again");
}

/// record_losses names in the log itself how many events it lacks. With the lock held.
void QueuedAuditLog::record_losses() {
  const std::uint64_t lost = lost_.load();
  if (lost == losses_named_) return;
  const std::string detail = concat(lost - losses_named_, " events were lost: the queue was full");
  AuditEvent event;
  event.kind = AuditKind::audit_lost;
  event.outcome = Outcome::failed;
  event.detail = detail;
  append_json_line(queued_.lines, clock_.now(), event, fingerprinter_);
  ++queued_.events;
  ++recorded_;
  losses_named_ = lost;
}

Result<std::unique_ptr<QueuedAuditLog>> open_audit_log(const std::string& where,
                                                       AuditSinkOptions sink_options,
                                                       const Fingerprinter& fingerprinter,
                                                       AuditLogOptions options) {
  const Clock& clock = sink_options.clock;
  SALLYPORT_TRY(sink, open_audit_sink(where, sink_options));
  return std::make_unique<QueuedAuditLog>(std::move(sink), clock, fingerprinter, std::move(options));
}

}  // namespace sallyport
