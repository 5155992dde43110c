// SPDX-License-Identifier: Apache-2.0
// What the end of a log file says about its chain. Pure.
#pragma once

#include <string>
#include <string_view>

#include "sallyport/audit/chain.h"

namespace sallyport::internal {

/// TailFinding is where the chain stands after a piece of log, and what does not belong to it.
struct TailFinding {
  ChainPoint at;
  bool found = false;         ///< a line of the chain was there; else `at` is what was handed in
  std::string_view torn;      ///< a last line without newline that is not whole
  bool newline_owed = false;  ///< the last line is whole but for its newline
  bool broken = false;        ///< there is something after `at` that is no line of the chain, but for `torn`
};

/// judge_tail reads `text`, which begins at the start of a line. `from` is where the chain stood before it,
/// or null where that is not known: then the first line that names it, or that a second one confirms, counts.
TailFinding judge_tail(const AuditChain& chain, std::string_view text, const ChainPoint* from);

/// torn_detail is what the event says that follows a torn line; verify compares it.
std::string torn_detail(std::string_view fragment);

}  // namespace sallyport::internal
