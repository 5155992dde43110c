// SPDX-License-Identifier: Apache-2.0
// The whole of launch and session on real processes. Time that must pass is skipped by moving the clock.
#include "sallyport/session/supervisor.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>

#include "sallyport/base/text.h"
#include "sallyport/env/posix/system.h"
#include "sallyport/env/testing/fakes.h"

namespace sallyport {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;
using S = SessionState;
using View = std::shared_ptr<const SessionView>;

/// SkippingClock runs with the machine and can be moved ahead.
class SkippingClock final : public MonotonicClock {
 public:
  [[nodiscard]] MonotonicTime now() const override { return real_.now() + Duration(ahead_.load()); }
  void skip(Duration by) { ahead_ += by.count(); }

 private:
  SystemMonotonicClock real_;
  std::atomic<std::int64_t> ahead_{0};
};

/// Witness keeps what the supervisor tells, and lets a test wait for it.
class Witness final : public SessionObserver {
 public:
  void on_change(const View& view) override {
    const std::lock_guard lock(mutex_);
    views_.push_back(view);
    changed_.notify_all();
  }
  void on_output(const SessionId&, std::string_view line) override {
    const std::lock_guard lock(mutex_);
    output_ += concat(line, '\n');
    changed_.notify_all();
  }
  void note(std::string text) {
    const std::lock_guard lock(mutex_);
    notes_.push_back(std::move(text));
    changed_.notify_all();
  }

  /// wait_for returns the first view from the `from`th on that `wanted` likes.
  template <class Wanted>
  View wait_for(Wanted wanted) {
    std::unique_lock lock(mutex_);
    View found;
    changed_.wait_for(lock, seconds(30), [&] {
      for (; next_ < views_.size() && !found; ++next_) {
        if (wanted(*views_[next_])) found = views_[next_];
      }
      return found != nullptr;
    });
    return found;
  }
  View wait_state(S state) {
    return wait_for([state](const SessionView& view) { return view.state == state; });
  }
  bool wait_output(std::string_view text, std::size_t count = 1) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, seconds(30), [&] {
      std::size_t seen = 0;
      for (auto at = output_.find(text); at != std::string::npos; at = output_.find(text, at + 1)) ++seen;
      return seen >= count;
    });
  }
  std::vector<std::string> wait_notes(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, seconds(30), [&] { return notes_.size() >= count; });
    return notes_;
  }
  std::string output() {
    const std::lock_guard lock(mutex_);
    return output_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<View> views_;
  std::size_t next_ = 0;
  std::string output_;
  std::vector<std::string> notes_;
};

class Sessions : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(::mkdtemp(state_.data()), nullptr);
    SupervisorOptions options;
    options.state_directory = state_;
    options.shepherd = SHEPHERD_PATH;
    options.parent_environment = {"PATH=/usr/bin:/bin"};
    supervisor_.emplace(clock_, wall_clock_, files_, std::move(options), witness_);
  }
  void TearDown() override {
    supervisor_.reset();
    ::rmdir((state_ + "/run").c_str());
    EXPECT_EQ(::rmdir(state_.c_str()), 0) << "something stayed behind in " << state_;
  }

  SessionSpec spec(std::vector<std::string> words) {
    SessionSpec made;
    made.id = id_;
    made.command = {CHILD_PATH};
    made.command.insert(made.command.end(), words.begin(), words.end());
    made.credential = SecretText("spb_first-credential");
    return made;
  }
  void skip(Duration by) {
    clock_.skip(by);
    supervisor_->poke();
  }
  std::string end_and_wait() {
    EXPECT_TRUE(supervisor_->end(id_, EndSpeed::at_once));
    const auto view = witness_.wait_state(S::stopped);
    return view ? view->detail : "never stopped";
  }
  RotationRequest rotation(std::string_view credential, RotationMode mode) {
    RotationRequest request;
    request.credential = SecretText(credential);
    request.mode = mode;
    request.done = [this](const Status& status) { witness_.note(status ? "ok" : status.error().what); };
    return request;
  }

  std::string state_ = "/tmp/sallyport-session-XXXXXX";
  const SessionId id_{"demo"};
  SkippingClock clock_;
  ManualClock wall_clock_;
  SystemFiles files_;
  Witness witness_;
  std::optional<Supervisor> supervisor_;
};

