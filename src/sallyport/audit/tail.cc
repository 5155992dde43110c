// SPDX-License-Identifier: Apache-2.0
#include "sallyport/audit/internal/tail.h"

#include <optional>

#include "sallyport/base/text.h"
#include "sallyport/crypto/digest.h"

namespace sallyport::internal {

TailFinding judge_tail(const AuditChain& chain, std::string_view text, const ChainPoint* from) {
  TailFinding finding;
  std::optional<ChainPoint>
      last;  // where the chain stands, verified or only taken on trust for the next line
  if (from != nullptr) {
    finding.at = *from;
    last = *from;
  }
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const auto read = read_chained_line(line);
    bool good = false;
    if (read && last) good = chain.extends(*last, *read);
    if (read && !good && from == nullptr && !finding.found && read->previous)
      good = chain.extends({read->seq - 1, *read->previous}, *read);
    if (good) {
      finding.at = {read->seq, read->mac};
      finding.found = true;
      finding.broken = false;
      finding.newline_owed = end == std::string_view::npos;
      last = finding.at;
    } else if (end == std::string_view::npos) {
      finding.torn = line;
    } else {
      finding.broken = true;
      if (from == nullptr && !finding.found && read) last = ChainPoint{read->seq, read->mac};
    }
  }
  return finding;
}

std::string torn_detail(std::string_view fragment) {
  return concat(fragment.size(), " bytes of an event that a crash cut short stand before this line; SHA-256 ",
                to_hex(sha256(fragment).bytes));
}

}  // namespace sallyport::internal
