// SPDX-License-Identifier: Apache-2.0
// Placeholders in a tool's command and environment: {port} {socket} {token_file} {base_url} {session_id}, and
// {token} where only the environment will do. An argv is an argv: nothing here, or anywhere, goes through a
// shell.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/base/secret.h"

namespace sallyport {

inline constexpr std::size_t kCommandWordsMax = 1024;
inline constexpr std::size_t kCommandWordBytesMax = 128 * 1024;  // the kernel's own limit for one argument

enum class Placeholder : std::uint8_t { port, socket, token_file, base_url, session_id, token };
inline constexpr std::size_t kPlaceholderCount = 6;
std::string_view name_of(Placeholder placeholder) noexcept;

/// WordPlace is where a word stands: an argument may not hold {token}, since every user of the machine can
/// read it.
enum class WordPlace : std::uint8_t { argument, environment };

/// PlaceholderValues is what the placeholders stand for in one launch. `token` is borrowed for the call.
struct PlaceholderValues {
  std::string port;
  std::string socket;
  std::string token_file;
  std::string base_url;
  std::string session_id;
  const SecretText* token = nullptr;
};

/// WordTemplate is one argument or environment value. A value.
///
/// `{name}`, with a name of [a-z_], is a placeholder; `{{name}}` stands for the text `{name}`; any other
/// brace is itself, so that JSON and `{}` pass unharmed.
class WordTemplate {
 public:
  /// parse: invalid_argument for an unknown name (the error lists the known ones), {token} in an argument, a
  /// NUL byte, or a word longer than kCommandWordBytesMax.
  static Result<WordTemplate> parse(std::string_view text, WordPlace place);

  [[nodiscard]] bool uses(Placeholder placeholder) const noexcept {
    return used_[static_cast<std::size_t>(placeholder)];
  }
  /// fill writes an argument; {token} cannot occur in one.
  [[nodiscard]] std::string fill(const PlaceholderValues& values) const;
  /// fill_secret writes an environment value, which may hold the credential.
  [[nodiscard]] SecretText fill_secret(const PlaceholderValues& values) const;

 private:
  struct Piece {
    std::string literal;  ///< used where `is_placeholder` is no
    Placeholder placeholder = Placeholder::port;
    enum class Kind : std::uint8_t { literal, placeholder } kind = Kind::literal;
  };
  [[nodiscard]] static std::string_view value_of(const Piece& piece,
                                                 const PlaceholderValues& values) noexcept;
  void add_literal(std::string_view text);

  std::vector<Piece> pieces_;
  std::array<bool, kPlaceholderCount> used_{};
};

/// VariableTemplate is NAME=VALUE of the tool's environment, the value a template. A value.
struct VariableTemplate {
  std::string name;
  WordTemplate value;

  /// parse takes "NAME=VALUE": invalid_argument as WordTemplate, or where NAME is no [A-Za-z_][A-Za-z0-9_]*.
  static Result<VariableTemplate> parse(std::string_view text);
};

/// CommandTemplate is a tool's argv. A value; never empty, its first word never empty.
class CommandTemplate {
 public:
  /// parse: invalid_argument as WordTemplate, or for no words, or more than kCommandWordsMax.
  static Result<CommandTemplate> parse(std::span<const std::string> words);

  [[nodiscard]] bool uses(Placeholder placeholder) const noexcept;
  [[nodiscard]] std::vector<std::string> fill(const PlaceholderValues& values) const;

 private:
  std::vector<WordTemplate> words_;
};

/// is_variable_name: [A-Za-z_][A-Za-z0-9_]*, at most 128 bytes.
[[nodiscard]] bool is_variable_name(std::string_view name) noexcept;

}  // namespace sallyport
