// SPDX-License-Identifier: Apache-2.0
#include "sallyport/launch/shepherd.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <ctime>
#include <string_view>

#include "sallyport/env/posix/descriptor.h"
#include "sallyport/launch/handover.h"
#include "sallyport/launch/internal/shepherd_door.h"
#include "sallyport/launch/internal/shepherd_wire.h"
#include "sallyport/launch/process_tree.h"

namespace sallyport {
namespace {

using shepherd_wire::Command;
using shepherd_wire::EventKind;
using shepherd_wire::kControlDescriptor;
using shepherd_wire::kImageDescriptor;
using shepherd_wire::kPlanDescriptor;
using shepherd_wire::RunsFrom;

constexpr int kKillRoundMs = 10;
constexpr int kAloneRoundMs = 50;
constexpr int kExecFailed = 127;

void say(EventKind kind, int value) {
  const shepherd_wire::Event event{kind, value};
  ::send(kControlDescriptor, &event, sizeof event, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int open_pidfd(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

/// kill_what_we_saw signals `node` only where it still is that process: a pid is free for reuse once its
/// parent reaped it.
void kill_what_we_saw(const ProcessNode& node) {
  const Descriptor process(open_pidfd(node.pid));
  if (process && parent_of(node.pid) == node.parent)
    ::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
}

void kill_subtree() {
  for (const auto& node : process_tree(::getpid())) {
    if (node.pid != ::getpid()) kill_what_we_saw(node);
  }
}

void default_signals() {
  struct sigaction fresh {};
  fresh.sa_handler = SIG_DFL;
  for (int number = 1; number <= SIGRTMAX; ++number) ::sigaction(number, &fresh, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// become_tool runs in the child; it returns only where a step failed, with errno set.
void become_tool(const shepherd_wire::PlanView& plan, pid_t shepherd) {
  // The death signal counts from now on: a shepherd that died before shows as another parent.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != shepherd) ::_exit(kExecFailed);
  const rlimit no_core{0, 0};
  if (::setsid() < 0 || ::setrlimit(RLIMIT_CORE, &no_core) != 0) return;
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return;
  if (plan.directory[0] != '\0' && ::chdir(plan.directory) != 0) return;
  if (::close_range(kCredentialDescriptor + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC) != 0) return;
  if (!plan.has_credential) ::close(kCredentialDescriptor);
  default_signals();
  if (plan.from == RunsFrom::path) {
    ::execve(plan.program, plan.argv.data(), plan.envp.data());
    return;
  }
  if (plan.from == RunsFrom::script_image) ::fcntl(kImageDescriptor, F_SETFD, 0);
  ::syscall(SYS_execveat, kImageDescriptor, "", plan.argv.data(), plan.envp.data(), AT_EMPTY_PATH);
}

class Shepherd {
 public:
  int run() {
    if (!prepare() || !start()) return 1;
    while (::waitid(P_ALL, 0, nullptr, WEXITED | WNOHANG | WNOWAIT) == 0) turn();
    return 0;  // ECHILD: nothing is left below us
  }

 private:
  bool prepare() {
    ::prctl(PR_SET_DUMPABLE, 0);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    ::close_range(shepherd_wire::kOutputReaders[1] + 1, UINT_MAX, 0);
    ::close_range(kControlDescriptor, shepherd_wire::kOutputReaders[1], CLOSE_RANGE_CLOEXEC);
    sigset_t all;
    ::sigfillset(&all);  // a signal meant for the tool, or for all, must not end its shepherd
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    sigset_t child;
    ::sigemptyset(&child);
    ::sigaddset(&child, SIGCHLD);
    children_.reset(::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
    return static_cast<bool>(children_);
  }

  bool start() {
    std::vector<char> text(shepherd_wire::kPlanBytesMax);
    const auto got = ::pread(kPlanDescriptor, text.data(), text.size(), 0);
    ::close(kPlanDescriptor);
    int fault = EINVAL;
    if (got > 0) fault = fork_tool(std::span(text).first(static_cast<std::size_t>(got)));
    wipe(std::as_writable_bytes(std::span(text)));  // the environment may hold the credential
    leave_tool_descriptors();
    if (fault == 0) {
      say(EventKind::started, tool_);
      return true;
    }
    say(EventKind::not_started, fault);
    return false;
  }

  /// fork_tool returns 0, or the errno of the step that failed.
  int fork_tool(std::span<char> text) {
    const auto plan = shepherd_wire::read_plan(text);
    if (plan) door_.open(plan->door, plan->survive_s, plan->port);
    int pipe_ends[2];
    if (!plan || ::pipe2(pipe_ends, O_CLOEXEC) != 0) return plan ? errno : EINVAL;
    const Descriptor reads(pipe_ends[0]);
    Descriptor writes(pipe_ends[1]);
    const auto shepherd = ::getpid();
    tool_ = ::fork();
    if (tool_ < 0) return errno;
    if (tool_ == 0) {
      become_tool(*plan, shepherd);
      const int fault = errno;
      (void)!::write(writes.get(), &fault, sizeof fault);
      ::_exit(kExecFailed);
    }
    writes.reset();
    // Without an image its number is free, and by now one of ours.
    if (plan->from != RunsFrom::path) ::close(kImageDescriptor);
    int fault = 0;
    if (::read(reads.get(), &fault, sizeof fault) != sizeof fault) return 0;  // closed by execve
    ::waitpid(tool_, nullptr, 0);
    return fault;
  }

  /// leave_tool_descriptors lets go of the tool's output and credential: we hold no secret, and the output
  /// ends with the tool.
  static void leave_tool_descriptors() {
    for (const int fd : {STDOUT_FILENO, STDERR_FILENO, kCredentialDescriptor}) ::dup2(STDIN_FILENO, fd);
  }

  void turn() {
    pollfd waits[] = {{control_open_ ? kControlDescriptor : -1, POLLIN, 0},
                      {children_.get(), POLLIN, 0},
                      {control_open_ || killing_ ? -1 : door_.descriptor(), POLLIN, 0}};
    ::poll(waits, 3, killing_ ? kKillRoundMs : control_open_ ? -1 : kAloneRoundMs);
    if (waits[0].revents != 0) obey();
    drain_signals();
    reap();
    if (!control_open_ && !killing_) wait_for_gateway();
    if (killing_) kill_subtree();
  }

  void obey() {
    Command command{};
    const auto got = ::recv(kControlDescriptor, &command, sizeof command, MSG_DONTWAIT);
    // A gateway that went without reading our events shows as a reset, before the last that it said.
    if (got < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNRESET)) return;
    if (got <= 0) return lose_gateway();
    if (command == Command::kill) {
      killing_ = true;
    } else if (tool_ > 0) {
      ::kill(-tool_, command == Command::interrupt ? SIGINT : SIGTERM);
    }
  }

  void lose_gateway() {
    control_open_ = false;
    ::dup2(STDIN_FILENO, kControlDescriptor);
    if (!door_.is_open()) killing_ = true;
    alone_until_ = uptime() + door_.survive();
  }

  void wait_for_gateway() {
    door_.make_room();
    if (const Descriptor gateway = door_.welcome(tool_)) {
      control_open_ = ::dup3(gateway.get(), kControlDescriptor, O_CLOEXEC) == kControlDescriptor;
    } else if (uptime() >= alone_until_) {
      killing_ = true;
    }
  }

  static Duration uptime() {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
  }

  void drain_signals() const {
    signalfd_siginfo info;
    while (::read(children_.get(), &info, sizeof info) > 0) {
    }
  }

  void reap() {
    siginfo_t ended{};
    // While the dead tool is not reaped, its number still means its process group and nothing else.
    if (tool_ > 0 && ::waitid(P_PID, static_cast<id_t>(tool_), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
        ended.si_pid == tool_) {
      ::kill(-tool_, SIGKILL);
      int status = 0;
      ::waitpid(tool_, &status, 0);
      tool_ = 0;
      killing_ = true;
      say(EventKind::exited, status);
    }
    // The tool itself is left for the next turn where it ends right now: its end is told before it is reaped.
    for (;;) {
      siginfo_t orphan{};
      if (::waitid(P_ALL, 0, &orphan, WEXITED | WNOHANG | WNOWAIT) != 0 || orphan.si_pid == 0) return;
      if (orphan.si_pid == tool_) return rearm();
      ::waitpid(orphan.si_pid, nullptr, 0);
    }
  }

  /// rearm makes the next turn come at once.
  static void rearm() { ::kill(::getpid(), SIGCHLD); }

  Descriptor children_;
  ShepherdDoor door_;
  Duration alone_until_{};
  pid_t tool_ = 0;
  bool killing_ = false;
  bool control_open_ = true;
};

}  // namespace

std::optional<int> run_as_shepherd(int argc, char** argv) {
  if (argc < 1 || std::string_view(argv[0]) != kShepherdName) return std::nullopt;
  Shepherd shepherd;
  return shepherd.run();
}

}  // namespace sallyport
