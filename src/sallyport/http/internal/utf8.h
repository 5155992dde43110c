// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

namespace sallyport {

/// utf8_sequence_size: length of the sequence that `text` starts with, 0 if it is malformed (RFC 3629 section
/// 4).
std::size_t utf8_sequence_size(std::string_view text) noexcept;

/// is_utf8: RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text) noexcept;

}  // namespace sallyport
