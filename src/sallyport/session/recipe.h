// SPDX-License-Identifier: Apache-2.0
// Recipe: a session's spec, judged once, so that every later launch can only fail for reasons outside of it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/launch/command.h"
#include "sallyport/launch/environment.h"
#include "sallyport/session/session.h"

namespace sallyport {

enum class EndpointKind : std::uint8_t { port, socket };

/// Recipe is what a launch needs of a spec. A value.
class Recipe {
 public:
  /// compile: invalid_argument for an id that is none, a template that is none, or a command that names
  /// neither {port} nor {socket}; the error says what to write.
  static Result<Recipe> compile(const SessionSpec& spec);

  [[nodiscard]] EndpointKind endpoint() const noexcept { return endpoint_; }
  [[nodiscard]] Exposure exposure() const noexcept { return exposure_; }
  [[nodiscard]] const std::string& ready_path() const noexcept { return ready_path_; }

  [[nodiscard]] std::vector<std::string> argv(const PlaceholderValues& values) const {
    return command_.fill(values);
  }
  /// environment builds the tool's environment; `parent` is ours, a list of NAME=VALUE. Errors as
  /// ChildEnvironment.
  [[nodiscard]] Result<ChildEnvironment> environment(const PlaceholderValues& values,
                                                     std::span<const std::string> parent) const;

 private:
  explicit Recipe(CommandTemplate command) : command_(std::move(command)) {}
  [[nodiscard]] bool uses(Placeholder placeholder) const noexcept;
  Status add_variables(const SessionSpec& spec);

  CommandTemplate command_;
  std::vector<VariableTemplate> preset_variables_;
  std::vector<VariableTemplate> user_variables_;
  std::vector<std::string> passed_;
  EndpointKind endpoint_ = EndpointKind::port;
  Exposure exposure_ = Exposure::private_handover;
  CredentialForm form_ = CredentialForm::none;
  std::string ready_path_;
};

/// is_session_id: 1 to 63 of [a-z0-9-], no '-' at either end.
[[nodiscard]] bool is_session_id(std::string_view text) noexcept;

}  // namespace sallyport
