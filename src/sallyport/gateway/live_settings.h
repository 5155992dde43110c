// SPDX-License-Identifier: Apache-2.0
// LiveSettings: the settings that change while the gateway runs, and how they are shown and written back
// without a secret being shown, or lost for having been masked.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/base/secret.h"
#include "sallyport/config/settings.h"
#include "sallyport/session/life.h"

namespace sallyport {

inline constexpr std::string_view kSettingMask = "********";

/// LiveSettings holds what a new session gets where nobody says otherwise, and whether anybody has to log in.
/// They last until the gateway ends; its configuration file is what it starts from. Any thread.
class LiveSettings {
 public:
  /// `close_door` is called when authentication is switched on.
  LiveSettings(const Settings& settings, std::function<void()> close_door);

  /// json shows all settings; values of variables are masked, since they often are secrets.
  [[nodiscard]] std::string json() const;
  /// patch changes what `body` names, all of it or nothing. Absent, or for a variable the mask: unchanged.
  /// null: back to none. Variables are matched by name, never by place; those that are not named stay. Error:
  /// invalid_argument (unknown or ill-typed member; a mask for what has no value; a rule that would be
  /// weakened).
  Status patch(std::string_view body);

  /// life is what a session is started with.
  [[nodiscard]] LifeRules life() const;
  /// environment is NAME=VALUE, of every new session; its own wishes come on top.
  [[nodiscard]] std::vector<std::string> environment() const;

 private:
  struct Variable {
    std::string name;
    SecretText value;
  };
  struct Change;
  static Result<Change> read(std::string_view body);
  Status judge(const Change& change) const;
  void apply(Change change);
  [[nodiscard]] const Variable* find(std::string_view name) const;

  const std::function<void()> close_door_;
  mutable std::mutex mutex_;
  LifeRules life_;                   ///< guarded by mutex_
  std::vector<Variable> variables_;  ///< guarded by mutex_
  Switch no_auth_ = Switch::off;     ///< guarded by mutex_
};

}  // namespace sallyport
