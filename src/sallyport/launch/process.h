// SPDX-License-Identifier: Apache-2.0
// Process: one guarded tool, with its shepherd, its output and its end.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/base/time.h"
#include "sallyport/env/posix/descriptor.h"
#include "sallyport/launch/environment.h"
#include "sallyport/launch/image.h"
#include "sallyport/launch/stop.h"

namespace sallyport {

/// ExitStatus is how a process ended. A value.
struct ExitStatus {
  enum class How : std::uint8_t { exited, signalled, not_started };
  How how = How::exited;
  int value = 0;  ///< exit code, signal number, or the errno of execve

  [[nodiscard]] bool clean() const noexcept { return how == How::exited && value == 0; }
  /// shell_status is what a shell would report: the code, 128 + signal, 127 for not found, 126 for not
  /// executable.
  [[nodiscard]] int shell_status() const noexcept;
  /// str says it for people: "ended with status 3", "was killed by signal 9".
  [[nodiscard]] std::string str() const;
  friend bool operator==(const ExitStatus&, const ExitStatus&) = default;
};

/// ProcessPlan is one launch, placeholders filled. What it points to is borrowed for the call.
struct ProcessPlan {
  std::string name;  ///< shown by ps beside the shepherd's name
  std::vector<std::string> argv;
  const ChildEnvironment* environment = nullptr;
  const SecretText* credential = nullptr;  ///< on kCredentialDescriptor; none: that descriptor is closed
  std::string directory;                   ///< empty: ours
  const ProgramImage* image = nullptr;     ///< runs instead of the file at argv[0]
  std::string shepherd;  ///< executable whose main() calls run_as_shepherd, e.g. /proc/self/exe
  /// Survival lets the tool outlive its gateway for `life`, in which another one may adopt() it at `door`, a
  /// path in a private folder. `port` is told to that one.
  struct Survival {
    std::string door;
    std::uint16_t port = 0;
    std::chrono::seconds life{};
  };
  std::optional<Survival> survival;
};

/// ProcessEvent is what happened to the tool.
struct ProcessEvent {
  enum class Kind : std::uint8_t {
    started,  ///< it runs; `pid` is its
    ended,    ///< it is no more, or never was: `exit`; its other processes are being killed
    gone,     ///< nothing of it is left; all is reaped
  };
  Kind kind = Kind::gone;
  pid_t pid = 0;
  ExitStatus exit;
};

/// find_program returns the path that execvp would take for `name`: itself where it has a '/', else the first
/// executable file in `path`, a list with ':'. not_found and permission_denied say what to do.
Result<std::string> find_program(const std::string& name, std::string_view path);

struct Adopted;

/// Process is a running tool; a resource. The tool runs in a session and process group of its own, without
/// privileges to gain (no_new_privs), without core dumps, with stdin from /dev/null and no descriptor of ours
/// but the credential. Destroying it kills whatever is left, and waits for that, kDestroyWait at most. One
/// thread.
class Process {
 public:
  /// start returns once the shepherd runs; whether the tool could start comes as an event. Errors: not_found
  /// and permission_denied for the program, exhausted (processes, descriptors), unavailable.
  static Result<Process> start(const ProcessPlan& plan);
  /// adopt takes over a tool that outlived its gateway, or is being left by it right now. It blocks for
  /// kAdoptWait at most. Errors: not_found (no tool of ours waits there), permission_denied (somebody else
  /// does), unavailable (it does not answer, or speaks another version: it was killed).
  static Result<Adopted> adopt(const std::string& door);
  Process(Process&&) noexcept = default;
  Process& operator=(Process&&) = delete;
  ~Process();

  /// Descriptors to poll for reading; each -1 once it has ended.
  [[nodiscard]] int events_descriptor() const noexcept { return control_.get(); }
  [[nodiscard]] int stdout_descriptor() const noexcept { return stdout_.get(); }
  [[nodiscard]] int stderr_descriptor() const noexcept { return stderr_.get(); }

  /// next_event never blocks. After `gone` there is none.
  std::optional<ProcessEvent> next_event();
  /// read_output appends what stdout and stderr hold now to `out`, at most `bytes_max`, never blocking. Bytes
  /// read.
  std::size_t read_output(std::string& out, std::size_t bytes_max);
  /// read_stdout and read_stderr do so for one of the two.
  std::size_t read_stdout(std::string& out, std::size_t bytes_max);
  std::size_t read_stderr(std::string& out, std::size_t bytes_max);
  /// leave lets go of the tool without ending it, for another gateway to adopt.
  void leave() noexcept;
  /// send signals the tool's process group; `kill` ends everything below the shepherd.
  void send(StopSignal signal) noexcept;

  /// root is the shepherd: the tool and all that it started are below it. It stays ours until `gone`.
  [[nodiscard]] pid_t root() const noexcept { return shepherd_; }

 private:
  Process(pid_t shepherd, Descriptor control, Descriptor out, Descriptor err)
      : shepherd_(shepherd), control_(std::move(control)), stdout_(std::move(out)), stderr_(std::move(err)) {}
  ProcessEvent shepherd_left();

  pid_t shepherd_ = 0;
  Descriptor control_;
  Descriptor stdout_;
  Descriptor stderr_;
  enum class Told : std::uint8_t { nothing, end } told_ = Told::nothing;
};

/// Adopted is a tool that was started by an earlier gateway.
struct Adopted {
  Process process;
  pid_t tool = 0;
  std::uint16_t port = 0;
};

}  // namespace sallyport
