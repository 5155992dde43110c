// SPDX-License-Identifier: Apache-2.0
// Do passwords come from where they should, is a change seen at once, and does no damage to a file open the
// door?
#include "sallyport/credential/passwords.h"

#include <gtest/gtest.h>

#include <map>

#include "sallyport/base/text.h"
#include "tests/unit/credential/support.h"

namespace sallyport {
namespace {

constexpr PasswordCost kCheap{1, 64};
const std::string kFile = "/etc/sallyport/password";
const std::string kGenerated = "/state/password";

std::string hash_of(std::string_view password) {
  return *hash_password(SecretText(password), PasswordSalt{std::byte{5}}, kCheap);
}

PasswordMatch verify(const PasswordTable& table, std::string_view name, std::string_view password) {
  return table.verify(name, SecretText(password));
}

TEST(PasswordTable, AT_02_people_each_with_their_own_password) {
  const std::string content =
      concat("# people\n\nalice:", hash_of("a secret"), "\nbob@example:", hash_of("b secret"), "\r\n");
  const auto table = PasswordTable::parse(content, "owner");
  ASSERT_TRUE(table) << table.error().what;
  EXPECT_EQ(verify(*table, "alice", "a secret"), PasswordMatch::yes);
  EXPECT_EQ(verify(*table, "bob@example", "b secret"), PasswordMatch::yes);
  EXPECT_EQ(verify(*table, "alice", "b secret"), PasswordMatch::no);
  EXPECT_EQ(verify(*table, "Alice", "a secret"), PasswordMatch::no);
  EXPECT_EQ(verify(*table, "mallory", "a secret"), PasswordMatch::no);
  EXPECT_EQ(verify(*table, "", "a secret"), PasswordMatch::no);
  EXPECT_EQ(verify(*table, "alice", ""), PasswordMatch::no);
}

TEST(PasswordTable, AT_02_one_plain_line_or_one_hash_is_the_owners) {
  for (const std::string& content :
       {std::string("a secret"), std::string("a secret\n"), std::string("a secret\r\n"), hash_of("a secret"),
        hash_of("a secret") + "\n"}) {
    const auto table = PasswordTable::parse(content, "owner");
    ASSERT_TRUE(table) << table.error().what;
    EXPECT_EQ(verify(*table, "", "a secret"), PasswordMatch::yes);
    EXPECT_EQ(verify(*table, "owner", "a secret"), PasswordMatch::yes);
    EXPECT_EQ(verify(*table, "root", "a secret"), PasswordMatch::no);
    EXPECT_EQ(verify(*table, "", "a secreT"), PasswordMatch::no);
    EXPECT_EQ(verify(*table, "", ""), PasswordMatch::no);
    EXPECT_EQ(verify(*table, "", "a secret\n"), PasswordMatch::no);
  }
}

TEST(PasswordTable, AT_07_nothing_in_the_file_never_means_no_password) {
  for (const std::string_view content : {"", "\n", " ", "\n\n\n", "# nobody\n", " \t\n# x\n"}) {
    const auto table = PasswordTable::parse(content, "owner");
    ASSERT_FALSE(table) << escaped(content);
    EXPECT_EQ(table.error().code, Code::invalid_argument);
  }
  EXPECT_EQ(verify(PasswordTable(), "", ""), PasswordMatch::no);
  EXPECT_EQ(verify(PasswordTable(), "owner", ""), PasswordMatch::no);
}

TEST(PasswordTable, a_foreign_hash_is_refused_rather_than_taken_for_a_password) {
  for (const std::string_view content :
       {"$2y$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy", "alice:$2y$10$N9qo8uLOickgx2ZMRZoMye",
        "$6$salt$hash", "$y$j9T$salt$hash", "alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "$apr1$x$y",
        "alice:$1$x$y", "$argon2i$v=19$m=64,t=1,p=1$AAAA$BBBB", "$argon2id$v=19$broken", "$5$rounds=5000$x$y",
        "alice:$7$x", "alice$argon2id$v=19$m=64,t=1,p=1$AAAA$BBBB"}) {
    const auto table = PasswordTable::parse(content, "owner");
    ASSERT_FALSE(table) << content;
    EXPECT_EQ(table.error().what.find(content), std::string::npos) << "the error never quotes the file";
  }
}

TEST(PasswordTable, malformed_people_are_refused_with_their_line_and_without_their_text) {
  const std::string good = concat("alice:", hash_of("x"), "\n");
  for (const std::string& bad :
       {std::string("bob"), std::string(":") + hash_of("x"), std::string("bob:secret-in-plain"),
        std::string("alice:") + hash_of("y"), std::string("-bob:") + hash_of("x"),
        std::string("b b:") + hash_of("x"), std::string("bob:") + hash_of("x") + ":admin",
        std::string(65, 'b') + ":" + hash_of("x")}) {
    const auto table = PasswordTable::parse(good + bad, "owner");
    ASSERT_FALSE(table) << bad;
    EXPECT_NE(table.error().what.find("line 2"), std::string::npos) << table.error().what;
    EXPECT_EQ(table.error().what.find("secret-in-plain"), std::string::npos);
  }
  EXPECT_FALSE(PasswordTable::parse("one password\nanother password\n", "owner"));
  EXPECT_FALSE(PasswordTable::parse(std::string("nul\0byte", 8), "owner"));
  EXPECT_FALSE(PasswordTable::parse(std::string(kPasswordBytesMax + 1, 'x'), "owner"));
}

TEST(PasswordTable, set_remove_render_and_read_back) {
  PasswordTable table;
  ASSERT_TRUE(table.set("alice", hash_of("one")));
  ASSERT_TRUE(table.set("bob", hash_of("two")));
  ASSERT_TRUE(table.set("alice", hash_of("three")));
  EXPECT_EQ(table.set("bad name", hash_of("x")).error().code, Code::invalid_argument);
  EXPECT_EQ(table.set("carol", "plain").error().code, Code::invalid_argument);
  const auto again = PasswordTable::parse(table.render(), "owner");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->names(), (std::vector<std::string>{"alice", "bob"}));
  EXPECT_EQ(verify(*again, "alice", "three"), PasswordMatch::yes);
  ASSERT_TRUE(table.remove("alice"));
  EXPECT_EQ(table.remove("alice").error().code, Code::not_found);
  auto owners = PasswordTable::parse("plain password", "owner");
  EXPECT_EQ(owners->set("alice", hash_of("x")).error().code, Code::permission_denied);
}

class Book : public testing::Test {
 protected:
  Result<std::unique_ptr<PasswordBook>> open(std::string file = "") {
    const VariableLookup lookup = [this](std::string_view name) -> std::optional<std::string_view> {
      if (name == kPasswordVariable && variable_) return *variable_;
      return std::nullopt;
    };
    return PasswordBook::open(files_, entropy_, lookup,
                              PasswordOptions{std::move(file), kGenerated, "owner"});
  }
  static std::optional<Denial> check(PasswordBook& book, std::string_view name, std::string_view password) {
    return book.check(name, SecretText(password)).denial;
  }

