// SPDX-License-Identifier: Apache-2.0
// PluginLog: a plugin's log as go-plugin's hosts read it, lines of JSON (hclog) on the original stderr.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "sallyport/env/clock.h"
#include "sallyport/plugin/hclog.h"

namespace sallyport {

/// PluginLog writes each line in one piece. Any thread. Never put a secret in.
class PluginLog {
 public:
  using Fields = std::initializer_list<std::pair<std::string_view, std::string_view>>;
  /// `descriptor` is borrowed; `module` names the writer.
  PluginLog(int descriptor, const Clock& clock, std::string_view module)
      : descriptor_(descriptor), clock_(clock), module_(module) {}
  PluginLog(const PluginLog&) = delete;
  PluginLog& operator=(const PluginLog&) = delete;

  void write(PluginLogLevel level, std::string_view message, Fields fields = {}) const;
  /// line is what write() writes, its newline included. Bytes that are no UTF-8 are replaced.
  [[nodiscard]] std::string line(PluginLogLevel level, std::string_view message, Fields fields) const;

 private:
  int descriptor_;
  const Clock& clock_;
  std::string module_;
};

/// write_whole writes all of `text` to a descriptor, whatever it takes; false where that fails.
bool write_whole(int descriptor, std::string_view text) noexcept;

}  // namespace sallyport