TEST_F(Sessions, SA_04_starts_serves_and_ends) {
  ASSERT_TRUE(supervisor_->create(spec({"http", "{port}", "token-file={token_file}"})));
  const auto ready = witness_.wait_state(S::ready);
  ASSERT_TRUE(ready);
  EXPECT_EQ(ready->endpoint.ip.str(), "127.0.0.1");
  EXPECT_GT(ready->pid, 0);
  EXPECT_EQ(ready->exposure, Exposure::private_handover);
  EXPECT_EQ(ready->inner_door, InnerDoor::credential);  // it was asked without, and refused
  EXPECT_EQ(ready->credential->header_lines().expose(),
            "Authorization: Bearer spb_first-credential\r\nX-Session-Token: spb_first-credential\r\n");
  ASSERT_TRUE(supervisor_->end(id_, EndSpeed::orderly));
  const auto stopping = witness_.wait_state(S::stopping);
  ASSERT_TRUE(stopping);
  EXPECT_TRUE(stopping->ending_for_good());
  const auto stopped = witness_.wait_state(S::stopped);
  ASSERT_TRUE(stopped);
  EXPECT_EQ(stopped->last_exit, (ExitStatus{ExitStatus::How::signalled, SIGINT}));
  EXPECT_EQ(stopped->history.size(), 5U);
  EXPECT_NE(::access((state_ + "/run/demo").c_str(), F_OK), 0);
}

TEST_F(Sessions, backend_on_a_unix_socket) {
  ASSERT_TRUE(supervisor_->create(spec({"http", "{socket}"})));
  const auto ready = witness_.wait_state(S::ready);
  ASSERT_TRUE(ready);
  EXPECT_EQ(ready->endpoint.path, state_ + "/run/demo/socket");
  EXPECT_EQ(ready->inner_door, InnerDoor::socket);
}

TEST_F(Sessions, open_inner_door_is_seen) {
  ASSERT_TRUE(supervisor_->create(spec({"http", "{port}"})));
  const auto ready = witness_.wait_state(S::ready);
  ASSERT_TRUE(ready);
  EXPECT_EQ(ready->inner_door, InnerDoor::open);
}

TEST_F(Sessions, SA_12_basic_form_reaches_a_tool_that_takes_basic) {
  auto made = spec({"http", "{port}", "basic=opencode"});
  made.preset = find_preset("opencode");
  made.command.insert(made.command.end(), {"--hostname", "--port"});  // the tool of the test takes no flags
  made.environment = {"SECRET_PASSWORD={token}"};
  ASSERT_TRUE(supervisor_->create(std::move(made)));
  const auto ready = witness_.wait_state(S::ready);
  ASSERT_TRUE(ready);
  EXPECT_EQ(ready->exposure, Exposure::environment);
  EXPECT_EQ(ready->inner_door, InnerDoor::credential);
  EXPECT_EQ(ready->detail, "");
}

TEST_F(Sessions, wrong_form_is_ready_but_noted) {
  auto made = spec(
      {"http", "{port}", "basic=opencode"});  // as the document had it: Bearer to a tool that takes Basic
  made.environment = {"SECRET_PASSWORD={token}"};
  ASSERT_TRUE(supervisor_->create(std::move(made)));
  const auto ready = witness_.wait_state(S::ready);
  ASSERT_TRUE(ready);
  EXPECT_THAT(ready->detail, HasSubstr("401"));
}

TEST_F(Sessions, answers_of_500_and_above_are_not_ready) {
  ASSERT_TRUE(supervisor_->create(spec({"http", "{port}", "status=503"})));
  ASSERT_TRUE(witness_.wait_output("-> 503", 2));
  skip(seconds(31));
  const auto failed = witness_.wait_state(S::failed);
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->ending, Ending::too_slow);
  EXPECT_THAT(failed->detail, HasSubstr("503"));
  EXPECT_THAT(failed->detail, HasSubstr("--ready-timeout"));
}

TEST_F(Sessions, garbage_and_silence_are_not_ready) {
  ASSERT_TRUE(supervisor_->create(spec({"http", "{port}", "garbage"})));
  ASSERT_TRUE(witness_.wait_output("GET /"));
  skip(seconds(31));
  const auto failed = witness_.wait_state(S::failed);
  ASSERT_TRUE(failed);
  EXPECT_THAT(failed->detail, HasSubstr("in time"));
  auto mute = spec({"http", "{port}", "mute"});
  mute.id = SessionId("mute");
  ASSERT_TRUE(supervisor_->create(std::move(mute)));
  ASSERT_TRUE(
      witness_.wait_for([](const SessionView& view) { return view.id.view() == "mute" && view.pid != 0; }));
  skip(seconds(31));
  EXPECT_TRUE(witness_.wait_state(S::failed));
}

