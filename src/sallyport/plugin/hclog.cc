// SPDX-License-Identifier: Apache-2.0
#include "sallyport/plugin/hclog.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "sallyport/launch/output.h"

namespace sallyport {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 5> kLevels = {"trace", "debug", "info", "warn", "error"};
constexpr std::array<std::string_view, 5> kTags = {"[TRACE]", "[DEBUG]", "[INFO]", "[WARN]", "[ERROR]"};

std::string clean(std::string_view text) {
  auto made = harmless(text);
  std::replace(made.begin(), made.end(), '\n', ' ');
  return made;
}

/// is_shallow says whether the nesting stays within kPluginLogDepthMax: the parser does not care, but its
/// printer goes down level by level.
bool is_shallow(std::string_view text) noexcept {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kPluginLogDepthMax) return false;
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return true;
}

std::optional<PluginLogLevel> level_of(const Json& value) {
  if (!value.is_string()) return std::nullopt;
  const auto found = std::find(kLevels.begin(), kLevels.end(), value.get_ref<const std::string&>());
  if (found == kLevels.end()) return std::nullopt;
  return static_cast<PluginLogLevel>(found - kLevels.begin());
}

std::string text_of(const Json& value) {
  if (value.is_string()) return clean(value.get_ref<const std::string&>());
  return clean(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

/// line_from reads an object of hclog; none where @message or @level is not what it ought to be.
std::optional<PluginLogLine> line_from(std::string_view text) {
  if (!text.starts_with('{') || !is_shallow(text)) return std::nullopt;
  const auto object = Json::parse(text, nullptr, false);
  if (!object.is_object() || !object.contains("@message") || !object.contains("@level")) return std::nullopt;
  const auto& message = object["@message"];
  const auto level = level_of(object["@level"]);
  if (!message.is_string() || !level) return std::nullopt;
  PluginLogLine line{*level, text_of(message)};
  for (const auto& [key, value] : object.items()) {
    if (key == "@message" || key == "@level") continue;
    if (key == "@timestamp" && value.is_string()) {
      line.timestamp = text_of(value);
    } else if (key == "@module" && value.is_string()) {
      line.module = text_of(value);
    } else if (line.fields.size() < kPluginLogFieldsMax) {
      line.fields.emplace_back(clean(key), text_of(value));
    }
  }
  return line;
}

}  // namespace

std::string_view name_of(PluginLogLevel level) noexcept { return kLevels[static_cast<std::size_t>(level)]; }

std::vector<PluginLogLine> PluginLogReader::feed(std::string_view bytes) {
  std::vector<PluginLogLine> lines;
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    const auto room = kPluginLogLineBytesMax - pending_.size();
    const auto piece = bytes.substr(0, std::min(end, room));
    pending_ += piece;
    bytes.remove_prefix(piece.size());
    const bool ended = bytes.starts_with('\n');
    if (!ended && pending_.size() < kPluginLogLineBytesMax) break;
    if (ended) bytes.remove_prefix(1);
    lines.push_back(read(pending_));
    pending_.clear();
  }
  return lines;
}

std::vector<PluginLogLine> PluginLogReader::rest() {
  std::vector<PluginLogLine> lines;
  if (!pending_.empty()) lines.push_back(read(pending_));
  pending_.clear();
  return lines;
}

PluginLogLine PluginLogReader::read(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (auto object = line_from(line)) return *std::move(object);
  return read_text(line);
}

PluginLogLine PluginLogReader::read_text(std::string_view line) {
  PluginLogLine made{PluginLogLevel::debug, clean(line)};
  for (std::size_t i = 0; i < kTags.size(); ++i) {
    if (!line.starts_with(kTags[i])) continue;
    made.level = static_cast<PluginLogLevel>(i);
    return made;
  }
  if (line.starts_with("panic: ") || line.starts_with("fatal error: ")) panic_ = Panic::yes;
  if (panic_ == Panic::yes) made.level = PluginLogLevel::error;
  return made;
}

}  // namespace sallyport
