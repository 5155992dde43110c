// SPDX-License-Identifier: Apache-2.0
// Does the store bring back what was acknowledged, keep no secret in the clear, and refuse every bad file
// with a remedy?
#include "sallyport/durable/durable_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

#include "sallyport/base/text.h"
#include "sallyport/crypto/digest.h"
#include "sallyport/env/posix/system.h"
#include "sallyport/env/testing/fakes.h"

namespace sallyport {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSecret = "spb_this-must-never-stand-in-a-file";

/// TemporaryDirectory is a state directory of mode 0700.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = fs::temp_directory_path() / "sallyport-store-XXXXXX";
    if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code error;
    if (!path_.empty()) fs::remove_all(path_, error);
  }
  [[nodiscard]] std::string file(std::string_view name) const { return concat(path_, '/', name); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_file(const std::string& path, std::string_view content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

class DurableStoreTest : public testing::Test {
 protected:
  StorePlace place() const {
    StorePlace at;
    at.state_directory = directory_.path();
    at.lock_wait = std::chrono::milliseconds(50);
    return at;
  }
  Result<std::unique_ptr<DurableStore>> open() {
    return DurableStore::open(place(), files_, entropy_, clock_);
  }
  std::unique_ptr<DurableStore> opened() {
    auto store = open();
    EXPECT_TRUE(store) << (store ? "" : store.error().what);
    return store ? *std::move(store) : nullptr;
  }
  /// refusal expects that neither a gateway nor a check takes the store.
  void expect_refused(Code code, std::string_view part_of_remedy) {
    const auto store = open();
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().code, code) << store.error().what;
    EXPECT_NE(store.error().what.find(part_of_remedy), std::string::npos) << store.error().what;
    EXPECT_FALSE(check_store(place(), files_));
  }
  void change_database(const char* sql) {
    sqlite3* raw = nullptr;
    ASSERT_EQ(sqlite3_open(database().c_str(), &raw), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(raw, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(raw);
    sqlite3_close(raw);
  }
  [[nodiscard]] std::string database() const { return directory_.file("store.db"); }

  TemporaryDirectory directory_;
  SystemFiles files_;
  SystemEntropy entropy_;
  ManualClock clock_;
};

SessionRecord session_record(std::string id) {
  SessionRecord record;
  record.id = SessionId(std::move(id));
  record.name = "a label";
  record.owner = "alice";
  record.shared = {"bob", "carol"};
  record.command = {"tool", "--port", "{port}"};
  record.preset = "generic";
  record.environment.emplace_back("API_KEY=hunter2-hunter2");
  record.pass_environment = {"LANG"};
  record.directory = "/srv";
  record.ready_path = "/health";
  record.routing = SessionRecord::Routing::path;
  record.limits.idle_timeout = std::chrono::minutes(5);
  record.limits.restart = "always";
  record.limits.start = SessionLimits::Start::on_demand;
  record.created = WallTime(std::chrono::seconds(1'000));
  record.expires =
      DurableTime{WallTime(std::chrono::seconds(2'000)), MonotonicTime(std::chrono::seconds(7)), "boot"};
  TokenRecord token;
  token.digest = sha256("token");
  token.rotations = 3;
  token.made_with = sha256("maker");
  record.tokens.push_back(std::move(token));
  record.backend_credential = SecretText(kSecret);
  record.shepherd = ProcessIdentity{42, 4'711, "boot"};
  record.tool = ProcessIdentity{43, 4'712, "boot"};
  record.endpoint = "127.0.0.1:4000";
  return record;
}

AccessTokenRecord access_token_record(std::string id) {
  AccessTokenRecord record;
  record.digest = sha256(id);
  record.id = std::move(id);
  record.owner = "alice";
  record.roles = {"admin"};
  return record;
}

TEST_F(DurableStoreTest, SA_09_brings_back_a_whole_session) {
  ASSERT_TRUE(opened()->sessions().put(session_record("demo")));
  auto all = opened()->sessions().load_all();
  ASSERT_TRUE(all) << all.error().what;
  ASSERT_EQ(all->size(), 1U);
  const auto& record = all->front();
  EXPECT_EQ(record.id.view(), "demo");
  EXPECT_EQ(record.name, "a label");
  EXPECT_EQ(record.shared, (std::vector<std::string>{"bob", "carol"}));
  EXPECT_EQ(record.command, (std::vector<std::string>{"tool", "--port", "{port}"}));
  EXPECT_EQ(record.environment.at(0).expose(), "API_KEY=hunter2-hunter2");
  EXPECT_EQ(record.routing, SessionRecord::Routing::path);
  EXPECT_EQ(record.limits.idle_timeout, std::chrono::minutes(5));
  EXPECT_EQ(record.limits.start, SessionLimits::Start::on_demand);
  EXPECT_EQ(record.expires.monotonic, MonotonicTime(std::chrono::seconds(7)));
  EXPECT_EQ(record.expires.boot_id, "boot");
  ASSERT_EQ(record.tokens.size(), 1U);
  EXPECT_TRUE(record.tokens[0].digest.matches(sha256("token")));
  EXPECT_EQ(record.tokens[0].rotations, 3U);
  ASSERT_TRUE(record.tokens[0].made_with);
  EXPECT_TRUE(record.tokens[0].made_with->matches(sha256("maker")));
  EXPECT_EQ(record.backend_credential.expose(), kSecret);
  EXPECT_EQ(record.tool.start_ticks, 4'712U);
  EXPECT_EQ(record.endpoint, "127.0.0.1:4000");
}

TEST_F(DurableStoreTest, SA_09_replaces_and_removes) {
  {
    const auto store = opened();
    ASSERT_TRUE(store->access_tokens().put(access_token_record("one")));
    ASSERT_TRUE(store->access_tokens().put(access_token_record("two")));
    auto changed = access_token_record("one");
    changed.label = "again";
    ASSERT_TRUE(store->access_tokens().put(changed));
    ASSERT_TRUE(store->access_tokens().remove("two"));
    ASSERT_TRUE(store->access_tokens().remove("never was"));
  }
  const auto all = opened()->access_tokens().load_all();
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 1U);
  EXPECT_EQ(all->front().label, "again");
}

TEST_F(DurableStoreTest, SA_09_keeps_no_secret_in_the_clear_and_is_private) {
  const auto store = opened();
  ASSERT_TRUE(store->sessions().put(session_record("demo")));
  for (const auto* name : {"store.db", "store.db-wal", "store.lock", "seal.key"}) {
    struct stat facts {};
    ASSERT_EQ(::stat(directory_.file(name).c_str(), &facts), 0) << name;
    EXPECT_EQ(facts.st_mode & 0777, 0600U) << name;
    for (const auto secret : {kSecret, std::string_view("hunter2"), std::string_view("alice")})
      EXPECT_EQ(content_of(directory_.file(name)).find(secret), std::string::npos) << name;
  }
}

TEST_F(DurableStoreTest, SA_09_many_writers_are_all_found_again) {
  constexpr int kWriters = 8;
  constexpr int kEach = 20;
  {
    const auto store = opened();
    std::vector<std::thread> writers;
    for (int writer = 0; writer < kWriters; ++writer) {
      writers.emplace_back([&store, writer] {
        for (int i = 0; i < kEach; ++i)
          EXPECT_TRUE(store->access_tokens().put(access_token_record(concat(writer, '-', i))));
      });
    }
    for (auto& writer : writers) writer.join();
  }
  EXPECT_EQ(opened()->access_tokens().load_all().value_or({}).size(), std::size_t{kWriters * kEach});
}

TEST_F(DurableStoreTest, SA_09_one_that_fails_does_not_take_the_others_along) {
  const auto store = opened();
  ASSERT_TRUE(store->access_tokens().put(access_token_record("one")));
  auto same_digest = access_token_record("two");
  same_digest.digest = sha256("three");
  ASSERT_TRUE(store->access_tokens().put(same_digest));
  EXPECT_EQ(store->access_tokens().load_all().value_or({}).size(), 2U);
}

TEST_F(DurableStoreTest, the_latest_time_never_goes_back) {
  clock_.set(WallTime(std::chrono::hours(500'000)));
  ASSERT_TRUE(opened()->access_tokens().put(access_token_record("one")));
  clock_.set(WallTime(std::chrono::hours(400'000)));
  ASSERT_TRUE(opened()->access_tokens().put(access_token_record("two")));
  EXPECT_EQ(opened()->latest_time(), WallTime(std::chrono::hours(500'000)));
}

TEST_F(DurableStoreTest, SA_09_a_second_gateway_is_refused) {
  const auto store = opened();
  const auto second = open();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::already_exists);
  EXPECT_NE(second.error().what.find("--state-dir"), std::string::npos);
  EXPECT_TRUE(check_store(place(), files_)) << "a check is no second gateway";
}

TEST_F(DurableStoreTest, SA_09_a_newer_store_is_refused) {
  opened().reset();
  change_database("PRAGMA user_version=99");
  expect_refused(Code::invalid_argument, "upgrade sallyport");
}

TEST_F(DurableStoreTest, SA_09_another_programs_database_is_refused) {
  opened().reset();
  change_database("PRAGMA application_id=7");
  expect_refused(Code::invalid_argument, "another program");
}

TEST_F(DurableStoreTest, SA_09_an_empty_file_is_refused) {
  opened().reset();
  write_file(database(), "");
  expect_refused(Code::invalid_argument, "truncated");
}

TEST_F(DurableStoreTest, SA_09_what_is_no_database_is_refused) {
  opened().reset();
  write_file(database(), std::string(8192, 'x'));
  expect_refused(Code::internal, "backup");
}

TEST_F(DurableStoreTest, SA_09_every_truncated_store_is_refused) {
  ASSERT_TRUE(opened()->sessions().put(session_record("demo")));
  const auto whole = content_of(database());
  ASSERT_GT(whole.size(), 4096U);
  for (std::size_t size = 1; size < whole.size(); size += 1'777) {
    write_file(database(), whole.substr(0, size));
    const auto store = open();
    ASSERT_FALSE(store) << size;
    EXPECT_NE(store.error().what.find("backup"), std::string::npos) << store.error().what;
    EXPECT_FALSE(check_store(place(), files_)) << size;
  }
}

TEST_F(DurableStoreTest, SA_09_a_changed_row_is_refused) {
  ASSERT_TRUE(opened()->access_tokens().put(access_token_record("one")));
  change_database("UPDATE access_tokens SET id = 'two'");
  EXPECT_EQ(opened()->access_tokens().load_all().error().code, Code::internal);
  const auto checked = check_store(place(), files_);
  ASSERT_FALSE(checked);
  EXPECT_NE(checked.error().what.find("access_tokens"), std::string::npos);
}

TEST_F(DurableStoreTest, SA_09_another_seal_key_is_refused_and_a_lost_one_is_not_made_anew) {
  opened().reset();
  const auto key = content_of(directory_.file("seal.key"));
  write_file(directory_.file("seal.key"), std::string(43, 'A') + "\n");
  expect_refused(Code::permission_denied, "another key");
  fs::remove(directory_.file("seal.key"));
  expect_refused(Code::permission_denied, "put it back");
  EXPECT_FALSE(fs::exists(directory_.file("seal.key")));
  write_file(directory_.file("seal.key"), "short\n");
  fs::permissions(directory_.file("seal.key"), fs::perms::owner_read | fs::perms::owner_write);
  expect_refused(Code::invalid_argument, "no seal key");
  write_file(directory_.file("seal.key"), key);
  EXPECT_TRUE(open());
}

TEST_F(DurableStoreTest, SA_09_a_systemd_credential_comes_before_the_file) {
  const TemporaryDirectory credentials;
  auto at = place();
  at.credentials_directory = credentials.path();
  write_file(credentials.file("seal.key"), std::string(43, 'C'));
  ASSERT_TRUE(DurableStore::open(at, files_, entropy_, clock_));
  EXPECT_FALSE(fs::exists(directory_.file("seal.key")));
  EXPECT_TRUE(check_store(at, files_));
  EXPECT_FALSE(check_store(place(), files_)) << "without the credential the store stays closed";
}

TEST_F(DurableStoreTest, SA_09_a_file_open_to_others_or_a_link_is_refused) {
  opened().reset();
  ASSERT_EQ(::chmod(database().c_str(), 0644), 0);
  expect_refused(Code::permission_denied, "chmod 600");
  fs::rename(database(), directory_.file("elsewhere.db"));
  fs::create_symlink("elsewhere.db", database());
  expect_refused(Code::permission_denied, "no regular file");
}

TEST_F(DurableStoreTest, SA_09_a_locked_store_is_refused) {
  opened().reset();
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(database().c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN EXCLUSIVE", nullptr, nullptr, nullptr), SQLITE_OK);
  const auto store = open();
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Code::unavailable);
  EXPECT_NE(store.error().what.find("locked by another program"), std::string::npos) << store.error().what;
  sqlite3_close(other);
  EXPECT_TRUE(open());
}

TEST_F(DurableStoreTest, SA_09_a_full_disk_is_told_and_takes_nothing_away) {
  opened().reset();
  auto at = place();
  at.pages_max = 12;
  auto store = DurableStore::open(at, files_, entropy_, clock_);
  ASSERT_TRUE(store) << store.error().what;
  std::size_t kept = 0;
  Status put = ok();
  for (; kept < 1'000 && put; kept += put ? 1 : 0)
    put = (*store)->access_tokens().put(access_token_record(concat(kept)));
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code, Code::exhausted);
  EXPECT_NE(put.error().what.find("free some disk space"), std::string::npos) << put.error().what;
  EXPECT_EQ((*store)->access_tokens().load_all().value_or({}).size(), kept);
  EXPECT_TRUE((*store)->access_tokens().remove("0")) << "a revocation needs no room";
}

TEST_F(DurableStoreTest, a_check_counts_and_a_missing_store_is_told) {
  EXPECT_EQ(check_store(place(), files_).error().code, Code::not_found);
  {
    const auto store = opened();
    ASSERT_TRUE(store->sessions().put(session_record("demo")));
    ASSERT_TRUE(store->access_tokens().put(access_token_record("one")));
  }
  const auto report = check_store(place(), files_);
  ASSERT_TRUE(report) << report.error().what;
  EXPECT_EQ(report->sessions, 1U);
  EXPECT_EQ(report->access_tokens, 1U);
  EXPECT_EQ(report->schema, 1);
}

}  // namespace
}  // namespace sallyport
