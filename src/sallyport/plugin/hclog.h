// SPDX-License-Identifier: Apache-2.0
// What a plugin writes to its stderr, as log lines: hclog's JSON where it is that, text otherwise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sallyport {

inline constexpr std::size_t kPluginLogLineBytesMax = std::size_t{64} * 1024;  ///< longer ones come in pieces
inline constexpr std::size_t kPluginLogFieldsMax = 64;
inline constexpr std::size_t kPluginLogDepthMax = 16;  ///< of nesting; deeper is text

enum class PluginLogLevel : std::uint8_t { trace, debug, info, warn, error };
/// name_of spells a level as hclog does: "trace", "debug", "info", "warn", "error".
std::string_view name_of(PluginLogLevel level) noexcept;

/// PluginLogLine is one line, harmless: no control characters, valid UTF-8. The plugin's own word in all of
/// it. A value.
struct PluginLogLine {
  PluginLogLevel level = PluginLogLevel::debug;
  std::string message;
  std::string module = {};
  std::string timestamp = {};  ///< as the plugin wrote it
  std::vector<std::pair<std::string, std::string>> fields = {};
  friend bool operator==(const PluginLogLine&, const PluginLogLine&) = default;
};

/// PluginLogReader cuts a stream into lines and reads each. Total: whatever a plugin writes, be it JSON that
/// lies about its types, becomes a line. One thread.
class PluginLogReader {
 public:
  /// feed returns the lines that `bytes` completed, and pieces of one that is too long.
  std::vector<PluginLogLine> feed(std::string_view bytes);
  /// rest returns what stands behind the last newline, if anything.
  std::vector<PluginLogLine> rest();
  /// read is one line by itself. After a Go program's panic began, untagged lines are errors.
  PluginLogLine read(std::string_view line);

 private:
  PluginLogLine read_text(std::string_view line);
  std::string pending_;
  enum class Panic : std::uint8_t { no, yes } panic_ = Panic::no;
};

}  // namespace sallyport
