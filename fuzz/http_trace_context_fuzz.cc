// SPDX-License-Identifier: Apache-2.0
// traceparent: what is taken is written again as what it says, and is taken again.
#include <cstddef>
#include <cstdint>

#include "http_fuzz_check.h"
#include "sallyport/http/trace_context.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport;
  const std::string_view text = text_of(data, size);
  const auto context = parse_traceparent(text);
  if (!context) return 0;
  const auto written = write_traceparent(*context);
  CHECK(parse_traceparent(written) == context);
  CHECK(text.substr(3, 49) == written.substr(3, 49));
  return 0;
}
