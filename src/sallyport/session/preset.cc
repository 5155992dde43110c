// SPDX-License-Identifier: Apache-2.0
#include "sallyport/session/preset.h"

#include <algorithm>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

// opencode 1.18: the password comes by environment only. `/` may fetch from afar, so readiness asks
// /global/health. Ends at once on INT, and was seen to live for minutes after TERM. Checks neither Host nor
// Origin.
constexpr std::string_view kOpencodePrograms[] = {"opencode"};
constexpr PresetArgument kOpencodeArguments[] = {{"--hostname", "--hostname", "127.0.0.1"},
                                                 {"--port", "--port", "{port}"}};
constexpr PresetVariable kOpencodeEnvironment[] = {{"OPENCODE_SERVER_USERNAME", "opencode"},
                                                   {"OPENCODE_SERVER_PASSWORD", "{token}"}};

// Jupyter (notebook 6.4): reads its token file once, as it is: a newline would become part of the token, an
// empty file would mean no authentication at all. Without --port-retries=0 it moves to another port. It
// refuses foreign Host names, which the gate has judged already.
constexpr std::string_view kJupyterPrograms[] = {"jupyter", "jupyter-notebook", "jupyter-lab",
                                                 "jupyter-server"};
constexpr PresetArgument kJupyterArguments[] = {
    {"--no-browser", "--no-browser", ""},
    {"--ip", "--ip=127.0.0.1", ""},
    {"--port", "--port={port}", ""},
    {"--port-retries", "--port-retries=0", ""},
    {"--NotebookApp.allow_remote_access", "--NotebookApp.allow_remote_access=True", ""}};
constexpr PresetVariable kJupyterEnvironment[] = {{"JUPYTER_TOKEN_FILE", "{token_file}"}};

// code-server takes a password by form and cookie only, nothing that can be put on a request; so its door is
// the socket.
constexpr std::string_view kCodeServerPrograms[] = {"code-server"};
constexpr PresetArgument kCodeServerArguments[] = {{"--auth", "--auth", "none"},
                                                   {"--socket", "--socket", "{socket}"},
                                                   {"--socket-mode", "--socket-mode", "600"},
                                                   {"--disable-telemetry", "--disable-telemetry", ""},
                                                   {"--disable-update-check", "--disable-update-check", ""}};

// websockify 0.10 takes a password in its argv only, where every user can read it; so it gets none.
constexpr std::string_view kWebsockifyPrograms[] = {"websockify"};

constexpr Preset kPresets[] = {
    {"opencode", "opencode serve: HTTP Basic; password by environment (env-exposed)", kOpencodePrograms,
     kOpencodeArguments, kOpencodeEnvironment, CredentialForm::basic, "opencode", "/global/health",
     InnerDoor::credential, RotationSupport::relaunch},
    {"jupyter", "Jupyter notebook, lab or server: token by private file", kJupyterPrograms, kJupyterArguments,
     kJupyterEnvironment, CredentialForm::token, "", "/api/status", InnerDoor::credential,
     RotationSupport::relaunch},
    {"code-server",
     "code-server: no login of its own, on a private Unix socket",
     kCodeServerPrograms,
     kCodeServerArguments,
     {},
     CredentialForm::none,
     "",
     "/healthz",
     InnerDoor::socket,
     RotationSupport::pointless},
    {"websockify",
     "websockify: no login of its own; write 127.0.0.1:{port} as its listen address",
     kWebsockifyPrograms,
     {},
     {},
     CredentialForm::none,
     "",
     "/",
     InnerDoor::open,
     RotationSupport::pointless},
    {"generic",
     "any tool: credential on descriptor 3 and in a private file; Bearer and X-Session-Token",
     {},
     {},
     {},
     CredentialForm::bearer,
     "",
     "/",
     InnerDoor::open,
     RotationSupport::rereads_file},
};

bool is_flag(std::string_view word, std::string_view flag) noexcept {
  return word == flag || (word.size() > flag.size() && word.starts_with(flag) && word[flag.size()] == '=');
}

bool holds(const PresetArgument& argument, std::string_view text) noexcept {
  return argument.first.find(text) != std::string_view::npos ||
         argument.second.find(text) != std::string_view::npos;
}

}  // namespace

std::string_view name_of(InnerDoor door) noexcept {
  constexpr std::string_view kNames[] = {"credential", "socket", "open"};
  return kNames[static_cast<std::size_t>(door)];
}

std::span<const Preset> presets() noexcept { return kPresets; }

const Preset* find_preset(std::string_view name) noexcept {
  const auto* found = std::find_if(std::begin(kPresets), std::end(kPresets),
                                   [&](const auto& one) { return one.name == name; });
  return found == std::end(kPresets) ? nullptr : found;
}

const Preset* preset_for(std::string_view program) noexcept {
  const auto base = program.substr(program.rfind('/') + 1);
  for (const auto& one : kPresets) {
    if (std::find(one.programs.begin(), one.programs.end(), base) != one.programs.end()) return &one;
  }
  return nullptr;
}

std::vector<std::string> with_preset_arguments(const Preset& preset, std::span<const std::string> command) {
  std::vector<std::string> words(command.begin(), command.end());
  const auto own_end = std::find(words.begin(), words.end(), "--");
  const bool on_socket = std::any_of(
      words.begin(), own_end, [](const auto& word) { return word.find("{socket}") != std::string::npos; });
  std::vector<std::string> added;
  for (const auto& argument : preset.arguments) {
    const bool said =
        std::any_of(words.begin(), own_end, [&](const auto& word) { return is_flag(word, argument.flag); });
    if (said || (on_socket && holds(argument, "{port}"))) continue;
    added.emplace_back(argument.first);
    if (!argument.second.empty()) added.emplace_back(argument.second);
  }
  words.insert(own_end, added.begin(), added.end());
  return words;
}

}  // namespace sallyport