TEST_F(Sessions, failure_shows_the_end_of_the_output_without_secrets) {
  auto made = spec({"flood", "100"});
  made.environment = {"PORT={port}", "LEAK={token}"};
  made.command = {"/bin/sh", "-c", "printf 'bad \\033[31mthing: %s\\n' \"$LEAK\" >&2; exit 7", "{port}"};
  ASSERT_TRUE(supervisor_->create(std::move(made)));
  const auto failed = witness_.wait_state(S::failed);
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->last_exit, (ExitStatus{ExitStatus::How::exited, 7}));
  EXPECT_EQ(failed->tail, "bad thing: [redacted]\n");
  EXPECT_EQ(witness_.output(), "bad thing: [redacted]\n");
  EXPECT_EQ(failed->detail, "`/bin/sh` ended with status 7");
}

TEST_F(Sessions, missing_program_fails_at_once) {
  auto made = spec({});
  made.command = {"no-such-tool", "{port}"};
  made.life.restart = RestartPolicy::always;
  ASSERT_TRUE(supervisor_->create(std::move(made)));
  const auto failed = witness_.wait_state(S::failed);
  ASSERT_TRUE(failed);
  EXPECT_THAT(failed->detail, HasSubstr("is it installed and on PATH?"));
}

TEST_F(Sessions, SA_12_tool_that_ignores_int_and_term_is_killed_in_time) {
  ASSERT_TRUE(supervisor_->create(spec({"http", "{port}", "stubborn"})));
  ASSERT_TRUE(witness_.wait_state(S::ready));
  ASSERT_TRUE(supervisor_->end(id_, EndSpeed::orderly));
  ASSERT_TRUE(witness_.wait_output("ignores INT"));
  skip(seconds(5));
  ASSERT_TRUE(witness_.wait_output("ignores TERM"));
  skip(seconds(5));
  const auto stopped = witness_.wait_state(S::stopped);
  ASSERT_TRUE(stopped);
  EXPECT_EQ(stopped->last_exit, (ExitStatus{ExitStatus::How::signalled, SIGKILL}));
}

TEST_F(Sessions, BY_08_restarts_after_a_failure_and_pauses_in_between) {
  auto made = spec({"http", "{port}"});
  made.life.restart = RestartPolicy::on_failure;
  ASSERT_TRUE(supervisor_->create(std::move(made)));
  const auto first = witness_.wait_state(S::ready);
  ASSERT_TRUE(first);
  ::kill(first->pid, SIGKILL);
  const auto waiting = witness_.wait_state(S::waiting);
  ASSERT_TRUE(waiting);
  EXPECT_EQ(waiting->last_exit, (ExitStatus{ExitStatus::How::signalled, SIGKILL}));
  skip(kBackoffFirst);
  const auto second = witness_.wait_state(S::ready);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->starts, 2U);
  EXPECT_NE(second->pid, first->pid);
}

TEST_F(Sessions, BY_08_first_requests_share_one_start) {
  auto made = spec({"http", "{port}"});
  made.life.start = StartMode::on_demand;
  ASSERT_TRUE(supervisor_->create(std::move(made)));
  ASSERT_TRUE(witness_.wait_state(S::dormant));
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(supervisor_->when_ready(id_, [this](const Result<View>& view) {
      witness_.note(view ? (*view)->endpoint.str() : view.error().what);
    }));
  }
  const auto notes = witness_.wait_notes(50);
  const auto view = supervisor_->view(id_);
  EXPECT_EQ(view->starts, 1U);
  EXPECT_THAT(notes, testing::Each(view->endpoint.str()));
}

