// SPDX-License-Identifier: Apache-2.0
// JsonFields: the members of one JSON object that somebody sent, taken one by one; what is left over, of
// another type, or there twice is refused.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/base/time.h"

namespace sallyport::internal {

inline constexpr int kJsonDepthMax = 16;
inline constexpr std::size_t kJsonListMax = 1000;

/// parse_strictly reads one JSON value (RFC 8259): no member twice, no deep nesting, nothing behind it.
/// Error: invalid_argument.
Result<nlohmann::json> parse_strictly(std::string_view text);

/// JsonFields keeps the first complaint; ask done() after the last member was taken, before any is used.
class JsonFields {
 public:
  /// of takes an object; `path` names it in complaints ("" for the whole body).
  static Result<JsonFields> of(nlohmann::json object, std::string path = {});
  /// parse reads a request's body: an object, or nothing at all.
  static Result<JsonFields> parse(std::string_view body);

  std::optional<std::string> text(const char* name);
  std::optional<bool> flag(const char* name);
  std::optional<std::vector<std::string>> texts(const char* name);
  std::optional<Duration> duration(const char* name);
  /// text_map takes an object of texts, such as environment variables.
  std::optional<std::vector<std::pair<std::string, std::string>>> text_map(const char* name);
  /// any takes a member of whatever type.
  std::optional<nlohmann::json> any(const char* name);
  void complain(std::string_view name, std::string_view expected);

  /// done: invalid_argument names the first member that was wrong, or is none of ours.
  [[nodiscard]] Status done() const;

 private:
  JsonFields(nlohmann::json object, std::string path) : object_(std::move(object)), path_(std::move(path)) {}
  nlohmann::json object_;
  std::string path_;
  std::set<std::string, std::less<>> taken_;
  std::string complaint_;
};

}  // namespace sallyport::internal
