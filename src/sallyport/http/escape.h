// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace sallyport {

/// escape_html makes text safe between tags and in quoted attributes: & < > " ' become entities.
std::string escape_html(std::string_view text);

/// escape_json is the inside of a JSON string (RFC 8259 section 7); bytes that are not UTF-8 become U+FFFD.
/// '<' is escaped as well, so that JSON may stand in a page.
std::string escape_json(std::string_view text);

}  // namespace sallyport
