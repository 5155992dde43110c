// SPDX-License-Identifier: Apache-2.0
// What the parts of the admin API share: JSON answers, and the query of a request.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "sallyport/http/form.h"
#include "sallyport/net/http1_types.h"

namespace sallyport::internal {

using OrderedJson = nlohmann::ordered_json;

inline std::string dumped(const OrderedJson& json) {
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

inline Response json_answer(int status, std::string body) {
  Response response(status, "application/json", std::move(body));
  response.add("Cache-Control", "no-store").add("X-Content-Type-Options", "nosniff");
  return response;
}

/// query_value is a parameter that stands there exactly once.
inline std::optional<std::string> query_value(std::string_view query, std::string_view name) {
  const auto found = find_in_query(query, name);
  return found.count == 1 ? form_decode(found.value_raw) : std::nullopt;
}

}  // namespace sallyport::internal
