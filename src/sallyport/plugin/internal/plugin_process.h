// SPDX-License-Identifier: Apache-2.0
// PluginProcess: a plugin's process, with a thread of its own that keeps its pipes empty, so that a plugin
// never waits for us, and that hears of its end.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/env/clock.h"
#include "sallyport/launch/output.h"
#include "sallyport/launch/process.h"
#include "sallyport/plugin/hclog.h"

namespace sallyport {

inline constexpr std::size_t kPluginTailLinesMax = 50;

/// PluginProcessNotices are called on the keeper's thread, without locks. Each may be empty.
struct PluginProcessNotices {
  std::function<void(const PluginLogLine&)> log;
  std::function<void(const ExitStatus&)> ended;
};

/// PluginProcess is a resource. Its end kills what is left of the plugin. Any thread.
class PluginProcess {
 public:
  /// start launches. `secrets` are left out of what the plugin's output is quoted as. Errors as
  /// Process::start.
  static Result<std::unique_ptr<PluginProcess>> start(const ProcessPlan& plan, const MonotonicClock& clock,
                                                      PluginProcessNotices notices,
                                                      std::vector<SecretText> secrets);
  PluginProcess(const PluginProcess&) = delete;
  PluginProcess& operator=(const PluginProcess&) = delete;
  ~PluginProcess();

  /// wait_line gives the first line of its stdout. Errors: unavailable (it ended, or could not be started),
  /// invalid_argument (no line within kPluginLineBytesMax; stdout closed), deadline_exceeded.
  Result<std::string> wait_line(MonotonicTime deadline);
  /// wait_exit says whether it ended by `deadline`.
  bool wait_exit(MonotonicTime deadline);
  [[nodiscard]] std::optional<ExitStatus> exit() const;
  [[nodiscard]] pid_t pid() const;
  /// root is the shepherd: the plugin and all that it starts are below it.
  [[nodiscard]] pid_t root() const noexcept { return root_; }
  void send(StopSignal signal);

  /// tail is the end of its stderr, harmless, without secrets.
  [[nodiscard]] std::string tail() const;
  /// explained adds to an error how the process fares, and its tail; and takes secrets out.
  [[nodiscard]] Error explained(Error error) const;

 private:
  enum class Line : std::uint8_t { awaited, there, too_long, closed };
  PluginProcess(Process process, const MonotonicClock& clock, Descriptor wake, PluginProcessNotices notices,
                std::vector<SecretText> secrets);
  void keep();
  void read_line(std::string_view bytes);
  void read_log(std::string_view bytes);
  void tell(std::vector<PluginLogLine> lines) const;
  void hear();
  void obey();
  [[nodiscard]] std::string without_secrets(std::string_view text) const;
  template <class Done>
  bool wait_until(std::unique_lock<std::mutex>& lock, MonotonicTime deadline, Done done);

  const MonotonicClock& clock_;
  const Descriptor wake_;
  const PluginProcessNotices notices_;
  const std::vector<SecretText> secrets_;
  const pid_t root_;

  std::optional<Process> process_;  ///< the keeper's alone, as is log_
  PluginLogReader log_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string first_;  ///< all below is guarded by mutex_
  Line line_ = Line::awaited;
  OutputRing ring_;
  pid_t pid_ = 0;
  std::optional<ExitStatus> exit_;
  std::optional<StopSignal> wanted_;
  enum class Life : std::uint8_t { open, closing, over } life_ = Life::open;
  std::thread keeper_;
};

}  // namespace sallyport
