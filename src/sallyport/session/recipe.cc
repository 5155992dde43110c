// SPDX-License-Identifier: Apache-2.0
#include "sallyport/session/recipe.h"

#include <algorithm>

#include "sallyport/base/text.h"
#include "sallyport/launch/handover.h"

namespace sallyport {
namespace {

Status check_spec(const SessionSpec& spec) {
  if (!is_session_id(spec.id.view())) {
    return fail(Code::invalid_argument,
                concat("`", escaped(spec.id.view(), 70),
                       "` is no session name: 1 to 63 of a-z, 0-9 and -, no - at either end"));
  }
  const auto path = spec.ready_path.empty() ? spec.preset->ready_path : std::string_view(spec.ready_path);
  const auto printable = [](char c) { return c > ' ' && c < 0x7F; };
  if (!path.starts_with('/') || !std::all_of(path.begin(), path.end(), printable)) {
    return fail(Code::invalid_argument,
                concat("--ready wants a path such as /health, not `", escaped(path), "`"));
  }
  if (spec.preset->form != CredentialForm::none && spec.credential.empty()) {
    return fail(Code::invalid_argument, "a session needs a backend credential");
  }
  return ok();
}

}  // namespace

bool is_session_id(std::string_view text) noexcept {
  constexpr std::size_t kLabelMax = 63;  // RFC 1035 section 2.3.4
  const auto good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !text.empty() && text.size() <= kLabelMax && text.front() != '-' && text.back() != '-' &&
         std::all_of(text.begin(), text.end(), good);
}

bool Recipe::uses(Placeholder placeholder) const noexcept {
  const auto in = [&](const auto& variables) {
    return std::any_of(variables.begin(), variables.end(),
                       [&](const auto& one) { return one.value.uses(placeholder); });
  };
  return command_.uses(placeholder) || in(preset_variables_) || in(user_variables_);
}

Status Recipe::add_variables(const SessionSpec& spec) {
  for (const auto& one : spec.preset->environment) {
    SALLYPORT_TRY(value, WordTemplate::parse(one.value, WordPlace::environment));
    preset_variables_.push_back({std::string(one.name), std::move(value)});
  }
  for (const auto& text : spec.environment) {
    SALLYPORT_TRY(variable, VariableTemplate::parse(text));
    user_variables_.push_back(std::move(variable));
  }
  ChildEnvironment rehearsal;  // so that a reserved or malformed name shows now and not at the first launch
  for (const auto& one : user_variables_) SALLYPORT_CHECK(rehearsal.set_by_user(one.name, SecretText()));
  for (const auto& name : spec.pass_environment) SALLYPORT_CHECK(rehearsal.pass(name, {}));
  passed_ = spec.pass_environment;
  return ok();
}

Result<Recipe> Recipe::compile(const SessionSpec& spec) {
  SALLYPORT_CHECK(check_spec(spec));
  if (spec.command.empty())
    return CommandTemplate::parse({}).transform([](auto command) { return Recipe(std::move(command)); });
  SALLYPORT_TRY(command, CommandTemplate::parse(with_preset_arguments(*spec.preset, spec.command)));
  Recipe made(std::move(command));
  SALLYPORT_CHECK(made.add_variables(spec));
  const bool on_socket = made.uses(Placeholder::socket);
  if (!on_socket && !made.uses(Placeholder::port)) {
    return fail(Code::invalid_argument,
                "the command does not say where to listen: write {port} (on 127.0.0.1) or {socket} where the "
                "tool takes it, "
                "e.g. `-- python3 -m http.server --bind 127.0.0.1 {port}`");
  }
  made.endpoint_ = on_socket ? EndpointKind::socket : EndpointKind::port;
  made.exposure_ = made.uses(Placeholder::token) ? Exposure::environment : Exposure::private_handover;
  made.form_ = spec.preset->form;
  made.ready_path_ = spec.ready_path.empty() ? std::string(spec.preset->ready_path) : spec.ready_path;
  return made;
}

Result<ChildEnvironment> Recipe::environment(const PlaceholderValues& values,
                                             std::span<const std::string> parent) const {
  auto made = ChildEnvironment::inherited(parent);
  for (const auto& name : passed_) SALLYPORT_CHECK(made.pass(name, parent));
  for (const auto& one : preset_variables_) made.set(one.name, one.value.fill_secret(values));
  for (const auto& one : user_variables_)
    SALLYPORT_CHECK(made.set_by_user(one.name, one.value.fill_secret(values)));
  made.set("SESSION_ID", SecretText(values.session_id));
  if (form_ != CredentialForm::none) {
    made.set("SALLYPORT_CREDENTIAL_FD", SecretText(concat(kCredentialDescriptor)));
    made.set("SALLYPORT_CREDENTIAL_FILE", SecretText(values.token_file));
  }
  return made;
}

}  // namespace sallyport
