// SPDX-License-Identifier: Apache-2.0
#include "sallyport/pam/pam_pool.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "sallyport/base/text.h"
#include "sallyport/pam/internal/pam_wire.h"

namespace sallyport {
namespace {

/// is_plain_name keeps out what would mean something in a path, a file of PAM's, or the name service.
bool is_plain_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > kPamNameBytesMax || name.front() == '-' || name.front() == '.')
    return false;
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-' || c == '@';
  });
}

bool is_file(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 && S_ISREG(found.st_mode);
}

int milliseconds(Duration left) noexcept {
  const auto whole = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return static_cast<int>(std::clamp<std::int64_t>(whole, 0, 3'600'000));
}

/// SpawnPlan is what posix_spawn wants to know: nothing of ours is inherited but the socket.
class SpawnPlan {
 public:
  explicit SpawnPlan(int socket) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawn_file_actions_adddup2(&actions_, socket, pam_wire::kSocketDescriptor);
    ::posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDWR, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, 0, 1);
    ::posix_spawn_file_actions_adddup2(&actions_, 0, 2);
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, pam_wire::kSocketDescriptor + 1);
    sigset_t all;
    sigset_t none;
    ::sigfillset(&all);
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setflags(&attributes_,
                               POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  /// run gives the pid, or minus an errno.
  int run(const char* program, std::vector<char*>& argv) {
    char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    std::array<char*, 2> environment{path, nullptr};
    pid_t pid = -1;
    const int fault = ::posix_spawn(&pid, program, &actions_, &attributes_, argv.data(), environment.data());
    return fault == 0 ? pid : -fault;
  }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

/// send_attempt puts name and password into one datagram, in memory that is wiped.
bool send_attempt(int socket, std::string_view name, const SecretText& password) {
  const pam_wire::Sizes sizes{static_cast<std::uint16_t>(name.size()),
                              static_cast<std::uint16_t>(password.size())};
  const auto attempt =
      SecretText::filled_by(sizeof sizes + name.size() + password.size(), [&](std::span<char> out) {
        std::memcpy(out.data(), &sizes, sizeof sizes);
        auto at = std::copy(name.begin(), name.end(), out.begin() + sizeof sizes);
        const auto secret = password.expose();
        std::copy(secret.begin(), secret.end(), at);
      });
  const auto bytes = attempt.expose();
  return ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

}  // namespace

std::string_view name_of(PamAnswer answer) noexcept {
  constexpr std::array<std::string_view, 5> names{"refused", "account_refused", "not_listed", "unavailable",
                                                  "admitted"};
  return names[static_cast<std::size_t>(answer)];
}

Status judge_pam_options(const PamOptions& options) {
  if (!is_plain_name(options.service))
    return fail(Code::invalid_argument, "--pam-service is no name of a service");
  if (options.users.empty() && options.group.empty()) {
    return fail(
        Code::invalid_argument,
        "with PAM say who may come: --pam-user NAME or --pam-group NAME (root only by --pam-user root)");
  }
  for (const auto& user : options.users) {
    if (!is_plain_name(user))
      return fail(Code::invalid_argument, concat("--pam-user ", escaped(user), " is no user name"));
  }
  if (!options.group.empty() && !is_plain_name(options.group))
    return fail(Code::invalid_argument, concat("--pam-group ", escaped(options.group), " is no group name"));
  const bool own_directory = !options.config_directory.empty();
  const std::string place = (own_directory ? options.config_directory : "/etc/pam.d") + '/' + options.service;
  if (is_file(place) || (!own_directory && is_file("/usr/lib/pam.d/" + options.service))) return ok();
  return fail(
      Code::invalid_argument,
      concat(
          "there is no PAM service at ", escaped(place),
          "; make that file with the lines \"@include common-auth\" and \"@include common-account\", or name "
          "another service with --pam-service"));
}

PamPool::PamPool(const MonotonicClock& clock, PamOptions options)
    : clock_(clock), options_(std::move(options)) {}

PamPool::~PamPool() {
  const std::lock_guard lock(mutex_);
  for (auto& helper : idle_) drop(std::move(helper));
}

Result<PamPool::Helper> PamPool::start_helper() const {
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return fail(Code::unavailable, concat("no socket for a PAM helper: ", std::strerror(errno)));
  Helper helper{Descriptor(ends[0]), -1, 0};
  const Descriptor theirs(ends[1]);
  std::vector<std::string> words{kPamHelperName, options_.service, options_.config_directory, options_.group};
  words.insert(words.end(), options_.users.begin(), options_.users.end());
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  helper.pid = SpawnPlan(theirs.get()).run(options_.helper.c_str(), argv);
  if (helper.pid < 0)
    return fail(Code::unavailable, concat("cannot start a PAM helper: ", std::strerror(-helper.pid)));
  return helper;
}

/// acquire takes an idle helper, or starts one; it waits while all are at work.
bool PamPool::acquire(Helper& helper, MonotonicTime until) {
  std::unique_lock lock(mutex_);
  while (idle_.empty() && in_use_ >= options_.helpers_max) {
    const Duration left = until - clock_.now();
    if (left <= Duration::zero()) return false;
    freed_.wait_for(lock, left);
  }
  ++in_use_;
  if (!idle_.empty()) {
    helper = std::move(idle_.back());
    idle_.pop_back();
    return true;
  }
  lock.unlock();
  auto started = start_helper();
  if (started) {
    helper = *std::move(started);
    return true;
  }
  lock.lock();
  --in_use_;
  freed_.notify_one();
  return false;
}

void PamPool::release(Helper helper) {
  const std::lock_guard lock(mutex_);
  --in_use_;
  if (helper.socket) idle_.push_back(std::move(helper));
  freed_.notify_one();
}

/// drop ends a helper: what it was doing is of no interest any more.
void PamPool::drop(Helper helper) {
  helper.socket.reset();
  if (helper.pid <= 0) return;
  ::kill(helper.pid, SIGKILL);  // ours and not yet waited for, so the pid is still its own
  while (::waitpid(helper.pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

/// hear waits for a helper's answer; nullopt where it does not come in time.
std::optional<std::uint8_t> PamPool::hear(const Helper& helper, MonotonicTime until) const {
  pollfd waiting{helper.socket.get(), POLLIN, 0};
  int ready = -1;
  do {
    ready = ::poll(&waiting, 1, milliseconds(until - clock_.now()));
  } while (ready < 0 && errno == EINTR);
  std::uint8_t answer = 0;
  if (ready != 1 || ::recv(helper.socket.get(), &answer, sizeof answer, MSG_DONTWAIT) != sizeof answer)
    return std::nullopt;
  return answer;
}

PamAnswer PamPool::check(std::string_view name, const SecretText& password) {
  if (!is_plain_name(name) || password.empty() || password.size() > kPamPasswordBytesMax ||
      password.expose().find('\0') != std::string_view::npos) {
    return PamAnswer::refused;
  }
  const MonotonicTime until = clock_.now() + options_.patience;
  Helper helper;
  if (!acquire(helper, until)) return PamAnswer::unavailable;
  bool sent = send_attempt(helper.socket.get(), name, password);
  if (!sent) {  // it died while it was idle, and nothing was asked yet
    drop(std::exchange(helper, Helper{}));
    if (auto fresh = start_helper()) helper = *std::move(fresh);
    sent = helper.socket && send_attempt(helper.socket.get(), name, password);
  }
  const auto answer = sent ? hear(helper, until) : std::nullopt;
  if (!answer || ++helper.attempts >= kPamAttemptsPerHelper) drop(std::exchange(helper, Helper{}));
  release(std::move(helper));
  if (!answer || *answer > static_cast<std::uint8_t>(PamAnswer::admitted)) return PamAnswer::unavailable;
  return static_cast<PamAnswer>(*answer);
}

}  // namespace sallyport
