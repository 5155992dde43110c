// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>

#include "sallyport/base/text.h"
#include "sallyport/env/posix/descriptor.h"
#include "sallyport/env/posix/system.h"
#include "sallyport/net/signals.h"
#include "sallyport/plugin/server.h"

namespace sallyport {
namespace {

constexpr int kAncestorsMax = 16;
constexpr std::string_view kCookieDescriptorVariable = "SALLYPORT_CREDENTIAL_FD";

std::optional<std::string_view> variable(std::string_view name) {
  const char* const value = std::getenv(std::string(name).c_str());
  if (value == nullptr) return std::nullopt;
  return value;
}

/// forget wipes a variable where it stands, so that neither children nor /proc/self/environ have it.
void forget(const std::string& name) {
  if (char* const value = std::getenv(name.c_str()); value != nullptr)
    wipe(std::as_writable_bytes(std::span(value, std::strlen(value))));
  ::unsetenv(name.c_str());
}

/// handed_cookie reads what the host handed over by descriptor, whole, and closes it; where the host uses the
/// variable `key` the descriptor is somebody else's. An empty text, which is no cookie, stands for what
/// cannot be read.
std::optional<SecretText> handed_cookie(const std::string& key) {
  const auto named = variable(kCookieDescriptorVariable);
  if (!named || (!key.empty() && variable(key).has_value())) return std::nullopt;
  const auto number = parse_decimal<std::uint16_t>(*named);
  ::unsetenv(std::string(kCookieDescriptorVariable).c_str());
  if (!number || *number <= STDERR_FILENO) return SecretText();
  const Descriptor from(*number);
  ssize_t got = 0;
  auto text = SecretText::filled_by(kCookieTextMax + 1, [&](std::span<char> room) {
    got = ::pread(from.get(), room.data(), room.size(), 0);
    if (got < 0 && errno == ESPIPE) got = ::read(from.get(), room.data(), room.size());
  });
  return SecretText(text.expose().substr(0, got > 0 ? static_cast<std::size_t>(got) : 0));
}

/// parent_of reads the fourth field of /proc/PID/stat; 0 where that cannot be had.
std::int32_t parent_of(std::int32_t pid) {
  const Descriptor file(::open(concat("/proc/", pid, "/stat").c_str(), O_RDONLY | O_CLOEXEC));
  char text[1024];
  const ssize_t got = file ? ::read(file.get(), text, sizeof text) : 0;
  const std::string_view stat(text, got > 0 ? static_cast<std::size_t>(got) : 0);
  const std::size_t name_end = stat.rfind(')');  // the name may hold anything
  if (name_end == std::string_view::npos) return 0;
  const auto fields = split(stat.substr(name_end + 1), ' ');
  const auto parent = fields.size() > 2 ? parse_decimal<std::uint32_t>(fields[2]) : std::nullopt;
  return static_cast<std::int32_t>(parent.value_or(0));
}

std::vector<std::int32_t> ancestors() {
  std::vector<std::int32_t> made;
  made.reserve(kAncestorsMax);
  for (std::int32_t pid = ::getppid(); pid > 0 && made.size() < kAncestorsMax; pid = parent_of(pid))
    made.push_back(pid);
  return made;
}

/// watched_parent gives a pidfd of our parent. Not PR_SET_PDEATHSIG: that is about the thread that started
/// us, and a Go host's threads come and go.
Descriptor watched_parent(std::int32_t parent) {
  if (parent <= 1) return {};
  Descriptor made(static_cast<int>(::syscall(SYS_pidfd_open, parent, 0)));
  if (::getppid() != parent) return {};  // it died meanwhile, and the number may be another's
  return made;
}

std::vector<std::string> socket_directories() {
  std::vector<std::string> made;
  for (const char* const name : {"XDG_RUNTIME_DIR", "TMPDIR"}) {
    const auto value = variable(name);
    if (value && value->starts_with('/')) made.emplace_back(*value);
  }
  made.emplace_back("/tmp");
  return made;
}

int refuse_start(const Error& error) {
  write_whole(STDERR_FILENO, concat(error.what, '\n'));
  return 1;
}

int refuse_cookie(const Error& error) {
  constexpr std::string_view kNotByHand =
      "This program is a plugin. It does nothing by itself: the program that uses it starts it, and stops it "
      "again.\n";
  if (cookie_fault_of(error) != CookieFault::malformed) write_whole(STDERR_FILENO, kNotByHand);
  return refuse_start(error);
}

/// LastGrace ends the process where a handler that never returns would keep it. Its own end calls that off.
class LastGrace {
 public:
  LastGrace() = default;
  LastGrace(const LastGrace&) = delete;
  LastGrace& operator=(const LastGrace&) = delete;
  ~LastGrace() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    ended_.notify_all();
    if (thread_.joinable()) thread_.join();
  }
  void begin(Duration grace) {
    thread_ = std::thread([this, grace] {
      std::unique_lock lock(mutex_);
      if (!ended_.wait_for(lock, grace, [this] { return over_; })) std::_Exit(0);
    });
  }

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  bool over_ = false;  ///< guarded by mutex_
  std::thread thread_;
};

/// Real makes the powers, and holds what they are made of.
struct Real {
  explicit Real(std::string_view name) : log(err.get(), clock, name) {}
  [[nodiscard]] PluginServerPowers powers() {
    return {clock,       monotonic, entropy,   files, log, variable, socket_directories(),
            ::geteuid(), above,     host.get()};
  }
  SystemClock clock;
  SystemMonotonicClock monotonic;
  SystemEntropy entropy;
  SystemFiles files;
  // The log and the line stay with the original descriptors, whatever happens to 1 and 2.
  Descriptor out{::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)};
  Descriptor err{::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)};
  PluginLog log;
  std::vector<std::int32_t> above = ancestors();
  Descriptor host = watched_parent(::getppid());
};

