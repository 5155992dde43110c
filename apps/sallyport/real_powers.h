// SPDX-License-Identifier: Apache-2.0
// What `run` and `serve` share: the real powers, the audit log, signals, and the terminal.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "sallyport/audit/audit.h"
#include "sallyport/audit/counting_log.h"
#include "sallyport/config/environment.h"
#include "sallyport/config/load.h"
#include "sallyport/crypto/digest.h"
#include "sallyport/env/posix/descriptor.h"
#include "sallyport/env/posix/system.h"
#include "sallyport/gateway/guard.h"

namespace sallyport {

/// say writes a whole line to stderr, from any thread.
void say(std::string_view line);
bool stderr_is_terminal();

/// open_signals: INT, TERM and HUP are blocked before any thread is made, and read from this descriptor by
/// the main thread alone.
Descriptor open_signals();
/// next_signal waits at most `wait_ms`; 0 where none came.
int next_signal(int fd, int wait_ms);

/// RealPowers is what main() hands to a guard; it outlives the guard.
class RealPowers {
 public:
  /// open makes the state directory and the audit log, and notes there what weakens a rule. `environment` and
  /// `loaded` outlive it.
  static Result<std::unique_ptr<RealPowers>> open(const LoadedSettings& loaded,
                                                  const Environment& environment);
  RealPowers(const RealPowers&) = delete;
  RealPowers& operator=(const RealPowers&) = delete;

  [[nodiscard]] GuardPowers for_guard();
  [[nodiscard]] QueuedAuditLog& audit() noexcept { return *audit_; }
  [[nodiscard]] const std::string& audit_place() const noexcept { return audit_place_; }
  void record_service(std::string_view what);

 private:
  explicit RealPowers(const Environment& environment);
  void record_weakened(const LoadedSettings& loaded);

  const Environment& environment_;
  SystemClock clock_;
  SystemMonotonicClock monotonic_;
  SystemEntropy entropy_;
  SystemFiles files_;
  const Fingerprinter fingerprinter_;
  std::string audit_place_;
  std::string audit_file_;  ///< empty: the log is none
  std::unique_ptr<QueuedAuditLog> audit_;
  std::unique_ptr<CountingAuditLog> counted_;  ///< what everybody records to
  std::map<std::string, std::string, std::less<>> looked_up_;
};

}  // namespace sallyport
