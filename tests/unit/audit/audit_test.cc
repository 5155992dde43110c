// SPDX-License-Identifier: Apache-2.0
#include "sallyport/audit/audit.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "sallyport/base/text.h"
#include "sallyport/env/posix/system.h"
#include "sallyport/env/testing/fakes.h"

namespace sallyport {
namespace {

namespace fs = std::filesystem;

const Fingerprinter kNames = Fingerprinter::derived_from(SecretText("a test's key"));

const AuditKey kKey = AuditKey::filled_by([](std::span<std::byte> out) { out[0] = std::byte{7}; });
SystemFiles files;

Result<std::unique_ptr<QueuedAuditLog>> open_log(const std::string& path, const Clock& clock,
                                                 AuditLogOptions options = {}) {
  return open_audit_log(path, AuditSinkOptions{kKey, clock, files}, kNames, std::move(options));
}

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "sallyport-audit-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path_); }
  [[nodiscard]] std::string file(const char* name) const { return path_ / name; }

 private:
  fs::path path_;
};

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

AuditEvent event_of(std::string_view request_id) {
  AuditEvent event;
  event.request_id = request_id;
  return event;
}

/// ScriptedSink takes what the test lets it take.
class ScriptedSink final : public AuditSink {
 public:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    bool full = false;
    bool blocked = false;
    std::size_t take_before_failing = 0;
    std::size_t appends = 0;
    std::string taken;
    std::vector<std::string> rotated;
  };
  explicit ScriptedSink(State& state) : state_(state) {}
  Status append(std::string_view lines, std::size_t& taken) override {
    std::unique_lock lock(state_.mutex);
    state_.changed.wait(lock, [this] { return !state_.blocked; });
    ++state_.appends;
    auto room = state_.full ? std::min(state_.take_before_failing, lines.size()) : lines.size();
    room = lines.substr(0, room).rfind('\n') + 1;  // whole lines, as the contract says
    state_.taken += lines.substr(0, room);
    taken += room;
    state_.take_before_failing = 0;
    if (state_.full) return fail(Code::exhausted, "cannot write the audit log: No space left on device");
    return ok();
  }
  Status reopen() override {
    const std::lock_guard lock(state_.mutex);
    state_.rotated.push_back(std::exchange(state_.taken, {}));
    return ok();
  }

 private:
  State& state_;
};

struct Alarms {
  std::mutex mutex;
  std::vector<std::string> texts;
  AuditLogOptions options(AuditFailure failure) {
    AuditLogOptions options;
    options.failure = failure;
    options.retry_after = std::chrono::milliseconds(1);
    options.alarm = [this](std::string_view text) {
      const std::lock_guard lock(mutex);
      texts.emplace_back(text);
    };
    return options;
  }
  std::size_t count() {
    const std::lock_guard lock(mutex);
    return texts.size();
  }
};

/// until waits for what another thread brings about; a test that never sees it is ended by its time limit.
template <class Condition>
void until(Condition condition) {
  while (!condition()) std::this_thread::yield();
}

TEST(QueuedAuditLog, writes_lines_to_a_file_of_mode_0600) {
  const Folder folder;
  const ManualClock clock;
  const mode_t old_mask = ::umask(0);
  {
    auto log = open_log(folder.file("audit.jsonl"), clock);
    ASSERT_TRUE(log);
    (*log)->record(event_of("one"));
    (*log)->record(event_of("two"));
    (*log)->flush();
    EXPECT_EQ((*log)->health().written_events, 2U);
  }
  ::umask(old_mask);
  struct stat info {};
  ASSERT_EQ(::stat(folder.file("audit.jsonl").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600U);
  const auto lines = lines_of(folder.file("audit.jsonl"));
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(nlohmann::json::parse(lines[1])["request_id"], "two");
}

TEST(QueuedAuditLog, appends_to_what_is_there_and_closes_a_torn_line) {
  const Folder folder;
  const ManualClock clock;
  std::ofstream(folder.file("a")) << "{\"torn\":";
  fs::permissions(folder.file("a"), fs::perms::owner_read | fs::perms::owner_write);
  {
    auto log = open_log(folder.file("a"), clock);
    ASSERT_TRUE(log);
    (*log)->record(event_of("next"));
  }
  const auto lines = lines_of(folder.file("a"));
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0], "{\"torn\":");
  EXPECT_EQ(nlohmann::json::parse(lines[1])["event"], "audit_torn");
  EXPECT_EQ(nlohmann::json::parse(lines[2])["request_id"], "next");
}

