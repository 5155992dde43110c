// SPDX-License-Identifier: Apache-2.0
// Environment: the variables that a process was started with, handed in so that nothing below reads them by
// itself.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport {

/// Environment answers by name. Any thread.
class Environment {
 public:
  virtual ~Environment() = default;
  [[nodiscard]] virtual std::optional<std::string> get(std::string_view name) const = 0;
  /// names lists those that begin with `prefix`, in order.
  [[nodiscard]] virtual std::vector<std::string> names(std::string_view prefix) const = 0;
};

/// FixedEnvironment is a copy of variables: of `environ` in a program, of a map in a test. Of two with one
/// name the first counts, as in getenv(3).
class FixedEnvironment final : public Environment {
 public:
  FixedEnvironment() = default;
  explicit FixedEnvironment(std::map<std::string, std::string, std::less<>> variables)
      : variables_(std::move(variables)) {}
  /// from_block copies a null-ended array of "NAME=value".
  static FixedEnvironment from_block(const char* const* block);

  [[nodiscard]] std::optional<std::string> get(std::string_view name) const override;
  [[nodiscard]] std::vector<std::string> names(std::string_view prefix) const override;

 private:
  std::map<std::string, std::string, std::less<>> variables_;
};

}  // namespace sallyport
