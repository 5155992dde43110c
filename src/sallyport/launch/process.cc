// SPDX-License-Identifier: Apache-2.0
#include "sallyport/launch/process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "sallyport/base/text.h"
#include "sallyport/launch/handover.h"
#include "sallyport/launch/internal/shepherd_wire.h"
#include "sallyport/launch/shepherd.h"

namespace sallyport {
namespace {

/// Descriptors for the shepherd are moved above those that it shall find them on.
constexpr int kFirstSpareDescriptor = 16;
constexpr int kDestroyWaitMs = 5000;

Error system_error(std::string_view what, int fault = errno) {
  const auto code = fault == EMFILE || fault == ENFILE || fault == EAGAIN || fault == ENOMEM
                        ? Code::exhausted
                        : Code::unavailable;
  return fail(code, concat("cannot ", what, ": ", std::strerror(fault)));
}

Result<Descriptor> raised(const Descriptor& from) {
  Descriptor made(::fcntl(from.get(), F_DUPFD_CLOEXEC, kFirstSpareDescriptor));
  if (!made) return system_error("duplicate a descriptor");
  return made;
}

struct Pair {
  Descriptor ours;
  Descriptor theirs;
};

Result<Pair> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("make a pipe");
  Pair made{Descriptor(ends[0]), {}};
  const Descriptor writes(ends[1]);
  ::fcntl(made.ours.get(), F_SETFL, O_NONBLOCK);
  SALLYPORT_TRY(theirs, raised(writes));
  made.theirs = std::move(theirs);
  return made;
}

Result<Pair> make_control() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return system_error("make a socket pair");
  Pair made{Descriptor(ends[0]), {}};
  const Descriptor other(ends[1]);
  SALLYPORT_TRY(theirs, raised(other));
  made.theirs = std::move(theirs);
  return made;
}

Result<Descriptor> open_null() {
  const Descriptor null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) return system_error("open /dev/null");
  return raised(null);
}

unsigned runs_from(const ProcessPlan& plan) {
  using shepherd_wire::RunsFrom;
  if (plan.image == nullptr) return static_cast<unsigned>(RunsFrom::path);
  const bool script = plan.image->kind() == ProgramImage::Kind::script;
  return static_cast<unsigned>(script ? RunsFrom::script_image : RunsFrom::image);
}

/// plan_text is the text that shepherd_wire::read_plan reads; secret, since the environment may be.
SecretText plan_text(const ProcessPlan& plan, const std::string& program) {
  const auto survival = plan.survival.value_or(ProcessPlan::Survival{});
  const auto head =
      concat(plan.argv.size(), '\0', plan.environment->size(), '\0', plan.credential == nullptr ? '0' : '1',
             '\0', runs_from(plan), '\0', survival.door, '\0', survival.life.count(), '\0', survival.port,
             '\0', plan.directory, '\0', program, '\0');
  std::size_t size = head.size();
  for (const auto& word : plan.argv) size += word.size() + 1;
  for (const auto& one : plan.environment->variables()) size += one.name.size() + one.value.size() + 2;
  return SecretText::filled_by(size, [&](std::span<char> out) {
    auto* to = std::copy(head.begin(), head.end(), out.data());
    const auto add = [&to](std::string_view text, char end) {
      to = std::copy(text.begin(), text.end(), to);
      *to++ = end;
    };
    for (const auto& word : plan.argv) add(word, '\0');
    for (const auto& one : plan.environment->variables()) {
      add(one.name, '=');
      add(one.value.expose(), '\0');
    }
  });
}

bool has_nul(const ProcessPlan& plan) {
  const auto nul = [](std::string_view text) { return text.find('\0') != std::string_view::npos; };
  for (const auto& word : plan.argv) {
    if (nul(word)) return true;
  }
  for (const auto& one : plan.environment->variables()) {
    if (nul(one.value.expose())) return true;
  }
  return nul(plan.directory) || (plan.survival && nul(plan.survival->door));
}

