// SPDX-License-Identifier: Apache-2.0
// Cookies, forms and queries: what was taken out is gone in every spelling, what was encoded comes back.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "http_fuzz_check.h"
#include "sallyport/base/text.h"
#include "sallyport/http/authorization.h"
#include "sallyport/http/cookie.h"
#include "sallyport/http/escape.h"
#include "sallyport/http/form.h"
#include "sallyport/http/websocket.h"

namespace sallyport {
namespace {

constexpr std::string_view kOurs[] = {"sp"};

void check_cookies(std::string_view text) {
  HeaderFields fields;
  const std::string stored(text);
  fields.add(HeaderField(stored, stored, classify_name("Cookie")));
  const std::string kept = cookies_without(fields, kOurs);
  HeaderFields second;
  second.add(HeaderField(kept, kept, classify_name("Cookie")));
  CHECK(cookies_named(second, "sp").count == 0);
  CHECK(cookies_without(second, kOurs) == kept);
  CHECK(cookies_named(fields, "sp").count <= kSameCookieMax);
}

void check_form(std::string_view text) {
  const auto decoded = form_decode(text);
  if (decoded) CHECK(form_decode(form_encode(*decoded)) == *decoded);
  const std::string scrubbed = query_without(text, "t");
  CHECK(find_in_query(scrubbed, "t").count == 0);
  CHECK(scrubbed.size() <= text.size());
  const auto form = FormFields::parse(text);
  if (form) CHECK(form->count("t") == find_in_query(text, "t").count);
}

void check_protocols(std::string_view text) {
  HeaderFields fields;
  fields.add(HeaderField(text, text, classify_name("Sec-WebSocket-Protocol")));
  const std::string kept = protocols_without_ticket(fields);
  HeaderFields second;
  second.add(HeaderField(kept, kept, classify_name("Sec-WebSocket-Protocol")));
  CHECK(find_ticket_protocol(second).count == 0);
  CHECK(protocols_without_ticket(second) == kept);
}

void check_escapes(std::string_view text) {
  const std::string html = escape_html(text);
  CHECK(html.find_first_of("<>\"'") == std::string::npos);
  const std::string json = escape_json(text);
  CHECK(std::none_of(json.begin(), json.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '<'; }));
}

}  // namespace
}  // namespace sallyport

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport;
  const std::string_view text = text_of(data, std::min<std::size_t>(size, 4096));
  check_cookies(text);
  check_form(text);
  check_protocols(text);
  check_escapes(text);
  const auto token = bearer_token(text);
  if (token) CHECK(!token->empty() && text.ends_with(*token));
  const auto set = SetCookie{.name = "sp", .value = text}.str();
  if (set) CHECK(set->find_first_of("\r\n") == std::string::npos);
  return 0;
}
