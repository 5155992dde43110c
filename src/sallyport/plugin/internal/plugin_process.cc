// SPDX-License-Identifier: Apache-2.0
#include "sallyport/plugin/internal/plugin_process.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/plugin/handshake.h"

namespace sallyport {
namespace {

constexpr std::size_t kReadBytesMax = std::size_t{64} * 1024;  ///< between two looks at everything else
constexpr Duration kEndPatience = std::chrono::seconds(1);     ///< between a closed pipe and the exit status

/// last_lines cuts `text` to the last `count` lines.
std::string_view last_lines(std::string_view text, std::size_t count) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  auto at = text.size();
  for (; count > 0 && at != std::string_view::npos && at != 0; --count) at = text.rfind('\n', at - 1);
  return at == std::string_view::npos || at == 0 ? text : text.substr(at + 1);
}

}  // namespace

Result<std::unique_ptr<PluginProcess>> PluginProcess::start(const ProcessPlan& plan,
                                                            const MonotonicClock& clock,
                                                            PluginProcessNotices notices,
                                                            std::vector<SecretText> secrets) {
  Descriptor wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return fail(Code::exhausted, "no descriptor is left to start a plugin");
  SALLYPORT_TRY(process, Process::start(plan));
  auto made = std::unique_ptr<PluginProcess>(
      new PluginProcess(std::move(process), clock, std::move(wake), std::move(notices), std::move(secrets)));
  made->keeper_ = std::thread([keeper = made.get()] { keeper->keep(); });
  return made;
}

PluginProcess::PluginProcess(Process process, const MonotonicClock& clock, Descriptor wake,
                             PluginProcessNotices notices, std::vector<SecretText> secrets)
    : clock_(clock),
      wake_(std::move(wake)),
      notices_(std::move(notices)),
      secrets_(std::move(secrets)),
      root_(process.root()),
      process_(std::move(process)) {}

PluginProcess::~PluginProcess() {
  {
    const std::lock_guard lock(mutex_);
    if (life_ == Life::open) life_ = Life::closing;
  }
  ::eventfd_write(wake_.get(), 1);
  keeper_.join();
}

template <class Done>
bool PluginProcess::wait_until(std::unique_lock<std::mutex>& lock, MonotonicTime deadline, Done done) {
  constexpr Duration nap = std::chrono::seconds(60);  // the clock is not the condition's own
  while (!done()) {
    const auto now = clock_.now();
    if (now >= deadline) return false;
    changed_.wait_for(lock, std::min<Duration>(deadline - now, nap));
  }
  return true;
}

Result<std::string> PluginProcess::wait_line(MonotonicTime deadline) {
  std::unique_lock lock(mutex_);
  const auto settled = [this] { return line_ != Line::awaited || exit_.has_value(); };
  if (!wait_until(lock, deadline, settled))
    return fail(Code::deadline_exceeded, "the plugin has not printed its handshake line in time");
  if (line_ == Line::there) return first_;
  if (line_ == Line::too_long) {
    return fail(Code::invalid_argument,
                concat("the plugin printed ", kPluginLineBytesMax,
                       " bytes without a line end; its handshake line has to come first on its stdout"));
  }
  // A process that ends closes its stdout a moment before we are told.
  const auto soon = std::min(deadline, after(clock_.now(), kEndPatience));
  if (wait_until(lock, soon, [this] { return exit_.has_value(); }))
    return fail(Code::unavailable, "the plugin was over before its handshake line");
  return fail(Code::invalid_argument, "the plugin closed its stdout without a handshake line");
}

bool PluginProcess::wait_exit(MonotonicTime deadline) {
  std::unique_lock lock(mutex_);
  return wait_until(lock, deadline, [this] { return exit_.has_value(); });
}

std::optional<ExitStatus> PluginProcess::exit() const {
  const std::lock_guard lock(mutex_);
  return exit_;
}

pid_t PluginProcess::pid() const {
  const std::lock_guard lock(mutex_);
  return pid_;
}

void PluginProcess::send(StopSignal signal) {
  {
    const std::lock_guard lock(mutex_);
    wanted_ = signal;
  }
  ::eventfd_write(wake_.get(), 1);
}