TEST(QueuedAuditLog, refuses_a_symlink_a_wide_file_a_folder_and_a_pipe) {
  const Folder folder;
  const ManualClock clock;
  fs::create_symlink("/dev/null", folder.file("link"));
  std::ofstream(folder.file("wide")) << "";
  fs::permissions(folder.file("wide"), fs::perms(0644));
  ASSERT_EQ(::mkfifo(folder.file("pipe").c_str(), 0600), 0);
  fs::create_directory(folder.file("folder"));
  for (const char* name : {"link", "wide", "pipe", "folder", "missing/audit.jsonl"}) {
    const auto log = open_log(folder.file(name), clock);
    ASSERT_FALSE(log) << name;
    EXPECT_NE(log.error().what.find(folder.file(name)), std::string::npos);
  }
  EXPECT_NE(open_log(folder.file("wide"), clock).error().what.find("chmod 600"), std::string::npos);
}

TEST(QueuedAuditLog, a_full_disk_is_counted_and_alarmed_once_and_requests_go_on) {
  const ManualClock clock;
  Alarms alarms;
  auto log = open_log("/dev/full", clock, alarms.options(AuditFailure::carry_on));
  ASSERT_TRUE(log);
  for (int i = 0; i < 100; ++i) (*log)->record(event_of("x"));
  until([&] { return (*log)->health().sink_failures > 3; });
  EXPECT_EQ((*log)->health().state, AuditHealth::State::failing);
  EXPECT_EQ((*log)->health().written_events, 0U);
  EXPECT_FALSE((*log)->must_refuse());
  EXPECT_EQ(alarms.count(), 1U);
  log = fail(Code::internal, "closed");  // ends although the disk stays full
}

TEST(QueuedAuditLog, a_full_disk_shuts_the_gate_where_the_setting_says_so) {
  const ManualClock clock;
  Alarms alarms;
  auto log = open_log("/dev/full", clock, alarms.options(AuditFailure::refuse));
  ASSERT_TRUE(log);
  EXPECT_FALSE((*log)->must_refuse());
  (*log)->record(event_of("x"));
  (*log)->flush();
  EXPECT_TRUE((*log)->must_refuse());
}

TEST(QueuedAuditLog, goes_on_where_it_stopped_once_the_disk_has_room) {
  const ManualClock clock;
  Alarms alarms;
  ScriptedSink::State sink;
  sink.full = true;
  sink.take_before_failing = 10;
  QueuedAuditLog log(std::make_unique<ScriptedSink>(sink), clock, kNames,
                     alarms.options(AuditFailure::refuse));
  log.record(event_of("one"));
  log.flush();
  EXPECT_TRUE(log.must_refuse());
  log.record(event_of("two"));
  {
    const std::lock_guard lock(sink.mutex);
    sink.full = false;
  }
  until([&] { return log.health().written_events == 2; });
  EXPECT_FALSE(log.must_refuse());
  EXPECT_EQ(alarms.count(), 2U);
  const std::lock_guard lock(sink.mutex);
  std::istringstream text(sink.taken);
  std::string line;
  for (const char* id : {"one", "two"}) {
    ASSERT_TRUE(std::getline(text, line));
    EXPECT_EQ(nlohmann::json::parse(line)["request_id"], id);
  }
}

