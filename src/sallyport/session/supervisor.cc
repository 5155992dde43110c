// SPDX-License-Identifier: Apache-2.0
#include "sallyport/session/supervisor.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <future>
#include <map>
#include <mutex>
#include <span>
#include <thread>
#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/session/internal/runner.h"

namespace sallyport {
namespace {

constexpr int kPollMsMax = 60'000;

/// wait_ms rounds up, so that the deadline has come when poll returns.
int wait_ms(MonotonicTime now, MonotonicTime deadline) noexcept {
  if (deadline <= now) return 0;
  if (deadline - now >= std::chrono::milliseconds(kPollMsMax)) return kPollMsMax;
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(deadline - now).count());
}

/// BlockedSignals keeps signals away from a thread that is made meanwhile: they are the main thread's
/// business.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;
  ~BlockedSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace

class Supervisor::Core final : private SessionObserver {
 public:
  Core(const MonotonicClock& clock, const Clock& wall_clock, Files& files, SupervisorOptions options,
       SessionObserver& observer)
      : observer_(observer),
        sessions_max_(options.sessions_max),
        host_{clock,
              wall_clock,
              files,
              *this,
              std::move(options.state_directory),
              std::move(options.shepherd),
              std::move(options.parent_environment),
              options.survival},
        wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    const BlockedSignals blocked;
    thread_ = std::thread([this] { run(); });
  }

  ~Core() override {
    post([this] {
      closing_ = true;
      for (auto& [id, runner] : runners_) runner->apply(LifeEvent::end);
    });
    thread_.join();
  }

  void post(std::function<void()> work) {
    {
      const std::lock_guard lock(mutex_);
      inbox_.push_back(std::move(work));
    }
    poke();
  }

  void poke() const {
    const std::uint64_t one = 1;
    (void)!::write(wake_.get(), &one, sizeof one);
  }

  Status reserve(const SessionId& id) {
    const std::lock_guard lock(mutex_);
    if (views_.size() >= sessions_max_)
      return fail(Code::exhausted, concat("there are ", sessions_max_, " sessions already"));
    if (!views_.emplace(id, nullptr).second) {
      return fail(Code::already_exists,
                  concat("there is a session ", id.view(), " already; choose another --name"));
    }
    return ok();
  }

  void add(SessionSpec spec, Recipe recipe) {
    const auto id = spec.id;
    const auto mode = spec.life.start;
    const auto origin = spec.origin;
    if (left_) return;  // the next gateway finds it in the records
    auto runner = std::make_unique<Runner>(std::move(spec), std::move(recipe), host_);
    auto& added = *runners_.emplace(id, std::move(runner)).first->second;
    if (closing_) return added.apply(LifeEvent::end);
    const bool found = origin == SessionSpec::Origin::restored && added.adopt();
    if (found) return added.apply(LifeEvent::start);
    if (mode == StartMode::at_once) added.apply(LifeEvent::start);
  }

  /// with posts `work` for the session's runner; not_found where there is none.
  Status with(const SessionId& id, std::function<void(Runner&)> work) {
    if (!knows(id)) return fail(Code::not_found, concat("there is no session ", escaped(id.view(), 70)));
    post([this, id, work = std::move(work)] {
      const auto found = runners_.find(id);
      if (found != runners_.end()) work(*found->second);
    });
    return ok();
  }

  void leave() {
    for (auto& [id, runner] : runners_) runner->leave();
    runners_.clear();
    left_ = true;
  }

  void forget(const SessionId& id) {
    const auto found = runners_.find(id);
    if (found == runners_.end() || !found->second->over()) return;
    runners_.erase(found);
    const std::lock_guard lock(mutex_);
    views_.erase(id);
  }

  [[nodiscard]] bool knows(const SessionId& id) const {
    const std::lock_guard lock(mutex_);
    return views_.contains(id);
  }

  [[nodiscard]] std::shared_ptr<const SessionView> view(const SessionId& id) const {
    const std::lock_guard lock(mutex_);
    const auto found = views_.find(id);
    return found == views_.end() ? nullptr : found->second;
  }