TEST_F(Sessions, BY_08_idle_session_sleeps_and_wakes_at_the_next_request) {
  auto made = spec({"http", "{port}"});
  made.life.start = StartMode::on_demand;
  made.life.idle_timeout = hours(1);
  ASSERT_TRUE(supervisor_->create(std::move(made)));
  const auto ask = [this] {
    return supervisor_->when_ready(
        id_, [this](const Result<View>& view) { witness_.note(view ? "ready" : view.error().what); });
  };
  ASSERT_TRUE(ask());
  const auto ready = witness_.wait_state(S::ready);
  ASSERT_TRUE(ready);
  clock_.skip(hours(1) - seconds(10));
  ready->activity->touch(clock_.now());  // bytes moved: the hour begins anew
  skip(seconds(20));
  EXPECT_EQ(supervisor_->view(id_)->state, S::ready);
  skip(hours(1));
  const auto asleep = witness_.wait_state(S::dormant);
  ASSERT_TRUE(asleep);
  EXPECT_EQ(asleep->ending, Ending::idle);
  ASSERT_TRUE(ask());
  EXPECT_TRUE(witness_.wait_state(S::ready));
  EXPECT_THAT(witness_.wait_notes(2), testing::Each("ready"));
}

TEST_F(Sessions, waiters_of_a_failing_start_are_told_why) {
  auto made = spec({"exit", "3", "{port}"});
  made.life.start = StartMode::on_demand;
  ASSERT_TRUE(supervisor_->create(std::move(made)));
  ASSERT_TRUE(supervisor_->when_ready(
      id_, [this](const Result<View>& view) { witness_.note(view ? "ready" : view.error().what); }));
  EXPECT_THAT(witness_.wait_notes(1).at(0), HasSubstr("ended with status 3"));
}

TEST_F(Sessions, expiry_ends_a_session) {
  auto made = spec({"http", "{port}"});
  made.life.expires = clock_.now() + hours(24);
  ASSERT_TRUE(supervisor_->create(std::move(made)));
  ASSERT_TRUE(witness_.wait_state(S::ready));
  skip(hours(24));
  const auto stopped = witness_.wait_state(S::stopped);
  ASSERT_TRUE(stopped);
  EXPECT_EQ(stopped->ending, Ending::expired);
  EXPECT_TRUE(stopped->ending_for_good());
}

TEST_F(Sessions, SA_07_running_tool_takes_a_new_credential_from_its_file) {
  ASSERT_TRUE(supervisor_->create(spec({"http", "{port}", "token-file={token_file}"})));
  const auto before = witness_.wait_state(S::ready);
  ASSERT_TRUE(before);
  ASSERT_TRUE(supervisor_->rotate(id_, rotation("spb_second-credential", RotationMode::in_place)));
  EXPECT_EQ(witness_.wait_notes(1).at(0), "ok");
  const auto after = supervisor_->view(id_);
  EXPECT_EQ(after->pid, before->pid);
  EXPECT_EQ(after->credential->text().expose(), "spb_second-credential");
}

TEST_F(Sessions, SA_07_tool_that_reads_once_is_relaunched) {
  ASSERT_TRUE(supervisor_->create(spec({"http", "{port}", "token-once={token_file}"})));
  const auto before = witness_.wait_state(S::ready);
  ASSERT_TRUE(before);
  ASSERT_TRUE(supervisor_->rotate(id_, rotation("spb_second-credential", RotationMode::relaunch_if_needed)));
  ASSERT_TRUE(
      witness_.wait_output("-> 401", 2));  // the door knock of the start, and the new credential refused
  EXPECT_EQ(supervisor_->view(id_)->credential->text().expose(),
            "spb_first-credential");  // the proxy is not locked out
  skip(kRotationGrace);
  EXPECT_EQ(witness_.wait_notes(1).at(0), "ok");
  const auto after = supervisor_->view(id_);
  EXPECT_NE(after->pid, before->pid);
  EXPECT_EQ(after->inner_door, InnerDoor::credential);
  EXPECT_EQ(after->credential->text().expose(), "spb_second-credential");
}

TEST_F(Sessions, SA_07_refused_rotation_puts_the_old_credential_back) {
  ASSERT_TRUE(supervisor_->create(spec({"http", "{port}", "token-once={token_file}"})));
  ASSERT_TRUE(witness_.wait_state(S::ready));
  ASSERT_TRUE(supervisor_->rotate(id_, rotation("spb_second-credential", RotationMode::in_place)));
  ASSERT_TRUE(witness_.wait_output("-> 401", 2));
  skip(kRotationGrace);
  EXPECT_THAT(witness_.wait_notes(1).at(0), HasSubstr("the old one is back"));
  EXPECT_EQ(supervisor_->view(id_)->credential->text().expose(), "spb_first-credential");
  const auto file = files_.read_secret(state_ + "/run/demo/token", FilePrivacy::owner_only);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->expose(), "spb_first-credential");
}

