// SPDX-License-Identifier: Apache-2.0
#include "sallyport/launch/command.h"

#include <algorithm>
#include <optional>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

constexpr std::size_t kVariableNameBytesMax = 128;
constexpr std::array<std::string_view, kPlaceholderCount> kNames = {"port",     "socket",     "token_file",
                                                                    "base_url", "session_id", "token"};

constexpr bool is_name_char(char c) noexcept { return (c >= 'a' && c <= 'z') || c == '_'; }

/// name_at returns the name of "{name}" at the front of `text`, empty where there is none.
std::string_view name_at(std::string_view text) noexcept {
  if (text.empty() || text.front() != '{') return {};
  std::size_t end = 1;
  while (end < text.size() && is_name_char(text[end])) ++end;
  if (end == 1 || end == text.size() || text[end] != '}') return {};
  return text.substr(1, end - 1);
}

std::optional<Placeholder> placeholder_named(std::string_view name) noexcept {
  const auto* found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Placeholder>(found - kNames.begin());
}

Error unknown_placeholder(std::string_view name, WordPlace place) {
  std::string known = "{port}, {socket}, {token_file}, {base_url}, {session_id}";
  if (place == WordPlace::environment) known += ", {token}";
  return fail(Code::invalid_argument,
              concat("unknown placeholder {", escaped(name, 40), "}; known are ", known, "; write {{",
                     escaped(name, 40), "}} for the text itself"));
}

}  // namespace

std::string_view name_of(Placeholder placeholder) noexcept {
  return kNames[static_cast<std::size_t>(placeholder)];
}

bool is_variable_name(std::string_view name) noexcept {
  const auto letter = [](char c) { return (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '_'; };
  if (name.empty() || name.size() > kVariableNameBytesMax || !letter(name.front())) return false;
  return std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

void WordTemplate::add_literal(std::string_view text) {
  if (pieces_.empty() || pieces_.back().kind != Piece::Kind::literal) pieces_.emplace_back();
  pieces_.back().literal += text;
}

Result<WordTemplate> WordTemplate::parse(std::string_view text, WordPlace place) {
  if (text.size() > kCommandWordBytesMax)
    return fail(Code::invalid_argument, "a word of the command is too long");
  if (text.find('\0') != std::string_view::npos)
    return fail(Code::invalid_argument, "a word of the command holds a NUL byte");
  WordTemplate made;
  while (!text.empty()) {
    const auto quoted = text.size() > 1 ? name_at(text.substr(1)) : std::string_view{};
    if (text.front() == '{' && !quoted.empty() && text.substr(quoted.size() + 3).starts_with('}')) {
      made.add_literal(text.substr(1, quoted.size() + 2));
      text.remove_prefix(quoted.size() + 4);
      continue;
    }
    const auto name = name_at(text);
    if (name.empty()) {
      const auto literal = text.substr(0, std::max<std::size_t>(1, std::min(text.find('{', 1), text.size())));
      made.add_literal(literal);
      text.remove_prefix(literal.size());
      continue;
    }
    const auto placeholder = placeholder_named(name);
    if (!placeholder) return unknown_placeholder(name, place);
    if (*placeholder == Placeholder::token && place == WordPlace::argument) {
      return fail(Code::invalid_argument,
                  "{token} may not stand in the command, where every user can read it; use {token_file}, or "
                  "--env NAME={token}");
    }
    made.pieces_.push_back({{}, *placeholder, Piece::Kind::placeholder});
    made.used_[static_cast<std::size_t>(*placeholder)] = true;
    text.remove_prefix(name.size() + 2);
  }
  return made;
}

std::string_view WordTemplate::value_of(const Piece& piece, const PlaceholderValues& values) noexcept {
  if (piece.kind == Piece::Kind::literal) return piece.literal;
  switch (piece.placeholder) {
    case Placeholder::port:
      return values.port;
    case Placeholder::socket:
      return values.socket;
    case Placeholder::token_file:
      return values.token_file;
    case Placeholder::base_url:
      return values.base_url;
    case Placeholder::session_id:
      return values.session_id;
    case Placeholder::token:
      return values.token == nullptr ? std::string_view{} : values.token->expose();
  }
  return {};
}

std::string WordTemplate::fill(const PlaceholderValues& values) const {
  std::string out;
  for (const auto& piece : pieces_) out += value_of(piece, values);
  return out;
}

SecretText WordTemplate::fill_secret(const PlaceholderValues& values) const {
  std::size_t size = 0;
  for (const auto& piece : pieces_) size += value_of(piece, values).size();
  return SecretText::filled_by(size, [&](std::span<char> out) {
    auto* to = out.data();
    for (const auto& piece : pieces_) {
      const auto value = value_of(piece, values);
      to = std::copy(value.begin(), value.end(), to);
    }
  });
}

Result<VariableTemplate> VariableTemplate::parse(std::string_view text) {
  const auto equals = text.find('=');
  const auto name = text.substr(0, equals);
  if (equals == std::string_view::npos || !is_variable_name(name)) {
    return fail(Code::invalid_argument,
                concat("`", escaped(name, 40), "` is no NAME=VALUE; NAME is letters, digits and _"));
  }
  SALLYPORT_TRY(value, WordTemplate::parse(text.substr(equals + 1), WordPlace::environment));
  return VariableTemplate{std::string(name), std::move(value)};
}

Result<CommandTemplate> CommandTemplate::parse(std::span<const std::string> words) {
  if (words.empty() || words.front().empty()) {
    return fail(Code::invalid_argument,
                "no command; write it after --, e.g. `-- python3 -m http.server {port}`");
  }
  if (words.size() > kCommandWordsMax) return fail(Code::invalid_argument, "the command has too many words");
  CommandTemplate made;
  for (const auto& word : words) {
    SALLYPORT_TRY(parsed, WordTemplate::parse(word, WordPlace::argument));
    made.words_.push_back(std::move(parsed));
  }
  return made;
}

bool CommandTemplate::uses(Placeholder placeholder) const noexcept {
  return std::any_of(words_.begin(), words_.end(), [&](const auto& word) { return word.uses(placeholder); });
}

std::vector<std::string> CommandTemplate::fill(const PlaceholderValues& values) const {
  std::vector<std::string> argv;
  argv.reserve(words_.size());
  for (const auto& word : words_) argv.push_back(word.fill(values));
  return argv;
}

}  // namespace sallyport