Status prepare_process() {
  if (std::signal(SIGPIPE, SIG_IGN) == SIG_ERR) return fail(Code::internal, "SIGPIPE cannot be ignored");
  return block_signals({SIGINT, SIGTERM});
}

/// serve_host is serve() after the cookie.
Status serve_host(PluginServerOptions options) {
  Real real(options.name);
  const Duration grace = options.grace;
  LastGrace last;
  StdioQueue output;
  SALLYPORT_TRY(server, PluginServer::open(std::move(options), real.powers(), &output));
  forget("PLUGIN_SERVER_KEY");
  SALLYPORT_CHECK(server->watch_signals(PluginInterrupt::left_to_host));
  SALLYPORT_TRY(capture, StdioCapture::begin(output));
  if (!write_whole(real.out.get(), server->handshake().line()))
    return fail(Code::unavailable, "nobody reads the handshake line");
  server->run();
  last.begin(grace);
  capture->finish();
  // What no host took is not lost where it was an error's last words.
  while (const auto chunk = output.take()) {
    if (chunk->channel == StdioChunk::Channel::err) write_whole(real.err.get(), chunk->data);
  }
  return ok();
}

Status serve_attached(PluginServerOptions options, const std::function<void(const PluginHandshake&)>& ready) {
  options.peers = PluginPeers::same_user;
  options.host_death = PluginHostDeath::live_on;
  options.cookie_life = Duration::max();
  Real real(options.name);
  const Duration grace = options.grace;
  LastGrace last;
  SALLYPORT_TRY(server, PluginServer::open(std::move(options), real.powers(), nullptr));
  SALLYPORT_CHECK(server->watch_signals(PluginInterrupt::stops));
  ready(server->handshake());
  server->run();
  last.begin(grace);
  return ok();
}

}  // namespace

int serve(PluginServerOptions options) {
  if (const auto prepared = prepare_process(); !prepared) return refuse_start(prepared.error());
  if (const auto judged = check_plugin_cookie(options, variable, handed_cookie(options.cookie_key)); !judged)
    return refuse_cookie(judged.error());
  if (!options.cookie_key.empty()) forget(options.cookie_key);
  options.cookie_value = SecretText();
  const auto served = serve_host(std::move(options));
  return served ? 0 : refuse_start(served.error());
}

int serve_for_tests(PluginServerOptions options, const std::function<void(const PluginHandshake&)>& ready) {
  if (const auto prepared = prepare_process(); !prepared) return refuse_start(prepared.error());
  const auto served = serve_attached(std::move(options), ready);
  return served ? 0 : refuse_start(served.error());
}

}  // namespace sallyport
