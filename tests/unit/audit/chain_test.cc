// SPDX-License-Identifier: Apache-2.0
#include "sallyport/audit/chain.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "sallyport/audit/file_sink.h"
#include "sallyport/audit/log_files.h"
#include "sallyport/audit/verify.h"
#include "sallyport/base/text.h"
#include "sallyport/env/posix/system.h"
#include "sallyport/env/testing/fakes.h"

namespace sallyport {
namespace {

namespace fs = std::filesystem;

AuditKey key_of(int first) {
  return AuditKey::filled_by([first](std::span<std::byte> out) { out[0] = static_cast<std::byte>(first); });
}
const AuditKey kKey = key_of(1);
const ManualClock kClock;
SystemFiles files;

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "sallyport-chain-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path_); }
  [[nodiscard]] std::string file(const char* name) const { return path_ / name; }

 private:
  fs::path path_;
};

std::unique_ptr<AuditSink> sink_at(const std::string& path, const AuditKey& key = kKey) {
  auto sink = FileSink::open(path, AuditSinkOptions{key, kClock, files});
  EXPECT_TRUE(sink) << (sink ? "" : sink.error().what);
  return *std::move(sink);
}

void put(AuditSink& sink, std::string_view who) {
  std::size_t taken = 0;
  const std::string line = concat("{\"event\":\"request\",\"who\":\"", who, "\"}\n");
  EXPECT_TRUE(sink.append(line, taken));
  EXPECT_EQ(taken, line.size());
}

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

void write_text(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::trunc) << text;
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line + "\n");
  return lines;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line;
  return text;
}

AuditVerdict verified(const std::string& path, const AuditKey& key = kKey) {
  AuditWish wish;
  wish.files = find_log_set(path).files;
  if (const auto text = files.read_text(checkpoint_path(path), FilePrivacy::owner_only)) {
    if (const auto point = read_checkpoint(key, *text)) wish.checkpoint = *point;
  }
  auto verdict = verify_audit(key, wish);
  EXPECT_TRUE(verdict);
  return *verdict;
}

/// Ten events in one file, closed in order.
std::string ten_events(const std::string& path) {
  const auto sink = sink_at(path);
  for (int i = 0; i < 10; ++i) put(*sink, concat("user-", i));
  (void)sink->settle();
  return text_of(path);
}

TEST(AuditChain, SG_10_a_line_is_read_only_in_its_one_spelling) {
  AuditChain chain(kKey);
  std::string text;
  chain.append(text, "{\"event\":\"x\"}\n", NamesPrevious::yes);
  chain.append(text, "{\"event\":\"y\"}\n", NamesPrevious::no);
  const auto lines = lines_of(text);
  std::string_view first(lines[0]);
  first.remove_suffix(1);
  const auto read = read_chained_line(first);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->seq, 1U);
  EXPECT_TRUE(read->previous);
  EXPECT_TRUE(chain.extends({}, *read));
  for (const char* bad : {"", "{}", "{\"a\":1}", "{\"a\":1,\"seq\":01,\"mac\":\"00\"}"})
    EXPECT_FALSE(read_chained_line(bad));
  std::string upper(first);
  upper[upper.size() - 3] = 'A';
  EXPECT_FALSE(read_chained_line(upper));
  std::string zero(lines[1].substr(0, lines[1].size() - 1));
  zero.replace(zero.find("\"seq\":2"), 7, "\"seq\":02");
  EXPECT_FALSE(read_chained_line(zero));
}

TEST(AuditChain, SG_10_MC_11_every_edit_cut_move_and_repeat_is_found_at_its_line) {
  const Folder folder;
  const std::string path = folder.file("audit.jsonl");
  const std::string good = ten_events(path);
  EXPECT_TRUE(verified(path).good);
  const auto lines = lines_of(good);
  ASSERT_EQ(lines.size(), 10U);
  for (std::size_t at = 0; at < 10; ++at) {
    auto changed = lines;
    changed[at].replace(changed[at].find("user-"), 5, "root-");
    write_text(path, joined(changed));
    EXPECT_FALSE(verified(path).good);
    EXPECT_EQ(verified(path).line, at + 1) << "edit";

    auto cut = lines;
    cut.erase(cut.begin() + static_cast<std::ptrdiff_t>(at));
    write_text(path, joined(cut));
    EXPECT_FALSE(verified(path).good);
    EXPECT_EQ(verified(path).line, at + 1) << "cut: " << verified(path).what;

    auto repeated = lines;
    repeated.insert(repeated.begin() + static_cast<std::ptrdiff_t>(at), lines[at]);
    write_text(path, joined(repeated));
    EXPECT_FALSE(verified(path).good);
    EXPECT_EQ(verified(path).line, at + 2) << "repeat: " << verified(path).what;

    auto put_in = lines;
    put_in.insert(put_in.begin() + static_cast<std::ptrdiff_t>(at), "garbage\n");
    write_text(path, joined(put_in));
    EXPECT_FALSE(verified(path).good);
    EXPECT_EQ(verified(path).line, at + 1) << "garbage";
    if (at == 0) continue;
    auto moved = lines;
    std::swap(moved[at - 1], moved[at]);
    write_text(path, joined(moved));
    EXPECT_FALSE(verified(path).good);
    EXPECT_EQ(verified(path).line, at) << "move: " << verified(path).what;
  }
}