  std::optional<std::string> variable_;
  MemoryFiles files_;
  CountingEntropy entropy_;
};

TEST_F(Book, AT_02_the_variable_goes_before_the_file_and_the_file_before_a_generated_one) {
  files_.files[kFile] = "from file\n";
  variable_ = "from environment";
  auto by_variable = open(kFile);
  ASSERT_TRUE(by_variable);
  EXPECT_EQ((*by_variable)->source(), PasswordSource::environment);
  EXPECT_FALSE(check(**by_variable, "", "from environment"));
  EXPECT_EQ(check(**by_variable, "", "from file"), Denial::wrong_password);
  variable_.reset();
  auto by_file = open(kFile);
  ASSERT_TRUE(by_file);
  EXPECT_EQ((*by_file)->source(), PasswordSource::file);
  EXPECT_FALSE(check(**by_file, "", "from file"));
  EXPECT_FALSE(files_.files.contains(kGenerated)) << "nothing is generated that is not needed";
  auto generated = open();
  ASSERT_TRUE(generated);
  EXPECT_EQ((*generated)->source(), PasswordSource::generated);
  EXPECT_EQ((*generated)->path(), kGenerated);
  const std::string password(files_.files[kGenerated].substr(0, 29));
  EXPECT_FALSE(check(**generated, "", password));
  EXPECT_FALSE(check(**generated, "owner", password));
}

TEST_F(Book, AT_02_a_generated_password_is_kept_and_readable) {
  ASSERT_TRUE(open());
  const std::string first = files_.files[kGenerated];
  EXPECT_EQ(first.size(), 30U);
  EXPECT_EQ(first.find_first_not_of("abcdefghijkmnpqrstuvwxyz23456789-\n"), std::string::npos);
  ASSERT_TRUE(open());
  EXPECT_EQ(files_.files[kGenerated], first);
}

TEST_F(Book, AT_02_an_empty_variable_or_a_bad_file_is_a_start_error) {
  for (const std::string_view blank : {"", " ", "\n"}) {
    variable_ = std::string(blank);
    EXPECT_FALSE(open(kFile));
  }
  variable_.reset();
  EXPECT_FALSE(open(kFile)) << "a file that was asked for and is not there";
  files_.files[kFile] = "";
  EXPECT_FALSE(open(kFile));
  files_.files[kFile] = "good\n";
  files_.open_to_others.insert(kFile);
  const auto open_to_others = open(kFile);
  ASSERT_FALSE(open_to_others);
  EXPECT_NE(open_to_others.error().what.find("chmod 600"), std::string::npos) << open_to_others.error().what;
}

TEST_F(Book, AT_07_a_changed_password_counts_at_the_next_attempt) {
  files_.files[kFile] = "old password\n";
  auto book = open(kFile);
  EXPECT_FALSE(check(**book, "", "old password"));
  files_.files[kFile] = "new password\n";
  EXPECT_EQ(check(**book, "", "old password"), Denial::wrong_password);
  EXPECT_FALSE(check(**book, "", "new password"));
  EXPECT_EQ((*book)->take_changed(), std::vector<std::string>{"owner"}) << "the owner's logins are to end";
  EXPECT_TRUE((*book)->take_changed().empty());
}

TEST_F(Book, AT_07_an_unreadable_empty_malformed_or_open_file_denies_and_reports_and_recovers) {
  files_.files[kFile] = "the password\n";
  auto book = open(kFile);
  const std::vector<std::function<void()>> damages{[&] { files_.files.erase(kFile); },
                                                   [&] { files_.files[kFile] = ""; },
                                                   [&] { files_.files[kFile] = "\n"; },
                                                   [&] { files_.files[kFile] = "two\nlines\n"; },
                                                   [&] { files_.unreadable.insert(kFile); },
                                                   [&] { files_.open_to_others.insert(kFile); },
                                                   [&] { files_.files[kFile] = "$6$foreign$hash"; }};
  for (const auto& damage : damages) {
    damage();
    EXPECT_EQ(check(**book, "", ""), Denial::store_unavailable);
    EXPECT_EQ(check(**book, "", "the password"), Denial::store_unavailable);
    EXPECT_EQ(check(**book, "owner", "two"), Denial::store_unavailable);
    EXPECT_EQ((*book)->health().state, PasswordHealth::State::failing);
    EXPECT_FALSE((*book)->health().reason.empty());
    EXPECT_TRUE((*book)->take_changed().empty()) << "damage ends nobody's login";
    files_.unreadable.clear();
    files_.open_to_others.clear();
    files_.files[kFile] = "the password\n";
    EXPECT_FALSE(check(**book, "", "the password"));
    EXPECT_EQ((*book)->health().state, PasswordHealth::State::good);
  }
}

TEST_F(Book, R9_only_those_whose_password_changed_or_who_are_gone_are_named) {
  const std::string bob = concat("bob:", hash_of("b"), "\n");
  files_.files[kFile] = concat("alice:", hash_of("a"), "\n", bob, "carol:", hash_of("c"), "\n");
  auto book = open(kFile);
  files_.files[kFile] = concat("alice:", hash_of("other"), "\n", bob);
  (*book)->refresh();
  EXPECT_EQ((*book)->take_changed(), (std::vector<std::string>{"alice", "carol"}));
}

TEST_F(Book, the_principal_is_the_person_and_a_refusal_names_nobody) {
  files_.files[kFile] = concat("alice:", hash_of("a"), "\n");
  auto book = open(kFile);
  EXPECT_EQ((*book)->check("alice", SecretText("a")).principal->id, "alice");
  EXPECT_EQ((*book)->check("alice", SecretText("b")).principal, nullptr);
  EXPECT_EQ(PasswordVerdict{}.denial, Denial::unspecified);
}

}  // namespace
}  // namespace sallyport