TEST_F(Sessions, SA_07_rotation_ends_with_its_session) {
  ASSERT_TRUE(supervisor_->create(spec({"http", "{port}", "token-once={token_file}"})));
  ASSERT_TRUE(witness_.wait_state(S::ready));
  ASSERT_TRUE(supervisor_->rotate(id_, rotation("spb_second-credential", RotationMode::in_place)));
  ASSERT_TRUE(supervisor_->rotate(id_, rotation("spb_third-credential", RotationMode::in_place)));
  EXPECT_THAT(witness_.wait_notes(1).at(0), HasSubstr("under way"));
  end_and_wait();
  EXPECT_THAT(witness_.wait_notes(2).at(1), HasSubstr("ended meanwhile"));
}

TEST_F(Sessions, R12_squatted_port_is_never_used) {
  // The tool never listens; this test, which is no child of it, takes its port as soon as it is known.
  auto made = spec({"http", "{port}", "deaf"});
  ASSERT_TRUE(supervisor_->create(std::move(made)));
  std::vector<Descriptor> squatters;
  for (int i = 0; i < kPortTriesMax; ++i) {
    const auto running =
        witness_.wait_for([](const SessionView& view) { return view.pid != 0 && view.state == S::starting; });
    ASSERT_TRUE(running);
    std::ifstream file(concat("/proc/", running->pid, "/cmdline"));
    const std::string line{std::istreambuf_iterator<char>(file), {}};
    const auto words = split(line, '\0');
    ASSERT_GT(words.size(), 2U);
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(parse_decimal<std::uint16_t>(words[2]).value_or(0));
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    squatters.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    ASSERT_EQ(::bind(squatters.back().get(), reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
    ASSERT_EQ(::listen(squatters.back().get(), 4), 0);
    ASSERT_TRUE(witness_.wait_for([](const SessionView& view) { return view.ending == Ending::squatted; }));
  }
  const auto failed = witness_.wait_state(S::failed);
  ASSERT_TRUE(failed);
  EXPECT_THAT(failed->detail, HasSubstr("held by another process"));
  for (const auto& squatter : squatters) {  // and nobody ever spoke to one, let alone with the credential
    EXPECT_EQ(::accept(squatter.get(), nullptr, nullptr), -1);
  }
}

TEST_F(Sessions, leaving_ends_everything) {
  for (int i = 0; i < 8; ++i) {
    auto made = spec({"http", "{port}"});
    made.id = SessionId(concat("demo-", i));
    ASSERT_TRUE(supervisor_->create(std::move(made)));
  }
  std::map<SessionId, pid_t> tools;  // a session may tell more than once that it is ready
  while (tools.size() < 8) {
    const auto view = witness_.wait_state(S::ready);
    ASSERT_TRUE(view);
    tools[view->id] = view->pid;
  }
  supervisor_.reset();
  for (const auto& [id, pid] : tools) EXPECT_EQ(::kill(pid, 0), -1) << id.view();
}

TEST_F(Sessions, names_are_taken_once_and_freed) {
  ASSERT_TRUE(supervisor_->create(spec({"http", "{port}"})));
  EXPECT_EQ(supervisor_->create(spec({"http", "{port}"})).error().code, Code::already_exists);
  end_and_wait();
  EXPECT_TRUE(supervisor_->view(id_));
  EXPECT_TRUE(supervisor_->forget(id_));
  EXPECT_TRUE(supervisor_->read_tail(SessionId("no-such"), 1, [](const std::string&) {}).error().code ==
              Code::not_found);
  EXPECT_EQ(supervisor_->end(SessionId("no-such"), EndSpeed::at_once).error().code, Code::not_found);
}

TEST_F(Sessions, tail_is_bounded) {
  auto made = spec({"flood", "500000", "{port}"});
  ASSERT_TRUE(supervisor_->create(std::move(made)));
  ASSERT_TRUE(witness_.wait_output("end of flood"));
  ASSERT_TRUE(supervisor_->read_tail(id_, 1000, [this](const std::string& tail) { witness_.note(tail); }));
  const auto tail = witness_.wait_notes(1).at(0);
  EXPECT_LE(tail.size(), 1000U);
  EXPECT_THAT(tail, HasSubstr("end of flood"));
}

}  // namespace
}  // namespace sallyport
