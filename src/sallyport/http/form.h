// SPDX-License-Identifier: Apache-2.0
// Forms and query strings: application/x-www-form-urlencoded, read strictly.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/result.h"

namespace sallyport {

inline constexpr std::size_t kFormBytesMax = 65536;
inline constexpr std::size_t kFormFieldsMax = 100;

/// form_decode: '+' is a blank, "%41" is 'A'. nullopt: a percent sign without two hex digits, or bytes that
/// are not UTF-8.
std::optional<std::string> form_decode(std::string_view text);
/// form_encode keeps letters, digits and "-._~"; everything else is percent-encoded.
std::string form_encode(std::string_view text);

/// FormFields holds decoded names and values, and wipes them when it goes, since a password may be among
/// them. It moves.
class FormFields {
 public:
  FormFields() = default;
  FormFields(FormFields&&) noexcept = default;
  FormFields& operator=(FormFields&&) noexcept = default;
  ~FormFields();

  /// wipe zeroes all values and forgets them, before their time: for a password that has been judged.
  void wipe() noexcept;

  /// parse: Code::invalid_argument for a malformed encoding, Code::exhausted beyond a limit.
  static Result<FormFields> parse(std::string_view text);
  /// one is the value of a name that is there exactly once; nullopt if it is missing or repeated.
  [[nodiscard]] std::optional<std::string_view> one(std::string_view name) const noexcept;
  [[nodiscard]] std::size_t count(std::string_view name) const noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return fields_.size(); }

 private:
  struct Field {
    std::string name;
    std::string value;
  };
  std::vector<Field> fields_;
};

/// QueryMatch is what a raw query holds under one name: `value_raw` is the last one found, not decoded.
struct QueryMatch {
  std::size_t count = 0;
  std::string_view value_raw;
};
/// find_in_query finds every spelling of the name ("tick%65t" too).
QueryMatch find_in_query(std::string_view query_raw, std::string_view name);
/// query_without leaves out every pair of that name, in every spelling; the others keep their bytes and
/// order.
std::string query_without(std::string_view query_raw, std::string_view name);

}  // namespace sallyport