class SpawnActions {
 public:
  SpawnActions() {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    sigset_t all;
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, &all);  // until the shepherd has seen to its signals
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
  }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  ~SpawnActions() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  void put(const Descriptor& from, int to) { ::posix_spawn_file_actions_adddup2(&actions_, from.get(), to); }
  int spawn(pid_t& pid, const char* program, char* const* argv) const {
    char* const no_environment[] = {nullptr};
    return ::posix_spawn(&pid, program, &actions_, &attributes_, argv, no_environment);
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

bool is_executable_file(const std::string& path) {
  struct stat facts {};
  return ::stat(path.c_str(), &facts) == 0 && S_ISREG(facts.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

std::size_t read_some(Descriptor& from, std::string& out, std::size_t bytes_max) {
  std::size_t total = 0;
  char buffer[8192];
  while (from && total < bytes_max) {
    const auto got = ::read(from.get(), buffer, std::min(sizeof buffer, bytes_max - total));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) break;
    if (got <= 0) {
      from.reset();
      break;
    }
    out.append(buffer, static_cast<std::size_t>(got));
    total += static_cast<std::size_t>(got);
  }
  return total;
}

ExitStatus exit_status(int wait_status) noexcept {
  if (WIFSIGNALED(wait_status)) return {ExitStatus::How::signalled, WTERMSIG(wait_status)};
  return {ExitStatus::How::exited, WEXITSTATUS(wait_status)};
}

}  // namespace

int ExitStatus::shell_status() const noexcept {
  switch (how) {
    case How::exited:
      return value;
    case How::signalled:
      return 128 + value;
    case How::not_started:
      return value == ENOENT ? 127 : 126;
  }
  return 1;
}

std::string ExitStatus::str() const {
  switch (how) {
    case How::exited:
      return concat("ended with status ", value);
    case How::signalled:
      return concat("was killed by signal ", value);
    case How::not_started:
      return concat("could not be started: ", std::strerror(value));
  }
  return {};
}

Result<std::string> find_program(const std::string& name, std::string_view path) {
  const auto cannot = [&](Code code, std::string_view why) {
    return fail(code, concat("cannot start `", escaped(name), "`: ", why));
  };
  if (name.find('/') != std::string::npos) {
    if (is_executable_file(name)) return name;
    if (::access(name.c_str(), F_OK) != 0) return cannot(Code::not_found, "No such file or directory");
    return cannot(Code::permission_denied, "it is no executable file; try: chmod +x");
  }
  for (const auto directory : split(path, ':')) {
    // An empty entry would mean the working directory, which is how people run what they never meant to.
    if (directory.empty()) continue;
    auto candidate = concat(directory, '/', name);
    if (is_executable_file(candidate)) return candidate;
  }
  return cannot(Code::not_found, "No such file or directory; is it installed and on PATH?");
}

Result<Process> Process::start(const ProcessPlan& plan) {
  if (plan.argv.empty() || plan.environment == nullptr || has_nul(plan)) {
    return fail(Code::invalid_argument,
                "a launch needs a command and an environment, both without NUL bytes");
  }
  const auto* path = plan.environment->find("PATH");
  std::string program;
  if (plan.image == nullptr) {
    SALLYPORT_TRY(found, find_program(plan.argv.front(), path == nullptr ? "/usr/bin:/bin" : path->expose()));
    program = std::move(found);
  }
  const auto text = plan_text(plan, program);
  if (text.size() > shepherd_wire::kPlanBytesMax)
    return fail(Code::exhausted, "command and environment are too long");
  SALLYPORT_TRY(plan_memory, sealed_memory(text.expose()));
  SALLYPORT_TRY(plan_theirs, raised(plan_memory));
  SALLYPORT_TRY(null, open_null());
  SALLYPORT_TRY(out, make_pipe());
  SALLYPORT_TRY(err, make_pipe());
  SALLYPORT_TRY(control, make_control());

  SpawnActions actions;
  actions.put(null, STDIN_FILENO);
  actions.put(out.theirs, STDOUT_FILENO);
  actions.put(err.theirs, STDERR_FILENO);
  Descriptor credential;
  if (plan.credential != nullptr) {
    SALLYPORT_TRY(memory, sealed_memory(plan.credential->expose()));
    SALLYPORT_TRY(theirs, raised(memory));
    credential = std::move(theirs);
  }
  actions.put(credential ? credential : null, kCredentialDescriptor);
  actions.put(control.theirs, shepherd_wire::kControlDescriptor);
  actions.put(plan_theirs, shepherd_wire::kPlanDescriptor);
  Descriptor image;
  if (plan.image != nullptr) {
    SALLYPORT_TRY(theirs, raised(plan.image->descriptor()));
    image = std::move(theirs);
    actions.put(image, shepherd_wire::kImageDescriptor);
  }
  SALLYPORT_TRY(out_reader, raised(out.ours));
  SALLYPORT_TRY(err_reader, raised(err.ours));
  actions.put(out_reader, shepherd_wire::kOutputReaders[0]);
  actions.put(err_reader, shepherd_wire::kOutputReaders[1]);

  std::string shepherd_name = kShepherdName;
  std::string label = plan.name;
  char* argv[] = {shepherd_name.data(), label.data(), nullptr};
  pid_t shepherd = 0;
  const int fault = actions.spawn(shepherd, plan.shepherd.c_str(), argv);
  if (fault != 0) return system_error(concat("start the shepherd ", plan.shepherd), fault);
  return Process(shepherd, std::move(control.ours), std::move(out.ours), std::move(err.ours));
}

std::optional<ProcessEvent> Process::next_event() {
  if (!control_) return std::nullopt;
  shepherd_wire::Event event{};
  const auto got = ::recv(control_.get(), &event, sizeof event, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
  if (got != sizeof event) return shepherd_left();
  switch (event.kind) {
    case shepherd_wire::EventKind::started:
      return ProcessEvent{ProcessEvent::Kind::started, event.value, {}};
    case shepherd_wire::EventKind::not_started:
      told_ = Told::end;
      return ProcessEvent{ProcessEvent::Kind::ended, 0, {ExitStatus::How::not_started, event.value}};
    case shepherd_wire::EventKind::exited:
      told_ = Told::end;
      return ProcessEvent{ProcessEvent::Kind::ended, 0, exit_status(event.value)};
  }
  return std::nullopt;
}

ProcessEvent Process::shepherd_left() {
  if (told_ == Told::nothing) {  // somebody killed the shepherd; the kernel killed the tool with it
    told_ = Told::end;
    return {ProcessEvent::Kind::ended, 0, {ExitStatus::How::signalled, SIGKILL}};
  }
  control_.reset();
  ::waitpid(shepherd_, nullptr, 0);
  shepherd_ = 0;
  return {ProcessEvent::Kind::gone, 0, {}};
}

std::size_t Process::read_output(std::string& out, std::size_t bytes_max) {
  const auto first = read_some(stdout_, out, bytes_max);
  return first + read_some(stderr_, out, bytes_max - first);
}

std::size_t Process::read_stdout(std::string& out, std::size_t bytes_max) {
  return read_some(stdout_, out, bytes_max);
}

std::size_t Process::read_stderr(std::string& out, std::size_t bytes_max) {
  return read_some(stderr_, out, bytes_max);
}

void Process::send(StopSignal signal) noexcept {
  const auto command = static_cast<shepherd_wire::Command>(signal);
  if (control_) ::send(control_.get(), &command, sizeof command, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void Process::leave() noexcept {
  control_.reset();
  stdout_.reset();
  stderr_.reset();
  shepherd_ = 0;
}

Process::~Process() {
  if (shepherd_ <= 0 || !control_) return;
  send(StopSignal::kill);  // one that would survive us is told; the others go by our end
  control_.reset();
  const Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, shepherd_, 0)));
  pollfd wait{process.get(), POLLIN, 0};
  ::poll(&wait, 1, kDestroyWaitMs);
  ::waitpid(shepherd_, nullptr, WNOHANG);
}

}  // namespace sallyport
