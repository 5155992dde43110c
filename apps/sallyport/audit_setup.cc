// SPDX-License-Identifier: Apache-2.0
#include "audit_setup.h"

#include <iostream>

#include "sallyport/base/text.h"

namespace sallyport {

std::string audit_place(const Settings& settings) {
  return settings.audit.empty() ? settings.state_dir + "/audit.jsonl" : settings.audit;
}

std::string audit_key_path(const std::string& state_dir) { return state_dir + "/audit.key"; }

Result<std::unique_ptr<QueuedAuditLog>> open_audit(const Settings& settings, Files& files, Entropy& entropy,
                                                   const Clock& clock, const Fingerprinter& fingerprinter) {
  SALLYPORT_TRY(key, ensure_audit_key(files, entropy, audit_key_path(settings.state_dir)));
  const bool synced = settings.audit_sync == Switch::on;
  AuditSinkOptions sink{key, clock, files};
  sink.sync = synced ? AuditSync::disk : AuditSync::kernel;
  AuditLogOptions options;
  options.wait = synced ? AuditWait::until_written : AuditWait::no;
  options.failure =
      settings.audit_failure == OnAuditFailure::refuse ? AuditFailure::refuse : AuditFailure::carry_on;
  options.alarm = [](std::string_view what) {
    std::cerr << concat("sallyport: audit log: ", what, "\n") << std::flush;
  };
  return open_audit_log(audit_place(settings), sink, fingerprinter, std::move(options));
}

}  // namespace sallyport
