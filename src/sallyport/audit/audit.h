// SPDX-License-Identifier: Apache-2.0
// AuditLog: where events go. QueuedAuditLog: a bounded queue with a writer thread, so that no request waits
// for a disk.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "sallyport/audit/event.h"
#include "sallyport/audit/sink.h"
#include "sallyport/base/result.h"
#include "sallyport/env/clock.h"

namespace sallyport {

/// AuditFailure says what happens to requests while the log cannot be written.
enum class AuditFailure : std::uint8_t {
  carry_on,  ///< they go on; lost events are counted, alarmed, and named in the log once it can be written
             ///< again
  refuse,    ///< the gate turns everybody away until it can
};

/// AuditHealth is for the health report and metrics.
struct AuditHealth {
  enum class State : std::uint8_t { ok, failing } state = State::ok;
  std::uint64_t written_events = 0;
  std::uint64_t lost_events = 0;    ///< the queue was full
  std::uint64_t sink_failures = 0;  ///< writes that failed; each is tried again
};

/// AuditWait says whether record() returns before the event is written.
enum class AuditWait : std::uint8_t { no, until_written };

/// AuditLog takes events. Any thread; record() never waits for I/O unless AuditWait says so.
class AuditLog {
 public:
  virtual ~AuditLog() = default;
  virtual void record(const AuditEvent& event) = 0;
  /// must_refuse is true while events cannot be kept and the setting says that then nobody is let in.
  [[nodiscard]] virtual bool must_refuse() const noexcept = 0;
  [[nodiscard]] virtual AuditHealth health() const = 0;
};

struct AuditLogOptions {
  AuditFailure failure = AuditFailure::carry_on;
  AuditWait wait = AuditWait::no;  ///< until_written: record() returns once the sink has it, or fails
  std::size_t queue_bytes_max = std::size_t{4}
                                << 20;  ///< of formatted lines; what comes on top is lost, and counted
  Duration retry_after = std::chrono::seconds(1);   ///< between tries while the sink fails
  Duration settle_after = std::chrono::seconds(1);  ///< of silence; then the sink may settle()
  /// Told once when the log begins to fail, and once when it has recovered; from any thread, without a lock
  /// held.
  std::function<void(std::string_view)> alarm;
};

/// QueuedAuditLog formats each event on the caller's thread and hands the lines, one write for all that came
/// meanwhile, to its sink on a thread of its own. Lines leave in the order of the record() calls. A batch
/// that the sink did not take is kept and tried again. The destructor writes what is queued, with one try.
class QueuedAuditLog final : public AuditLog {
 public:
  QueuedAuditLog(std::unique_ptr<AuditSink> sink, const Clock& clock, const Fingerprinter& fingerprinter,
                 AuditLogOptions options = {});
  ~QueuedAuditLog() override;
  QueuedAuditLog(const QueuedAuditLog&) = delete;
  QueuedAuditLog& operator=(const QueuedAuditLog&) = delete;

  void record(const AuditEvent& event) override;
  [[nodiscard]] bool must_refuse() const noexcept override;
  [[nodiscard]] AuditHealth health() const override;

  /// reopen asks the sink to open its file anew before the next batch (log rotation, on SIGHUP).
  void reopen();
  /// flush waits until all that was recorded before was offered to the sink, or the sink fails.
  void flush();

 private:
  struct Batch {
    std::string lines;
    std::uint64_t events = 0;
  };
  void run();
  void write_batch(std::unique_lock<std::mutex>& lock);
  void settle(std::unique_lock<std::mutex>& lock);
  void note_failure(const Error& error);
  void note_recovery();
  void record_losses();

  std::unique_ptr<AuditSink> sink_;
  const Clock& clock_;
  const Fingerprinter& fingerprinter_;
  const AuditLogOptions options_;
  std::atomic<bool> failing_{false};  // the last write failed
  std::atomic<bool> full_{false};     // an event was lost since the last write
  std::atomic<std::uint64_t> written_{0};
  std::atomic<std::uint64_t> lost_{0};
  std::atomic<std::uint64_t> failures_{0};

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable offered_;
  Batch queued_;                      // guarded by mutex_
  std::uint64_t recorded_ = 0;        // guarded by mutex_: events queued since the start
  std::uint64_t offered_events_ = 0;  // guarded by mutex_: of these, offered to the sink
  bool reopen_wanted_ = false;        // guarded by mutex_
  bool stopping_ = false;             // guarded by mutex_

  Batch current_;                    // writer thread only
  std::size_t current_written_ = 0;  // writer thread only: bytes of current_ that the sink has
  std::uint64_t losses_named_ = 0;   // writer thread only
  bool unsettled_ = false;           // writer thread only: written to since the sink last settled
  std::thread writer_;               // last: it uses all of the above
};

/// open_audit_log makes the log of what --audit says. Errors: those of open_audit_sink.
Result<std::unique_ptr<QueuedAuditLog>> open_audit_log(const std::string& where,
                                                       AuditSinkOptions sink_options,
                                                       const Fingerprinter& fingerprinter,
                                                       AuditLogOptions options);

}  // namespace sallyport
