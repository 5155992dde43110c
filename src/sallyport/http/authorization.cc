// SPDX-License-Identifier: Apache-2.0
#include "sallyport/http/authorization.h"

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

constexpr bool is_b64token_byte(char c) noexcept {
  const char lower = ascii_lower(c);
  return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~+/").find(c) != std::string_view::npos;
}

}  // namespace

std::string_view authorization_scheme(std::string_view authorization) noexcept {
  return authorization.substr(0, authorization.find(' '));
}

std::optional<std::string_view> bearer_token(std::string_view authorization) noexcept {
  const std::string_view scheme = authorization_scheme(authorization);
  if (!iequals(scheme, "Bearer")) return std::nullopt;
  std::string_view token = authorization.substr(scheme.size());
  while (token.starts_with(' ')) token.remove_prefix(1);
  std::size_t size = 0;
  while (size < token.size() && is_b64token_byte(token[size])) ++size;
  const bool padded_only = token.find_first_not_of('=', size) == std::string_view::npos;
  if (size == 0 || !padded_only) return std::nullopt;
  return token;
}

}  // namespace sallyport