  [[nodiscard]] std::vector<std::shared_ptr<const SessionView>> views() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<const SessionView>> all;
    for (const auto& [id, view] : views_) {
      if (view) all.push_back(view);
    }
    return all;
  }

 private:
  void on_change(const std::shared_ptr<const SessionView>& view) override {
    {
      const std::lock_guard lock(mutex_);
      views_[view->id] = view;
    }
    observer_.on_change(view);
  }
  void on_output(const SessionId& id, std::string_view line) override { observer_.on_output(id, line); }

  void run() {
    while (!(closing_ && all_left())) {
      wait();
      for (const auto& work : take_inbox()) work();
    }
  }

  [[nodiscard]] bool all_left() const {
    return std::all_of(runners_.begin(), runners_.end(), [](const auto& entry) {
      return !entry.second->has_process() || entry.second->is_lost();
    });
  }

  std::vector<std::function<void()>> take_inbox() {
    std::uint64_t count = 0;
    (void)!::read(wake_.get(), &count, sizeof count);
    const std::lock_guard lock(mutex_);
    return std::exchange(inbox_, {});
  }

  void wait() {
    std::vector<pollfd> waits{{wake_.get(), POLLIN, 0}};
    std::vector<std::pair<Runner*, std::size_t>> ranges;  // runner, end of its descriptors
    auto deadline = kNever;
    for (const auto& [id, runner] : runners_) {
      runner->add_descriptors(waits);
      ranges.emplace_back(runner.get(), waits.size());
      deadline = std::min(deadline, runner->deadline());
    }
    ::poll(waits.data(), waits.size(), wait_ms(host_.clock.now(), deadline));
    const auto now = host_.clock.now();
    std::size_t at = 1;
    for (const auto& [runner, end] : ranges) {
      const auto own = std::span<const pollfd>(waits).subspan(at, end - at);
      const bool woken =
          std::any_of(own.begin(), own.end(), [](const pollfd& one) { return one.revents != 0; });
      if (woken || runner->deadline() <= now) runner->turn();
      at = end;
    }
  }

  SessionObserver& observer_;
  const std::size_t sessions_max_;
  const RunnerHost host_;
  Descriptor wake_;
  std::map<SessionId, std::unique_ptr<Runner>> runners_;  // the thread's own
  bool closing_ = false;                                  // the thread's own
  bool left_ = false;                                     // the thread's own
  mutable std::mutex mutex_;
  std::vector<std::function<void()>> inbox_;  // guarded by mutex_
  std::map<SessionId, std::shared_ptr<const SessionView>>
      views_;  // guarded by mutex_; null until the runner is made
  std::thread thread_;
};

Supervisor::Supervisor(const MonotonicClock& clock, const Clock& wall_clock, Files& files,
                       SupervisorOptions options, SessionObserver& observer)
    : core_(std::make_unique<Core>(clock, wall_clock, files, std::move(options), observer)) {}

Supervisor::~Supervisor() = default;

Status Supervisor::create(SessionSpec spec) {
  SALLYPORT_TRY(recipe, Recipe::compile(spec));
  SALLYPORT_CHECK(core_->reserve(spec.id));
  auto parcel = std::make_shared<std::pair<SessionSpec, Recipe>>(std::move(spec),
                                                                 std::move(recipe));  // std::function copies
  core_->post(
      [core = core_.get(), parcel] { core->add(std::move(parcel->first), std::move(parcel->second)); });
  return ok();
}

Status Supervisor::start(const SessionId& id) {
  return core_->with(id, [](Runner& runner) { runner.apply(LifeEvent::start); });
}

Status Supervisor::when_ready(const SessionId& id, Waiter waiter) {
  return core_->with(id, [waiter = std::move(waiter)](Runner& runner) { runner.wait_ready(waiter); });
}

Status Supervisor::end(const SessionId& id, EndSpeed speed) {
  return core_->with(id, [speed](Runner& runner) {
    runner.apply(LifeEvent::end);
    if (speed == EndSpeed::at_once) runner.hurry();
  });
}

Status Supervisor::forget(const SessionId& id) {
  if (!core_->knows(id)) return fail(Code::not_found, concat("there is no session ", escaped(id.view(), 70)));
  core_->post([core = core_.get(), id] { core->forget(id); });
  return ok();
}

void Supervisor::wait_for_calls() {
  std::promise<void> reached;
  core_->post([&reached] { reached.set_value(); });
  reached.get_future().wait();
}

void Supervisor::leave() {
  core_->post([core = core_.get()] { core->leave(); });
  wait_for_calls();
}

Status Supervisor::rotate(const SessionId& id, RotationRequest request) {
  auto parcel = std::make_shared<RotationRequest>(std::move(request));
  return core_->with(id, [parcel](Runner& runner) { runner.rotate(std::move(*parcel)); });
}

Status Supervisor::read_tail(const SessionId& id, std::size_t bytes_max,
                             std::function<void(std::string)> done) {
  return core_->with(id,
                     [bytes_max, done = std::move(done)](Runner& runner) { done(runner.tail(bytes_max)); });
}

std::shared_ptr<const SessionView> Supervisor::view(const SessionId& id) const { return core_->view(id); }

std::vector<std::shared_ptr<const SessionView>> Supervisor::views() const { return core_->views(); }

void Supervisor::poke() { core_->poke(); }

}  // namespace sallyport
