// SPDX-License-Identifier: Apache-2.0
// Short hands for tests that start from the text of a head.
#pragma once

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "sallyport/base/text.h"
#include "sallyport/http/parser.h"

namespace sallyport {

/// ParsedRequest keeps the text that its views point into.
struct ParsedRequest {
  std::string text;
  RequestHead head;
  HeadParse outcome;

  explicit ParsedRequest(std::string_view from, const HeadLimits& limits = {})
      : text(from), outcome(parse_request_head(text, head, limits)) {}
  [[nodiscard]] ParseFault fault() const { return outcome.fault; }
};

struct ParsedResponse {
  std::string text;
  ResponseHead head;
  HeadParse outcome;

  explicit ParsedResponse(std::string_view from, Method asked = Method::get)
      : text(from), outcome(parse_response_head(text, asked, head)) {}
};

/// get_with is a plain GET with these field lines, each ended by CRLF.
inline std::string get_with(std::string_view lines) {
  return concat("GET / HTTP/1.1\r\nHost: a\r\n", lines, "\r\n");
}

}  // namespace sallyport
