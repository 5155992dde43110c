// SPDX-License-Identifier: Apache-2.0
// Folding of field names: case, and '-' = '_' = '.', as CGI-like backends fold them into one variable.
#pragma once

#include <string_view>

#include "sallyport/base/text.h"
#include "sallyport/http/header_id.h"

namespace sallyport {

constexpr char fold_byte(char c) noexcept { return c == '_' || c == '.' ? '-' : ascii_lower(c); }

/// names_fold_equal: whether some backend may take the two names for one.
constexpr bool names_fold_equal(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (fold_byte(a[i]) != fold_byte(b[i])) return false;
  }
  return true;
}

/// is_hop_by_hop: belongs to one connection, RFC 9110 section 7.6.1 and its forerunners.
inline bool is_hop_by_hop(std::string_view name) noexcept {
  return classify_name(name).has(FieldFlag::hop_by_hop);
}

}  // namespace sallyport
