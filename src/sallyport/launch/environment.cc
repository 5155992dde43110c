// SPDX-License-Identifier: Apache-2.0
#include "sallyport/launch/environment.h"

#include <algorithm>
#include <array>

#include "sallyport/base/text.h"
#include "sallyport/launch/command.h"

namespace sallyport {
namespace {

constexpr std::array<std::string_view, 9> kInherited = {"PATH", "HOME",    "LANG",  "TERM",  "TZ",
                                                        "USER", "LOGNAME", "SHELL", "TMPDIR"};

bool is_inherited(std::string_view name) noexcept {
  return name.starts_with("LC_") || std::find(kInherited.begin(), kInherited.end(), name) != kInherited.end();
}

bool is_reserved(std::string_view name) noexcept {
  return name.starts_with("SALLYPORT_") || name == "CREDENTIALS_DIRECTORY" || name == "SESSION_ID";
}

Status check_name(std::string_view name) {
  if (!is_variable_name(name)) {
    return fail(Code::invalid_argument,
                concat("`", escaped(name, 40), "` is no name of an environment variable"));
  }
  if (is_reserved(name)) {
    return fail(Code::invalid_argument, concat(name, " is sallyport's own and is not handed to a tool"));
  }
  return ok();
}

}  // namespace

ChildEnvironment ChildEnvironment::inherited(std::span<const std::string> parent) {
  ChildEnvironment made;
  for (const std::string_view entry : parent) {
    const auto equals = entry.find('=');
    if (equals == std::string_view::npos || made.size() >= kEnvironmentVariablesMax) continue;
    const auto name = entry.substr(0, equals);
    if (is_variable_name(name) && is_inherited(name)) made.set(name, SecretText(entry.substr(equals + 1)));
  }
  return made;
}

Status ChildEnvironment::pass(std::string_view name, std::span<const std::string> parent) {
  SALLYPORT_CHECK(check_name(name));
  const auto found = std::find_if(parent.begin(), parent.end(), [&](std::string_view entry) {
    return entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=';
  });
  if (found == parent.end()) return ok();
  return set_by_user(name, SecretText(std::string_view(*found).substr(name.size() + 1)));
}

Status ChildEnvironment::set_by_user(std::string_view name, SecretText value) {
  SALLYPORT_CHECK(check_name(name));
  if (size() >= kEnvironmentVariablesMax && find(name) == nullptr) {
    return fail(Code::exhausted, "too many environment variables");
  }
  set(name, std::move(value));
  return ok();
}

void ChildEnvironment::set(std::string_view name, SecretText value) {
  const auto found = std::find_if(variables_.begin(), variables_.end(),
                                  [&](const Variable& one) { return one.name == name; });
  if (found != variables_.end()) {
    found->value = std::move(value);
    return;
  }
  variables_.push_back({std::string(name), std::move(value)});
}

const SecretText* ChildEnvironment::find(std::string_view name) const noexcept {
  for (const auto& one : variables_) {
    if (one.name == name) return &one.value;
  }
  return nullptr;
}

}  // namespace sallyport