TEST(AuditChain, SG_10_every_changed_byte_is_found) {
  const Folder folder;
  const std::string path = folder.file("audit.jsonl");
  const std::string good = ten_events(path);
  for (std::size_t at = 0; at < good.size(); at += 7) {
    auto text = good;
    text[at] = static_cast<char>(text[at] ^ 1);
    write_text(path, text);
    const auto verdict = verified(path);
    EXPECT_FALSE(verdict.good) << at;
    const auto line = 1 + static_cast<std::uint64_t>(
                              std::count(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
    EXPECT_EQ(verdict.line, line) << at << ": " << verdict.what;
  }
}

TEST(AuditChain, SG_10_an_end_that_was_cut_is_found_against_the_checkpoint) {
  const Folder folder;
  const std::string path = folder.file("audit.jsonl");
  const auto lines = lines_of(ten_events(path));
  for (std::size_t left = 1; left < 10; ++left) {
    write_text(path, joined({lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(left)}));
    const auto verdict = verified(path);
    EXPECT_FALSE(verdict.good);
    EXPECT_EQ(verdict.line, left + 1);
  }
  // What was cut stays visible when the log goes on.
  write_text(path, joined({lines.begin(), lines.begin() + 5}));
  {
    const auto sink = sink_at(path);
    put(*sink, "later");
  }
  EXPECT_EQ(verified(path).line, 6U);
  EXPECT_NE(verified(path).what.find("5 events are missing"), std::string::npos) << verified(path).what;
}

TEST(AuditChain, SG_10_another_key_and_a_forged_checkpoint_are_refused) {
  const Folder folder;
  const std::string path = folder.file("audit.jsonl");
  (void)ten_events(path);
  EXPECT_FALSE(verified(path, key_of(2)).good);
  const std::string checkpoint = text_of(checkpoint_path(path));
  EXPECT_TRUE(read_checkpoint(kKey, checkpoint));
  EXPECT_FALSE(read_checkpoint(key_of(2), checkpoint));
  for (std::size_t at = 0; at < checkpoint.size(); ++at) {
    auto text = checkpoint;
    text[at] = static_cast<char>(text[at] ^ 1);
    EXPECT_FALSE(read_checkpoint(kKey, text)) << at;
  }
}

TEST(AuditChain, SG_10_the_chain_goes_on_over_restarts_and_rotation) {
  const Folder folder;
  const std::string path = folder.file("audit.jsonl");
  put(*sink_at(path), "one");
  put(*sink_at(path), "two");
  fs::rename(path, path + ".1");
  put(*sink_at(path), "three");
  {
    const auto sink = sink_at(path);
    put(*sink, "four");
    fs::rename(path + ".1", path + ".2");
    fs::rename(path, path + ".1");
    put(*sink, "five");  // finds by itself that its file was moved away
  }
  const auto verdict = verified(path);
  EXPECT_TRUE(verdict.good) << verdict.what << " at " << verdict.file << ":" << verdict.line;
  EXPECT_EQ(verdict.end.seq, 5U);
  EXPECT_EQ(find_log_set(path).files, (std::vector<std::string>{path + ".2", path + ".1", path}));
  fs::remove(path + ".2");  // old files may go
  EXPECT_TRUE(verified(path).good);
  EXPECT_EQ(verified(path).first_seq, 3U);
}

TEST(AuditChain, SG_10_a_missing_file_in_the_middle_is_found) {
  const Folder folder;
  const std::string path = folder.file("audit.jsonl");
  for (const char* name : {".3", ".2", ".1"}) {
    put(*sink_at(path), name);
    fs::rename(path, path + name);
  }
  put(*sink_at(path), "last");
  EXPECT_TRUE(verified(path).good);
  fs::remove(path + ".2");
  EXPECT_FALSE(verified(path).good);
  EXPECT_EQ(verified(path).file, path + ".1");
  EXPECT_EQ(verified(path).line, 1U);
}

TEST(AuditChain, SG_10_processes_that_share_a_log_share_one_chain) {
  const Folder folder;
  const std::string path = folder.file("audit.jsonl");
  {
    const auto one = sink_at(path);
    const auto two = sink_at(path);
    for (int i = 0; i < 50; ++i) {
      put(*one, "one");
      if (i % 3 == 0) put(*two, "two");
      if (i == 20) {
        fs::rename(path, path + ".1");
        put(*two, "two");
      }
    }
  }
  const auto verdict = verified(path);
  EXPECT_TRUE(verdict.good) << verdict.what << " at " << verdict.file << ":" << verdict.line;
  EXPECT_EQ(verdict.end.seq, 68U);
}

TEST(AuditChain, SG_10_a_torn_line_is_told_and_the_log_goes_on) {
  const Folder folder;
  const std::string path = folder.file("audit.jsonl");
  const std::string good = ten_events(path);
  fs::remove(checkpoint_path(path));
  const auto last = good.rfind("{\"event\"");
  for (std::size_t size = last + 1; size <= good.size(); size += 13) {
    write_text(path, good.substr(0, size));
    const auto before = verified(path);
    EXPECT_TRUE(before.good) << before.what;
    EXPECT_EQ(before.notes.size(), 1U) << "told";
    put(*sink_at(path), "after");
    const auto after = verified(path);
    EXPECT_TRUE(after.good) << size << ": " << after.what << " at line " << after.line;
    EXPECT_EQ(after.notes.size(), 1U);
    EXPECT_EQ(after.end.seq, 11U) << "nine, the note about the torn one, and one more";
    fs::remove(checkpoint_path(path));
  }
  // All but the newline is there: that event counts.
  write_text(path, good.substr(0, good.size() - 1));
  put(*sink_at(path), "after");
  EXPECT_TRUE(verified(path).good);
  EXPECT_EQ(verified(path).end.seq, 11U);
}

TEST(AuditChain, SG_10_a_torn_line_cannot_be_used_to_hide_another) {
  const Folder folder;
  const std::string path = folder.file("audit.jsonl");
  const std::string good = ten_events(path);
  write_text(path, good.substr(0, good.size() - 40));
  fs::remove(checkpoint_path(path));
  put(*sink_at(path), "after");
  auto lines = lines_of(text_of(path));
  lines[9] = "something else\n";
  write_text(path, joined(lines));
  EXPECT_FALSE(verified(path).good);
  EXPECT_EQ(verified(path).line, 10U);
}

TEST(AuditChain, SG_10_what_others_put_into_the_log_is_told_and_stays_a_fault) {
  const Folder folder;
  const std::string path = folder.file("audit.jsonl");
  {
    const auto sink = sink_at(path);
    put(*sink, "one");
    std::ofstream(path, std::ios::app) << "a line of nobody\n";
    put(*sink, "two");
  }
  put(*sink_at(path), "three");
  EXPECT_NE(text_of(path).find("audit_broken"), std::string::npos);
  EXPECT_FALSE(verified(path).good);
  EXPECT_EQ(verified(path).line, 2U);
}

TEST(AuditChain, SG_10_a_file_that_began_without_a_chain_is_a_fault_and_the_log_goes_on) {
  const Folder folder;
  const std::string path = folder.file("audit.jsonl");
  write_text(path, "{\"event\":\"request\"}\n");
  for (int i = 0; i < 3; ++i) put(*sink_at(path), "x");
  EXPECT_EQ(verified(path).line, 1U);
  auto lines = lines_of(text_of(path));
  EXPECT_EQ(lines.size(), 5U) << "the break is named once";
  lines.erase(lines.begin());
  write_text(path, joined(lines));
  EXPECT_TRUE(verified(path).good) << verified(path).what;
}

TEST(AuditChain, SG_10_the_key_is_born_private_and_stays) {
  const Folder folder;
  SystemEntropy entropy;
  const auto made = ensure_audit_key(files, entropy, folder.file("audit.key"));
  ASSERT_TRUE(made);
  struct stat info {};
  ASSERT_EQ(::stat(folder.file("audit.key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600U);
  const auto again = ensure_audit_key(files, entropy, folder.file("audit.key"));
  ASSERT_TRUE(again);
  EXPECT_TRUE(made->matches(*again));
  write_text(folder.file("audit.key"), "not a key\n");
  const auto bad = ensure_audit_key(files, entropy, folder.file("audit.key"));
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, Code::invalid_argument);
  EXPECT_EQ(bad.error().what.find("not a key"), std::string::npos) << "never the content";
  fs::permissions(folder.file("audit.key"), fs::perms(0644));
  EXPECT_EQ(ensure_audit_key(files, entropy, folder.file("audit.key")).error().code, Code::permission_denied);
}

}  // namespace
}  // namespace sallyport
