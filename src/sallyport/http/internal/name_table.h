// SPDX-License-Identifier: Apache-2.0
// The table of known field names and its perfect hash, looked up with names that are folded already.
#pragma once

#include <cstddef>

#include "sallyport/http/header_id.h"
#include "sallyport/http/internal/scan.h"

namespace sallyport {

/// classify_folded looks up a name of at most 32 plain bytes in lower case, zero padded. It is the exact
/// spelling.
FieldClass classify_folded(const FoldedName& folded) noexcept;

/// classify_odd_name is for names that are longer, or hold other token characters than letters, digits and
/// '-'.
FieldClass classify_odd_name(std::string_view name) noexcept;

/// is_singleton: a second field of that id is refused in a message of that direction.
enum class Direction : unsigned char { request = 1, response = 2 };
bool is_singleton(HeaderId id, Direction direction) noexcept;

}  // namespace sallyport