std::string PluginProcess::without_secrets(std::string_view text) const {
  std::vector<const SecretText*> secrets;
  secrets.reserve(secrets_.size());
  for (const auto& one : secrets_) secrets.push_back(&one);
  return redacted(text, secrets);
}

std::string PluginProcess::tail() const {
  std::string text;
  {
    const std::lock_guard lock(mutex_);
    text = ring_.tail(kOutputRingBytes);
  }
  return harmless(without_secrets(last_lines(text, kPluginTailLinesMax)));
}

Error PluginProcess::explained(Error error) const {
  error.what = without_secrets(error.what);
  if (const auto ended = exit()) error.what += concat("; it ", ended->str());
  const auto text = tail();
  if (text.empty()) return error;
  error.what += "; its stderr ends with:";
  for (const auto line : split(text, '\n')) error.what += concat("\n  | ", line);
  return error;
}

void PluginProcess::keep() {
  std::string bytes;
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (life_ != Life::open) break;
    }
    pollfd waits[] = {{process_->events_descriptor(), POLLIN, 0},
                      {process_->stdout_descriptor(), POLLIN, 0},
                      {process_->stderr_descriptor(), POLLIN, 0},
                      {wake_.get(), POLLIN, 0}};
    ::poll(waits, std::size(waits), -1);
    // What it wrote before its end is read before its end is heard of.
    if (waits[1].revents != 0) {
      process_->read_stdout(bytes, kReadBytesMax);
      read_line(bytes);
      bytes.clear();
    }
    if (waits[2].revents != 0) {
      process_->read_stderr(bytes, kReadBytesMax);
      read_log(bytes);
      bytes.clear();
    }
    if (waits[3].revents != 0) obey();
    if (waits[0].revents != 0) hear();
  }
  process_.reset();  // kills what is left
}

void PluginProcess::read_line(std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  if (line_ != Line::awaited) return;  // drained, for ever
  const auto end = bytes.find('\n');
  first_ += bytes.substr(0, end);
  if (end != std::string_view::npos && first_.size() <= kPluginLineBytesMax) {
    line_ = Line::there;
  } else if (first_.size() > kPluginLineBytesMax) {
    line_ = Line::too_long;
  } else if (process_->stdout_descriptor() < 0) {
    line_ = Line::closed;
  }
  changed_.notify_all();
}

void PluginProcess::read_log(std::string_view bytes) {
  {
    const std::lock_guard lock(mutex_);
    ring_.append(bytes);
  }
  tell(log_.feed(bytes));
}

void PluginProcess::tell(std::vector<PluginLogLine> lines) const {
  if (!notices_.log) return;
  for (auto& line : lines) {
    line.message = without_secrets(line.message);
    for (auto& [key, value] : line.fields) value = without_secrets(value);
    notices_.log(line);
  }
}

void PluginProcess::hear() {
  std::string bytes;
  while (const auto event = process_->next_event()) {
    if (event->kind != ProcessEvent::Kind::started) {
      // The pipes end with the last process that holds them; what they hold now is all that is waited for.
      process_->read_stdout(bytes, kReadBytesMax);
      read_line(bytes);
      bytes.clear();
      process_->read_stderr(bytes, kOutputRingBytes);
      read_log(bytes);
      bytes.clear();
    }
    std::unique_lock lock(mutex_);
    if (event->kind == ProcessEvent::Kind::started) pid_ = event->pid;
    if (event->kind == ProcessEvent::Kind::gone) life_ = Life::over;
    const bool ended = event->kind == ProcessEvent::Kind::ended;
    if (ended) exit_ = event->exit;
    changed_.notify_all();
    lock.unlock();
    if (ended) tell(log_.rest());
    if (ended && notices_.ended) notices_.ended(event->exit);
    if (event->kind == ProcessEvent::Kind::gone) return;
  }
}

void PluginProcess::obey() {
  eventfd_t count = 0;
  ::eventfd_read(wake_.get(), &count);
  std::optional<StopSignal> wanted;
  {
    const std::lock_guard lock(mutex_);
    wanted = std::exchange(wanted_, std::nullopt);
  }
  if (wanted) process_->send(*wanted);
}

}  // namespace sallyport
