// SPDX-License-Identifier: Apache-2.0
#include "sallyport/http/message.h"

#include <iterator>

namespace sallyport {
namespace {

constexpr std::string_view kMethods[] = {"GET",     "HEAD",  "POST",  "PUT",    "DELETE",
                                         "OPTIONS", "PATCH", "TRACE", "CONNECT"};

}  // namespace

std::string_view name_of(Method method) noexcept {
  return method == Method::other ? std::string_view{} : kMethods[static_cast<std::size_t>(method)];
}

Method method_of(std::string_view token) noexcept {
  for (std::size_t i = 0; i < std::size(kMethods); ++i) {
    if (token == kMethods[i]) return static_cast<Method>(i);
  }
  return Method::other;
}

}  // namespace sallyport
