// SPDX-License-Identifier: Apache-2.0
// verify_audit: whether a log is what was written, and if not, which line is the first that is not.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sallyport/audit/chain.h"
#include "sallyport/base/result.h"

namespace sallyport {

/// AuditWish is what to verify.
struct AuditWish {
  std::vector<std::string> files;        ///< oldest first
  std::optional<ChainPoint> checkpoint;  ///< none: an end that was cut cannot be seen
  /// What a new chain in the middle means: in a file it is a fault, in a stream (syslog, journald, standard
  /// output) each start of ours begins one.
  enum class Chains : std::uint8_t { one, many } chains = Chains::one;
};

/// AuditVerdict is the answer. Where it is not `good`, `file`, `line` (from 1) and `what` name the first
/// fault.
struct AuditVerdict {
  bool good = false;
  std::string file;
  std::uint64_t line = 0;
  std::string what;
  std::uint64_t events = 0;  ///< good ones
  std::uint64_t first_seq = 0;
  ChainPoint end;
  std::vector<std::string> notes;  ///< what is no fault and worth knowing
};

/// verify_audit reads the files to their end or to the first fault, in bounded memory. Errors: those of
/// reading.
Result<AuditVerdict> verify_audit(const AuditKey& key, const AuditWish& wish);

}  // namespace sallyport
