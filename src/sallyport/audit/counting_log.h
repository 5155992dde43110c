// SPDX-License-Identifier: Apache-2.0
// CountingAuditLog: an audit log that also counts what it is told, for metrics.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "sallyport/audit/audit.h"

namespace sallyport {

/// AuditCounts are the sums since the start, by names that are enumerations: their number never grows.
class AuditCounts {
 public:
  static constexpr std::size_t kKinds = static_cast<std::size_t>(AuditKind::certificate) + 1;
  static constexpr std::size_t kOutcomes = static_cast<std::size_t>(Outcome::failed) + 1;
  static constexpr std::size_t kDenials = static_cast<std::size_t>(Denial::unspecified) + 1;

  [[nodiscard]] std::uint64_t events(AuditKind kind, Outcome outcome) const noexcept {
    return events_[static_cast<std::size_t>(kind) * kOutcomes + static_cast<std::size_t>(outcome)].load(
        std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t denials(Denial denial) const noexcept {
    return denials_[static_cast<std::size_t>(denial)].load(std::memory_order_relaxed);
  }

 protected:
  AuditCounts() = default;
  ~AuditCounts() = default;
  void count(const AuditEvent& event) noexcept {
    const auto kind = static_cast<std::size_t>(event.kind);
    events_[kind * kOutcomes + static_cast<std::size_t>(event.outcome)].fetch_add(1,
                                                                                  std::memory_order_relaxed);
    if (event.denial)
      denials_[static_cast<std::size_t>(*event.denial)].fetch_add(1, std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<std::uint64_t>, kKinds * kOutcomes> events_{};
  std::array<std::atomic<std::uint64_t>, kDenials> denials_{};
};

/// CountingAuditLog passes everything on to `log`, which outlives it. Any thread; takes no lock of its own.
class CountingAuditLog final : public AuditLog, public AuditCounts {
 public:
  explicit CountingAuditLog(AuditLog& log) : log_(log) {}
  void record(const AuditEvent& event) override {
    count(event);
    log_.record(event);
  }
  [[nodiscard]] bool must_refuse() const noexcept override { return log_.must_refuse(); }
  [[nodiscard]] AuditHealth health() const override { return log_.health(); }

 private:
  AuditLog& log_;
};

}  // namespace sallyport
