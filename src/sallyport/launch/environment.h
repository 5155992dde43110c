// SPDX-License-Identifier: Apache-2.0
// The environment of a guarded tool: built from a short allow-list, never inherited.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/base/secret.h"

namespace sallyport {

inline constexpr std::size_t kEnvironmentVariablesMax = 1024;

/// ChildEnvironment is what one child will find in `environ`. A resource: values may be secret, and are
/// wiped.
///
/// Inherited by name: PATH HOME LANG LC_* TERM TZ USER LOGNAME SHELL TMPDIR. Not XDG_RUNTIME_DIR,
/// SSH_AUTH_SOCK, DBUS_SESSION_BUS_ADDRESS and their like: each names a socket that acts for the user. Who
/// wants them says --pass-env. SALLYPORT_* and systemd's CREDENTIALS_DIRECTORY hold our own secrets and can
/// be neither passed nor set; SESSION_ID is ours.
class ChildEnvironment {
 public:
  /// inherited takes the allowed ones of `parent`, a list of "NAME=VALUE"; what is malformed there is left
  /// out.
  static ChildEnvironment inherited(std::span<const std::string> parent);

  /// pass takes `name` over from `parent` where it is set there; invalid_argument for a reserved or malformed
  /// name.
  Status pass(std::string_view name, std::span<const std::string> parent);
  /// set_by_user puts or replaces one; invalid_argument for a reserved or malformed name, exhausted beyond
  /// the limit.
  Status set_by_user(std::string_view name, SecretText value);
  /// set puts or replaces one of ours.
  void set(std::string_view name, SecretText value);

  [[nodiscard]] const SecretText* find(std::string_view name) const noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return variables_.size(); }

  struct Variable {
    std::string name;
    SecretText value;
  };
  [[nodiscard]] std::span<const Variable> variables() const noexcept { return variables_; }

 private:
  std::vector<Variable> variables_;
};

}  // namespace sallyport
