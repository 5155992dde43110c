// SPDX-License-Identifier: Apache-2.0
// MemoryAuditLog keeps what it is told, so that a test can look at events instead of log text.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "sallyport/audit/audit.h"

namespace sallyport {

class MemoryAuditLog final : public AuditLog {
 public:
  /// Kept is an event whose text is its own.
  struct Kept {
    AuditKind kind;
    Outcome outcome;
    std::optional<Denial> denial;
    CredentialKind how;
    std::string who, session, step, path, detail, line;
    std::uint16_t status;
  };
  void record(const AuditEvent& event) override {
    Kept kept{event.kind,
              event.outcome,
              event.denial,
              event.how,
              std::string(event.who),
              std::string(event.session),
              std::string(event.step),
              std::string(event.path),
              std::string(event.detail),
              {},
              event.status};
    append_json_line(kept.line, WallTime{}, event, fingerprinter_);
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(kept));
  }
  [[nodiscard]] bool must_refuse() const noexcept override { return refusing; }
  [[nodiscard]] AuditHealth health() const override { return {}; }
  [[nodiscard]] std::vector<Kept> events() const {
    const std::lock_guard lock(mutex_);
    return events_;
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    events_.clear();
  }
  bool refusing = false;

 private:
  const Fingerprinter fingerprinter_ = Fingerprinter::derived_from(SecretText("a test's key"));
  mutable std::mutex mutex_;
  std::vector<Kept> events_;
};

}  // namespace sallyport
