// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

namespace sallyport {

/// bearer_token reads "Bearer TOKEN" (RFC 6750 section 2.1): the scheme in any case, one or more blanks,
/// b64token characters and nothing after them. nullopt: another scheme, or malformed. The view lives as long
/// as `authorization`.
std::optional<std::string_view> bearer_token(std::string_view authorization) noexcept;

/// authorization_scheme is the text before the first blank, e.g. "Basic"; empty for an empty field.
std::string_view authorization_scheme(std::string_view authorization) noexcept;

}  // namespace sallyport