TEST(QueuedAuditLog, a_full_queue_loses_and_counts_and_the_log_says_so_later) {
  const ManualClock clock;
  Alarms alarms;
  ScriptedSink::State sink;
  sink.blocked = true;
  auto options = alarms.options(AuditFailure::carry_on);
  options.queue_bytes_max = 1000;
  QueuedAuditLog log(std::make_unique<ScriptedSink>(sink), clock, kNames, options);
  for (int i = 0; i < 100; ++i) log.record(event_of("x"));
  EXPECT_GT(log.health().lost_events, 50U);
  {
    const std::lock_guard lock(sink.mutex);
    sink.blocked = false;
  }
  sink.changed.notify_all();
  until([&] {
    const std::lock_guard lock(sink.mutex);
    return sink.taken.find("audit_lost") != std::string::npos;
  });
  const std::lock_guard lock(sink.mutex);
  EXPECT_NE(sink.taken.find(concat(log.health().lost_events, " events were lost")), std::string::npos);
}

TEST(QueuedAuditLog, one_write_takes_all_that_came_meanwhile) {
  const ManualClock clock;
  ScriptedSink::State sink;
  sink.blocked = true;
  QueuedAuditLog log(std::make_unique<ScriptedSink>(sink), clock, kNames);
  for (int i = 0; i < 1000; ++i) log.record(event_of("x"));
  {
    const std::lock_guard lock(sink.mutex);
    sink.blocked = false;
  }
  sink.changed.notify_all();
  until([&] { return log.health().written_events == 1000; });
  const std::lock_guard lock(sink.mutex);
  EXPECT_LE(sink.appends, 2U);
}

TEST(QueuedAuditLog, racing_writers_lose_nothing_and_tear_nothing) {
  const Folder folder;
  const ManualClock clock;
  constexpr int kThreads = 4;
  constexpr int kEvents = 500;
  {
    auto log = open_log(folder.file("a"), clock);
    ASSERT_TRUE(log);
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&log, t] {
        for (int i = 0; i < kEvents; ++i) (*log)->record(event_of(concat(t, '-', i)));
      });
    }
    for (int i = 0; i < 20; ++i) (*log)->reopen();
    for (auto& thread : threads) thread.join();
    EXPECT_EQ((*log)->health().lost_events, 0U);
  }
  std::set<std::string> seen;
  for (const auto& line : lines_of(folder.file("a"))) {
    seen.insert(nlohmann::json::parse(line)["request_id"].get<std::string>());
  }
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(kThreads * kEvents));
}

TEST(QueuedAuditLog, reopen_goes_on_in_a_new_file) {
  const Folder folder;
  const ManualClock clock;
  {
    auto log = open_log(folder.file("a"), clock);
    ASSERT_TRUE(log);
    (*log)->record(event_of("before"));
    (*log)->flush();
    fs::rename(folder.file("a"), folder.file("a.1"));
    (*log)->reopen();
    until([&] { return fs::exists(folder.file("a")); });
    (*log)->record(event_of("after"));
  }
  EXPECT_EQ(lines_of(folder.file("a.1")).size(), 1U);
  ASSERT_EQ(lines_of(folder.file("a")).size(), 1U);
  EXPECT_EQ(nlohmann::json::parse(lines_of(folder.file("a"))[0])["request_id"], "after");
}

TEST(QueuedAuditLog, rotation_while_the_disk_is_full_does_not_tear_a_line) {
  const ManualClock clock;
  Alarms alarms;
  ScriptedSink::State sink;
  sink.full = true;
  sink.take_before_failing = 30;
  auto options = alarms.options(AuditFailure::carry_on);
  QueuedAuditLog log(std::make_unique<ScriptedSink>(sink), clock, kNames, options);
  log.record(event_of("one"));
  log.flush();
  log.reopen();
  until([&] {
    const std::lock_guard lock(sink.mutex);
    return sink.rotated.size() == 1;
  });
  {
    const std::lock_guard lock(sink.mutex);
    sink.full = false;
  }
  until([&] { return log.health().written_events == 1; });
  const std::lock_guard lock(sink.mutex);
  EXPECT_EQ(nlohmann::json::parse(sink.taken)["request_id"], "one");
}

}  // namespace
}  // namespace sallyport
