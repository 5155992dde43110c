// SPDX-License-Identifier: Apache-2.0
#include "sallyport/credential/password_table.h"

#include <algorithm>
#include <array>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

// crypt(5) methods and htpasswd's forms, which a person may well bring along from another program.
constexpr std::array<std::string_view, 11> kForeignHashes{"$2a$", "$2b$", "$2x$", "$2y$",   "$1$",  "$5$",
                                                          "$6$",  "$7$",  "$y$",  "$apr1$", "{SHA}"};

bool name_character(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
         c == '-' || c == '@';
}

bool is_control(char c) noexcept { return (c >= 0 && c < 0x20) || c == 0x7f; }

bool passed_over(std::string_view line) noexcept { return trimmed(line).empty() || line.front() == '#'; }

/// looks_hashed: argon2's mark anywhere, since a people line that lost its colon would otherwise become a
/// password.
bool looks_hashed(std::string_view line) noexcept {
  const auto opens = [line](std::string_view hash) {
    return line.starts_with(hash) || line.find(concat(':', hash)) != std::string_view::npos;
  };
  return line.find("$argon2") != std::string_view::npos || std::ranges::any_of(kForeignHashes, opens);
}

std::vector<std::string_view> lines_of(std::string_view content) {
  if (content.ends_with('\n')) content.remove_suffix(1);
  std::vector<std::string_view> lines = split(content, '\n');
  for (std::string_view& line : lines) {
    if (line.ends_with('\r')) line.remove_suffix(1);
  }
  return lines;
}

Error at_line(std::size_t index, std::string_view what) {
  return fail(Code::invalid_argument, concat("line ", index + 1, " of the password file: ", what));
}

}  // namespace

bool valid_user_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= kUserNameBytesMax && name.front() != '-' && name.front() != '.' &&
         std::ranges::all_of(name, name_character);
}

Result<PasswordTable> PasswordTable::parse(std::string_view content, std::string_view owner) {
  const auto lines = lines_of(content);
  if (std::ranges::all_of(lines, passed_over)) {
    return fail(Code::invalid_argument,
                "the password file is empty; nobody can log in until it holds a password");
  }
  const auto names_somebody = [](std::string_view line) {
    return !passed_over(line) && line.find(":$argon2id$") != std::string_view::npos;
  };
  if (std::ranges::any_of(lines, names_somebody)) return parse_people(lines);
  if (lines.size() > 1) {
    return fail(Code::invalid_argument,
                "the password file has several lines, and no NAME:HASH among them; make hashes with: "
                "sallyport user passwd");
  }
  if (!looks_hashed(lines[0])) return of_owner(SecretText(lines[0]), owner);
  if (auto judged = check_password_hash(lines[0]); !judged) return at_line(0, judged.error().what);
  PasswordTable table;
  table.form_ = Form::owner_only;
  table.entries_.push_back(Entry{std::string(owner), std::string(lines[0]), {}});
  return table;
}

Result<PasswordTable> PasswordTable::parse_people(const std::vector<std::string_view>& lines) {
  PasswordTable table;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (passed_over(lines[i])) continue;
    const std::size_t colon = lines[i].find(':');
    if (colon == std::string_view::npos) return at_line(i, "not NAME:HASH");
    const std::string_view name = lines[i].substr(0, colon);
    if (table.find(name) != nullptr) return at_line(i, "a name that stands there already");
    if (auto added = table.set(name, lines[i].substr(colon + 1)); !added)
      return at_line(i, added.error().what);
  }
  return table;
}

Result<PasswordTable> PasswordTable::of_owner(const SecretText& password, std::string_view owner) {
  const std::string_view text = password.expose();
  if (trimmed(text).empty() || text.size() > kPasswordBytesMax || std::ranges::any_of(text, is_control)) {
    return fail(Code::invalid_argument, concat("a password is one line of 1 to ", kPasswordBytesMax,
                                               " bytes, not all blank, without control characters"));
  }
  PasswordTable table;
  table.form_ = Form::owner_only;
  table.entries_.push_back(Entry{std::string(owner), {}, sha256(text)});
  return table;
}

const PasswordTable::Entry* PasswordTable::find(std::string_view name) const noexcept {
  if (form_ == Form::owner_only && name.empty()) return entries_.empty() ? nullptr : entries_.data();
  const auto found = std::ranges::find(entries_, name, &Entry::name);
  return found != entries_.end() ? &*found : nullptr;
}

PasswordMatch PasswordTable::verify(std::string_view name, const SecretText& password) const noexcept {
  if (entries_.empty() || password.empty()) return PasswordMatch::no;
  const Entry* const entry = find(name);
  const Entry& compared = entry != nullptr ? *entry : entries_.front();
  PasswordMatch match = PasswordMatch::no;
  if (!compared.hash.empty()) {
    match = verify_password(password, compared.hash);
  } else if (sha256(password.expose()).matches(compared.plain)) {
    match = PasswordMatch::yes;
  }
  return entry != nullptr ? match : PasswordMatch::no;
}

std::vector<std::string> PasswordTable::names() const {
  std::vector<std::string> names;
  for (const Entry& entry : entries_) names.push_back(entry.name);
  return names;
}

std::vector<std::string> PasswordTable::changed_since(const PasswordTable& before) const {
  std::vector<std::string> changed;
  for (const Entry& old : before.entries_) {
    const auto now = std::ranges::find(entries_, old.name, &Entry::name);
    if (now == entries_.end() || !now->same_as(old)) changed.push_back(old.name);
  }
  return changed;
}

bool PasswordTable::keeps(std::string_view name, const PasswordTable& before) const noexcept {
  const auto now = std::ranges::find(entries_, name, &Entry::name);
  const auto old = std::ranges::find(before.entries_, name, &Entry::name);
  return now != entries_.end() && old != before.entries_.end() && now->same_as(*old);
}

Status PasswordTable::set(std::string_view name, std::string_view hash) {
  if (form_ == Form::owner_only) {
    return fail(Code::permission_denied,
                "this password file holds one password without names; start a new file for people");
  }
  if (!valid_user_name(name)) {
    return fail(Code::invalid_argument,
                "a name has 1 to 64 letters, digits, '.', '_', '-' or '@', and no '-' or '.' first");
  }
  SALLYPORT_CHECK(check_password_hash(hash));
  if (const auto found = std::ranges::find(entries_, name, &Entry::name); found != entries_.end()) {
    found->hash = std::string(hash);
    return ok();
  }
  if (entries_.size() >= kPeopleMax)
    return fail(Code::exhausted, concat("a password file holds ", kPeopleMax, " people at most"));
  entries_.push_back(Entry{std::string(name), std::string(hash), {}});
  return ok();
}

Status PasswordTable::remove(std::string_view name) {
  if (std::erase_if(entries_, [name](const Entry& entry) { return entry.name == name; }) == 0) {
    return fail(Code::not_found, concat("nobody is called ", escaped(name), " in the password file"));
  }
  return ok();
}

std::string PasswordTable::render() const {
  std::string out = "# NAME:HASH, written by: sallyport user\n";
  for (const Entry& entry : entries_) out += concat(entry.name, ':', entry.hash, '\n');
  return out;
}

}  // namespace sallyport
