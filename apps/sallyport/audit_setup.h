// SPDX-License-Identifier: Apache-2.0
// The audit log as the settings want it, for every command that guards something.
#pragma once

#include <memory>
#include <string>

#include "sallyport/audit/audit.h"
#include "sallyport/config/settings.h"

namespace sallyport {

/// audit_place is what --audit says, or STATE/audit.jsonl; audit_key_path is STATE/audit.key.
std::string audit_place(const Settings& settings);
std::string audit_key_path(const std::string& state_dir);

/// open_audit opens the log and its key, which it makes where there is none. The powers outlive the log.
Result<std::unique_ptr<QueuedAuditLog>> open_audit(const Settings& settings, Files& files, Entropy& entropy,
                                                   const Clock& clock, const Fingerprinter& fingerprinter);

}  // namespace sallyport
