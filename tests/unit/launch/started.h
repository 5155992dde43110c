// SPDX-License-Identifier: Apache-2.0
// Started: a real process under a shepherd, with waits that end on what happens and never on time alone.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <vector>

#include "sallyport/base/text.h"
#include "sallyport/env/posix/descriptor.h"
#include "sallyport/launch/process.h"

namespace sallyport::testing_launch {

inline constexpr int kPatienceMs = 30000;  // only a hang ends here

class Started {
 public:
  ChildEnvironment environment;
  std::string output;
  pid_t tool = 0;
  std::optional<ExitStatus> exit;
  enum class Left { yes, no } left = Left::no;

  explicit Started(std::vector<std::string> argv, const SecretText* credential = nullptr) {
    plan_.name = "test";
    plan_.argv = std::move(argv);
    plan_.environment = &environment;
    plan_.credential = credential;
    plan_.shepherd = SHEPHERD_PATH;
  }
  ProcessPlan& plan() { return plan_; }
  Status start() {
    auto started = Process::start(plan_);
    if (!started) return std::move(started).error();
    process_.emplace(*std::move(started));
    return ok();
  }
  Process& process() { return *process_; }
  void take(Process process) { process_.emplace(std::move(process)); }
  void drop() { process_.reset(); }

  template <class Done>
  [[nodiscard]] bool wait_until(Done done) {
    while (!done()) {
      pollfd waits[] = {{process_->events_descriptor(), POLLIN, 0},
                        {process_->stdout_descriptor(), POLLIN, 0},
                        {process_->stderr_descriptor(), POLLIN, 0}};
      if (::poll(waits, 3, kPatienceMs) <= 0) return false;
      process_->read_output(output, 1 << 20);
      while (const auto event = process_->next_event()) note(*event);
      if (left == Left::yes) return done();
    }
    return true;
  }
  [[nodiscard]] bool wait_for(std::string_view text) {
    return wait_until([&] { return output.find(text) != std::string::npos; });
  }
  [[nodiscard]] bool wait_gone() {
    return wait_until([&] { return left == Left::yes; });
  }
  /// number_after finds "WORD 123" in the output.
  [[nodiscard]] pid_t number_after(std::string_view word) const {
    const auto at = output.find(word);
    if (at == std::string::npos) return 0;
    const auto rest = std::string_view(output).substr(at + word.size() + 1);
    return static_cast<pid_t>(parse_decimal<unsigned>(rest.substr(0, rest.find('\n'))).value_or(0));
  }

 private:
  void note(const ProcessEvent& event) {
    if (event.kind == ProcessEvent::Kind::started) tool = event.pid;
    if (event.kind == ProcessEvent::Kind::ended) exit = event.exit;
    if (event.kind == ProcessEvent::Kind::gone) left = Left::yes;
  }
  ProcessPlan plan_;
  std::optional<Process> process_;
};

/// dies waits until `pid` has ended; true at once where there is no such process.
[[nodiscard]] inline bool dies(pid_t pid) {
  const Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process) return true;
  pollfd wait{process.get(), POLLIN, 0};
  return ::poll(&wait, 1, kPatienceMs) == 1;
}

}  // namespace sallyport::testing_launch
