// SPDX-License-Identifier: Apache-2.0
// A line that is read must be the one spelling of its parts; and whatever a log ends with is judged without
// harm.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "sallyport/audit/chain.h"
#include "sallyport/audit/internal/tail.h"
#include "sallyport/base/text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport;
  static const AuditKey key = AuditKey::filled_by([](std::span<std::byte> out) { out[0] = std::byte{1}; });
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto read = read_chained_line(text)) {
    std::string tail = concat(",\"seq\":", read->seq);
    if (read->previous) tail += concat(",\"prev\":\"", to_hex(read->previous->bytes), '"');
    if (!read->covered.ends_with(tail)) std::abort();
    if (concat(read->covered, ",\"mac\":\"", to_hex(read->mac.bytes), "\"}") != text) std::abort();
  }
  const AuditChain chain(key);
  const ChainPoint beginning;
  (void)internal::judge_tail(chain, text, &beginning);
  (void)internal::judge_tail(chain, text, nullptr);
  if (read_checkpoint(key, text)) std::abort();  // nobody guesses a signature
  return 0;
}
