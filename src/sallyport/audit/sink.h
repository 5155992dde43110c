// SPDX-License-Identifier: Apache-2.0
// AuditSink: the end of the audit log that touches the world. Each sink chains the lines it is given
// (chain.h) before they leave.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "sallyport/audit/chain.h"
#include "sallyport/base/result.h"
#include "sallyport/env/clock.h"
#include "sallyport/env/files.h"

namespace sallyport {

/// AuditSink takes whole lines. One thread at a time.
class AuditSink {
 public:
  virtual ~AuditSink() = default;
  /// append takes whole lines from the start of `lines` and adds to `taken` the bytes of those that it wrote,
  /// also where it then fails.
  virtual Status append(std::string_view lines, std::size_t& taken) = 0;
  /// reopen goes on in a new file where the old one was moved away. On failure the old one stays in use.
  virtual Status reopen() = 0;
  /// settle is called when there is nothing to write for a while, and before the end: the moment for what
  /// need not follow each write.
  virtual Status settle() { return ok(); }
};

/// AuditSync says when a sink calls a line written.
enum class AuditSync : std::uint8_t {
  kernel,  ///< the kernel has it: it outlives a crash of ours, not one of the machine
  disk,    ///< the disk has it
};

/// AuditSinkOptions is what a sink works with; all outlive it. `key` is only used while a sink is opened.
struct AuditSinkOptions {
  const AuditKey& key;
  const Clock& clock;
  Files& files;
  AuditSync sync = AuditSync::kernel;
};

/// open_audit_sink takes what --audit says: a path, "-" for standard output, "syslog" (or "syslog:SOCKET") or
/// "journald" ("journald:SOCKET"). Errors: permission_denied (a symbolic link, a file of others or open to
/// them), not_found, unavailable.
Result<std::unique_ptr<AuditSink>> open_audit_sink(const std::string& where, AuditSinkOptions options);
/// is_log_file is false for the words above that name no file.
bool is_log_file(std::string_view where) noexcept;

}  // namespace sallyport
