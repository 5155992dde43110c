// SPDX-License-Identifier: Apache-2.0
#include "sallyport/gateway/internal/json_fields.h"

#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/config/values.h"

namespace sallyport::internal {

using Json = nlohmann::json;

Result<Json> parse_strictly(std::string_view text) {
  std::vector<std::set<std::string>> open;  // the members of the objects that we are in
  bool repeated = false;
  bool deep = false;
  auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
    deep = deep || depth > kJsonDepthMax;
    if (event == Json::parse_event_t::object_start) open.emplace_back();
    if (event == Json::parse_event_t::object_end && !open.empty()) open.pop_back();
    if (event == Json::parse_event_t::key && !open.empty())
      repeated = repeated || !open.back().insert(value.get<std::string>()).second;
    return true;
  };
  auto parsed = Json::parse(text, watch, false);
  if (parsed.is_discarded()) return fail(Code::invalid_argument, "the body is no JSON");
  if (deep) return fail(Code::invalid_argument, "the body is nested too deeply");
  if (repeated) return fail(Code::invalid_argument, "a member stands twice in one object");
  return parsed;
}

Result<JsonFields> JsonFields::of(Json object, std::string path) {
  if (!object.is_object())
    return fail(Code::invalid_argument,
                path.empty() ? std::string("send a JSON object") : concat(path, " is a JSON object"));
  return JsonFields(std::move(object), std::move(path));
}

Result<JsonFields> JsonFields::parse(std::string_view body) {
  if (body.empty()) return of(Json::object());
  SALLYPORT_TRY(parsed, parse_strictly(body));
  return of(std::move(parsed));
}

std::optional<Json> JsonFields::any(const char* name) {
  taken_.insert(name);
  const auto found = object_.find(name);
  if (found == object_.end()) return std::nullopt;
  return std::move(*found);
}

void JsonFields::complain(std::string_view name, std::string_view expected) {
  if (complaint_.empty()) complaint_ = concat(path_, path_.empty() ? "" : ".", name, " is ", expected);
}

std::optional<std::string> JsonFields::text(const char* name) {
  const auto value = any(name);
  if (!value) return std::nullopt;
  if (value->is_string() && value->get_ref<const std::string&>().find('\0') == std::string::npos)
    return value->get<std::string>();
  complain(name, "a text");
  return std::nullopt;
}

std::optional<bool> JsonFields::flag(const char* name) {
  const auto value = any(name);
  if (!value) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>();
  complain(name, "true or false");
  return std::nullopt;
}

std::optional<std::vector<std::string>> JsonFields::texts(const char* name) {
  const auto value = any(name);
  if (!value) return std::nullopt;
  std::vector<std::string> list;
  bool good = value->is_array() && value->size() <= kJsonListMax;
  for (std::size_t i = 0; good && i < value->size(); ++i) {
    const Json& one = (*value)[i];
    good = one.is_string() && one.get_ref<const std::string&>().find('\0') == std::string::npos;
    if (good) list.push_back(one.get<std::string>());
  }
  if (good) return list;
  complain(name, "a list of texts");
  return std::nullopt;
}

std::optional<Duration> JsonFields::duration(const char* name) {
  const auto value = any(name);
  if (!value) return std::nullopt;
  const auto parsed = value->is_string() ? parse_duration(value->get<std::string>()) : std::nullopt;
  if (!parsed) complain(name, "a duration with its unit, such as \"30s\"");
  return parsed;
}

std::optional<std::vector<std::pair<std::string, std::string>>> JsonFields::text_map(const char* name) {
  const auto value = any(name);
  if (!value) return std::nullopt;
  std::vector<std::pair<std::string, std::string>> map;
  bool good = value->is_object() && value->size() <= kJsonListMax;
  if (good) {
    for (const auto& [key, one] : value->items()) {
      good = good && one.is_string();
      if (good) map.emplace_back(key, one.get<std::string>());
    }
  }
  if (good) return map;
  complain(name, "an object of texts");
  return std::nullopt;
}

Status JsonFields::done() const {
  if (!complaint_.empty()) return fail(Code::invalid_argument, complaint_);
  for (const auto& [key, value] : object_.items()) {
    if (!taken_.contains(key)) {
      return fail(Code::invalid_argument,
                  concat("there is no member ", path_, path_.empty() ? "" : ".", escaped(key, 60), " here"));
    }
  }
  return ok();
}

}  // namespace sallyport::internal
