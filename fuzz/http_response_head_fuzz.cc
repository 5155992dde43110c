// SPDX-License-Identifier: Apache-2.0
// The same promises for answers. The first byte chooses the method that was asked.
#include <cstddef>
#include <cstdint>
#include <string>

#include "http_fuzz_check.h"
#include "sallyport/base/text.h"
#include "sallyport/http/parser.h"

namespace sallyport {
namespace {

std::string written_again(const ResponseHead& head) {
  std::string text = concat(head.version == Version::http11 ? "HTTP/1.1 " : "HTTP/1.0 ", head.status, ' ',
                            head.reason, "\r\n");
  for (const HeaderField& field : head.fields) text += concat(field.name(), ": ", field.value(), "\r\n");
  return text + "\r\n";
}

void check_prefixes(std::string_view text, Method asked, const HeadParse& whole) {
  ResponseHead head;
  for (std::size_t size = 0; size < text.size() && size < kPrefixesMax; ++size) {
    const HeadParse part = parse_response_head(text.substr(0, size), asked, head);
    if (part.complete()) CHECK(whole.complete() && whole.bytes == part.bytes);
    if (part.refused()) CHECK(whole.refused() && whole.fault == part.fault);
    if (part.need_more()) CHECK(!whole.complete() || whole.bytes > size);
  }
}

}  // namespace
}  // namespace sallyport

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport;
  if (size == 0) return 0;
  const Method asked = data[0] == 'H' ? Method::head : Method::get;
  const std::string_view text = text_of(data + 1, size - 1);
  ResponseHead head;
  const HeadParse outcome = parse_response_head(text, asked, head);
  CHECK(outcome.refused() == (outcome.fault != ParseFault::none));
  check_prefixes(text, asked, outcome);
  if (!outcome.complete()) return 0;
  CHECK(head.status >= 100 && head.status <= 599);
  CHECK(asked == Method::get || head.framing == Framing::none);
  CHECK(head.framing != Framing::until_close || !head.keep_alive);
  const std::string again = written_again(head);
  ResponseHead second;
  const HeadLimits wider{.head_bytes_max = kHeadBytesCeiling};
  CHECK(parse_response_head(again, asked, second, wider).complete());
  CHECK(head.framing == second.framing && head.content_length == second.content_length &&
        head.keep_alive == second.keep_alive);
  CHECK(head.reason == second.reason && head.fields.size() == second.fields.size());
  for (std::size_t i = 0; i < head.fields.size(); ++i) {
    CHECK(head.fields.all()[i].value() == second.fields.all()[i].value());
    CHECK(head.fields.all()[i].flags() == second.fields.all()[i].flags());
  }
  return 0;
}
