// SPDX-License-Identifier: Apache-2.0
#include "sallyport/secrets/helper_program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <deque>

#include "sallyport/base/text.h"
#include "sallyport/env/posix/descriptor.h"

namespace sallyport {
namespace {

constexpr std::size_t kLinksMax = 40;  ///< as the kernel's own bound

int milliseconds_until(const MonotonicClock& clock, MonotonicTime deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock.now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

/// Child is a program of its own process group, killed and reaped at the end unless it was waited for.
class Child {
 public:
  explicit Child(pid_t pid) noexcept : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(-pid_, SIGKILL);
    (void)wait();
  }
  int wait() noexcept {
    int status = -1;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }
  /// ends_by waits for the end: a program may close its output long before.
  [[nodiscard]] bool ends_by(const MonotonicClock& clock, MonotonicTime deadline) const {
    const Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    for (;;) {
      pollfd waiting{process.get(), POLLIN, 0};
      const int left = milliseconds_until(clock, deadline);
      if (left <= 0) return false;
      if (::poll(&waiting, 1, left) > 0) return true;
    }
  }

 private:
  pid_t pid_;
};

Error changeable(const std::string& path, const std::string& program) {
  return fail(Code::permission_denied,
              concat("others may change ", escaped(path), ", so ", escaped(program),
                     " is not asked for secrets; chown it to you or root, and chmod go-w it"));
}

bool is_ours(const struct stat& found) noexcept { return found.st_uid == 0 || found.st_uid == ::geteuid(); }

/// is_kept says whether nobody else may change this entry, or put another in its place. In a folder with the
/// sticky bit, as /tmp, others may add entries, and neither replace nor remove ours.
bool is_kept(const struct stat& found) noexcept {
  if (!is_ours(found)) return false;
  if (S_ISLNK(found.st_mode) || (found.st_mode & (S_IWGRP | S_IWOTH)) == 0) return true;
  return S_ISDIR(found.st_mode) && (found.st_mode & S_ISVTX) != 0;
}

void put_before(std::deque<std::string>& ahead, std::string_view path) {
  std::vector<std::string> parts;
  for (const auto part : split(path, '/')) {
    if (!part.empty() && part != ".") parts.emplace_back(part);
  }
  ahead.insert(ahead.begin(), parts.begin(), parts.end());
}

/// judge_way walks from the root to the program, through links, and judges each folder and each link on the
/// way: who may rename one of them may put a program of his own there.
Status judge_way(const std::string& program) {
  std::deque<std::string> ahead;
  put_before(ahead, program);
  std::vector<std::string> here;
  const auto name_of_here = [&here] {
    std::string name;
    for (const auto& part : here) name += concat('/', part);
    return name.empty() ? std::string("/") : name;
  };
  for (std::size_t links = 0;;) {
    struct stat found {};
    const std::string name = name_of_here();
    if (::lstat(name.c_str(), &found) != 0)
      return fail(Code::not_found,
                  concat("cannot find the program ", escaped(program), ": ", std::strerror(errno)));
    if (!is_kept(found)) return changeable(name, program);
    if (S_ISLNK(found.st_mode)) {
      if (++links > kLinksMax)
        return fail(Code::permission_denied, concat(escaped(program), " leads through too many links"));
      std::array<char, PATH_MAX> target{};
      const ssize_t size = ::readlink(name.c_str(), target.data(), target.size());
      if (size <= 0 || static_cast<std::size_t>(size) == target.size())
        return fail(Code::permission_denied, concat("cannot follow ", escaped(name)));
      const std::string_view leads_to(target.data(), static_cast<std::size_t>(size));
      here.pop_back();
      if (leads_to.starts_with('/')) here.clear();
      put_before(ahead, leads_to);
    }
    if (ahead.empty()) return ok();
    if (ahead.front() != "..") {
      here.push_back(ahead.front());
    } else if (!here.empty()) {
      here.pop_back();
    }
    ahead.pop_front();
  }
}

Status judge_program(const std::string& path) {
  SALLYPORT_CHECK(judge_way(path));
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0)
    return fail(Code::not_found,
                concat("cannot find the program ", escaped(path), ": ", std::strerror(errno)));
  if (!S_ISREG(found.st_mode) || ::access(path.c_str(), X_OK) != 0)
    return fail(Code::permission_denied, concat(escaped(path), " is no program that we may start"));
  return ok();
}

Result<pid_t> start(std::vector<std::string> words, std::vector<std::string> variables, int out) {
  const auto pointers = [](std::vector<std::string>& texts) {
    std::vector<char*> all;
    all.reserve(texts.size() + 1);
    for (auto& text : texts) all.push_back(text.data());
    all.push_back(nullptr);
    return all;
  };
  const auto argv = pointers(words);
  const auto envp = pointers(variables);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_adddup2(&actions, out, 1);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
  ::posix_spawn_file_actions_adddup2(&actions, 0, 2);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  sigset_t all;
  sigset_t none;
  ::sigfillset(&all);
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  ::posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  pid_t pid = -1;
  const int fault =
      ::posix_spawn(&pid, words.front().c_str(), &actions, &attributes, argv.data(), envp.data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (fault != 0) return fail(Code::unavailable, concat("cannot start it: ", std::strerror(fault)));
  return pid;
}

Error late() { return fail(Code::deadline_exceeded, "it did not end in time"); }

/// collect reads until the other end closes.
Result<std::size_t> collect(int fd, std::span<char> out, const MonotonicClock& clock,
                            MonotonicTime deadline) {
  std::size_t used = 0;
  for (;;) {
    pollfd waiting{fd, POLLIN, 0};
    const int left = milliseconds_until(clock, deadline);
    if (left <= 0) return late();
    if (::poll(&waiting, 1, left) <= 0) continue;
    if (used == out.size()) return fail(Code::exhausted, "it prints too much for a secret");
    const ssize_t got = ::read(fd, out.data() + used, out.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(Code::unavailable, std::strerror(errno));
    if (got == 0) return used;
    used += static_cast<std::size_t>(got);
  }
}

}  // namespace

Result<SecretText> read_from_program(const std::string& command_line, const Environment& environment,
                                     const MonotonicClock& clock, MonotonicTime deadline) {
  std::vector<std::string> words;
  for (const auto word : split(command_line, ' ')) {
    if (!word.empty()) words.emplace_back(word);
  }
  std::vector<std::string> variables;
  for (const std::string_view name : {"PATH", "HOME", "USER", "LANG", "XDG_RUNTIME_DIR"}) {
    if (const auto value = environment.get(name)) variables.push_back(concat(name, '=', *value));
  }
  return run_helper(std::move(words), std::move(variables), clock, deadline);
}

Result<SecretText> run_helper(std::vector<std::string> words, std::vector<std::string> variables,
                              const MonotonicClock& clock, MonotonicTime deadline) {
  if (words.empty() || !words.front().starts_with('/'))
    return fail(Code::not_found, "a helper program is named by its absolute path");
  const std::string program = words.front();
  SALLYPORT_CHECK(judge_program(program));
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(Code::unavailable, std::strerror(errno));
  const Descriptor reads(ends[0]);
  Descriptor writes(ends[1]);
  const auto named = [&](Error error) {
    error.what = concat("helper program ", escaped(program), ": ", error.what);
    return error;
  };
  auto pid = start(std::move(words), std::move(variables), writes.get());
  if (!pid) return named(std::move(pid).error());
  Child child(*pid);
  writes.reset();
  Result<std::size_t> size = std::size_t{0};
  const auto whole = SecretText::filled_by(kProgramSecretBytesMax, [&](std::span<char> out) {
    size = collect(reads.get(), out, clock, deadline);
  });
  if (!size) return named(std::move(size).error());
  if (!child.ends_by(clock, deadline)) return named(late());
  const int status = child.wait();
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return named(fail(Code::unavailable, WIFEXITED(status)
                                             ? concat("it failed with status ", WEXITSTATUS(status))
                                             : std::string("a signal ended it")));
  return SecretText(whole.expose().substr(0, *size));
}

}  // namespace sallyport
