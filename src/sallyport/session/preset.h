// SPDX-License-Identifier: Apache-2.0
// Presets: how known tools take their port and credential. Each row states what was seen on the real tool.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/session/backend_credential.h"

namespace sallyport {

/// InnerDoor is what keeps other local users from going around the gate to the tool itself.
enum class InnerDoor : std::uint8_t {
  credential,  ///< the tool demands its backend credential
  socket,      ///< the tool asks nothing; its Unix socket stands in a private directory
  open,        ///< neither: any local user can reach it on loopback. To be said at start and by `doctor`
};
std::string_view name_of(InnerDoor door) noexcept;

/// RotationSupport is how a running tool gets a new credential.
enum class RotationSupport : std::uint8_t {
  relaunch,      ///< it reads it once, at its start
  rereads_file,  ///< it may read its file anew; proven by a request with the new one, else relaunch
  pointless,     ///< it takes none
};

/// PresetArgument is added to the command unless one of the words `flag` or `flag=...` stands there already.
struct PresetArgument {
  std::string_view flag;
  std::string_view first;   ///< template of the word to add
  std::string_view second;  ///< and of the one behind it; empty: none
};

/// PresetVariable is NAME and the template of its value.
struct PresetVariable {
  std::string_view name;
  std::string_view value;
};

/// Preset is a row of the table; lives as long as the program.
struct Preset {
  std::string_view name;
  std::string_view summary;
  std::span<const std::string_view>
      programs;  ///< base names of the tool, for a hint where no preset was named
  std::span<const PresetArgument> arguments;
  std::span<const PresetVariable> environment;
  CredentialForm form = CredentialForm::bearer;
  std::string_view user;  ///< of Basic
  std::string_view ready_path = "/";
  InnerDoor inner_door = InnerDoor::open;
  RotationSupport rotation = RotationSupport::relaunch;
};

/// presets is the whole table, `generic` last.
std::span<const Preset> presets() noexcept;
/// find_preset by its exact name; nullptr where there is none.
const Preset* find_preset(std::string_view name) noexcept;
/// preset_for guesses by the program's base name; nullptr where nothing is known. For a hint, never applied
/// unasked.
const Preset* preset_for(std::string_view program) noexcept;

/// with_preset_arguments adds what the preset wants and the user did not say, before a first "--" (what
/// follows is another program's) or at the end.
std::vector<std::string> with_preset_arguments(const Preset& preset, std::span<const std::string> command);

}  // namespace sallyport
