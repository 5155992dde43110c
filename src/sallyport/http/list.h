// SPDX-License-Identifier: Apache-2.0
// Comma-separated field values without quoted strings (RFC 9110 section 5.6.1): Connection, Upgrade,
// subprotocols.
#pragma once

#include <string_view>

#include "sallyport/base/text.h"

namespace sallyport {

/// next_list_item cuts the first item off `rest` and returns it without blanks; it may be empty ("a,,b").
inline std::string_view next_list_item(std::string_view& rest) noexcept {
  const std::size_t comma = rest.find(',');
  const std::string_view item = trimmed(rest.substr(0, comma));
  rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
  return item;
}

}  // namespace sallyport
