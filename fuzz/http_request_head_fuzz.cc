// SPDX-License-Identifier: Apache-2.0
// A head that is accepted reads the same when written again; a head that comes in pieces is judged like the
// whole one.
#include <cstddef>
#include <cstdint>
#include <string>

#include "http_fuzz_check.h"
#include "sallyport/base/text.h"
#include "sallyport/http/parser.h"

namespace sallyport {
namespace {

std::string written_again(const RequestHead& head) {
  std::string text = concat(head.method_text, ' ', head.target.raw,
                            head.version == Version::http11 ? " HTTP/1.1" : " HTTP/1.0", "\r\n");
  for (const HeaderField& field : head.fields) text += concat(field.name(), ": ", field.value(), "\r\n");
  return text + "\r\n";
}

void check_same(const RequestHead& a, const RequestHead& b) {
  CHECK(a.method == b.method && a.method_text == b.method_text);
  CHECK(a.version == b.version && a.framing == b.framing && a.content_length == b.content_length);
  CHECK(a.keep_alive == b.keep_alive && a.upgrade == b.upgrade && a.expects_continue == b.expects_continue);
  CHECK(a.target.raw == b.target.raw && a.target.path == b.target.path &&
        a.target.query_raw == b.target.query_raw);
  CHECK(a.fields.size() == b.fields.size());
  for (std::size_t i = 0; i < a.fields.size(); ++i) {
    const HeaderField& x = a.fields.all()[i];
    const HeaderField& y = b.fields.all()[i];
    CHECK(x.name() == y.name() && x.value() == y.value() && x.id() == y.id() && x.flags() == y.flags());
    CHECK(x.id() == classify_name(x.name()).id);
  }
}

void check_prefixes(std::string_view text, const HeadParse& whole) {
  RequestHead head;
  for (std::size_t size = 0; size < text.size() && size < kPrefixesMax; ++size) {
    const HeadParse part = parse_request_head(text.substr(0, size), head);
    if (part.complete()) CHECK(whole.complete() && whole.bytes == part.bytes);
    if (part.refused()) CHECK(whole.refused() && whole.fault == part.fault);
    if (part.need_more()) CHECK(!whole.complete() || whole.bytes > size);
    const HeadParse waited = parse_request_head(text.substr(0, size), head, {}, size == 0 ? 0 : size - 1);
    CHECK(waited.need_more() || (waited.state == part.state && waited.fault == part.fault));
    CHECK(!part.complete() || waited.complete() || part.bytes < size);
  }
}

}  // namespace
}  // namespace sallyport

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport;
  const std::string_view text = text_of(data, size);
  RequestHead head;
  const HeadParse outcome = parse_request_head(text, head);
  CHECK(outcome.refused() == (outcome.fault != ParseFault::none));
  CHECK(!outcome.need_more() || size < kHeadBytesMax);
  check_prefixes(text, outcome);
  if (!outcome.complete()) return 0;
  CHECK(outcome.bytes <= size && text.substr(0, outcome.bytes).ends_with("\r\n\r\n"));
  CHECK(head.fields.has(HeaderId::host));
  const std::string again = written_again(head);
  RequestHead second;
  const HeadLimits wider{.head_bytes_max = kHeadBytesCeiling, .target_bytes_max = kTargetBytesMax};
  const HeadParse reparsed = parse_request_head(again, second, wider);
  CHECK(reparsed.complete() && reparsed.bytes == again.size());
  check_same(head, second);
  return 0;
}
