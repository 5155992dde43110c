// SPDX-License-Identifier: Apache-2.0
// `sallyport user ...`: changes the password file, which a running gateway reads anew at each attempt.
#include <fcntl.h>
#include <sys/file.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "sallyport/base/text.h"
#include "sallyport/credential/password_table.h"
#include "sallyport/env/posix/descriptor.h"
#include "sallyport/env/posix/system.h"

namespace sallyport {
namespace {

using Verb = UserCall::Verb;
constexpr std::string_view kOwner = "owner";
constexpr std::size_t kPasswordBytesMin = 8;  // OWASP ASVS 5.0, 6.2.1

/// Silent keeps a terminal from showing what is typed.
class Silent {
 public:
  Silent() : on_terminal_(::tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (!on_terminal_) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    std::cerr << "password: " << std::flush;
  }
  Silent(const Silent&) = delete;
  Silent& operator=(const Silent&) = delete;
  ~Silent() {
    if (!on_terminal_) return;
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    std::cerr << '\n';
  }

 private:
  termios before_{};
  bool on_terminal_;
};

/// read_password takes one line; nothing of it is echoed.
Result<SecretText> read_password() {
  const Silent silent;
  std::string line;
  std::getline(std::cin, line);
  SecretText password(line);
  wipe(std::as_writable_bytes(std::span(line)));
  if (password.empty())
    return fail(Code::invalid_argument, "type the password, or send it on standard input");
  if (password.expose().size() < kPasswordBytesMin)
    return fail(Code::invalid_argument, concat("a password has at least ", kPasswordBytesMin,
                                               " characters; better a sentence of 15 and more"));
  return password;
}

Result<std::string> hashed(const SecretText& password) {
  SystemEntropy entropy;
  PasswordSalt salt{};
  entropy.fill(salt);
  return hash_password(password, salt);
}

/// as_people turns what a gateway made at its first start, the owner's one password, into a list of people.
Result<PasswordTable> as_people(Files& files, const std::string& path) {
  auto content = files.read_secret(path, FilePrivacy::owner_only);
  if (!content && content.error().code == Code::not_found) return PasswordTable();
  if (!content) return std::move(content).error();
  SALLYPORT_TRY(table, PasswordTable::parse(content->expose(), kOwner));
  if (!table.is_of_owner()) return table;
  std::string_view line = content->expose();
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  std::string hash(line);
  if (!check_password_hash(line)) {
    SALLYPORT_TRY(made, hashed(SecretText(line)));
    hash = std::move(made);
  }
  PasswordTable people;
  SALLYPORT_CHECK(people.set(kOwner, hash));
  return people;
}

Status change(PasswordTable& people, const UserCall& call) {
  const auto names = people.names();
  const bool known = std::find(names.begin(), names.end(), call.name) != names.end();
  if (call.verb == Verb::remove) return people.remove(call.name);
  if (call.verb == Verb::add && known)
    return fail(Code::already_exists,
                concat(escaped(call.name), " is there already; see: sallyport user passwd"));
  if (call.verb == Verb::passwd && !known)
    return fail(Code::not_found, concat("there is no ", escaped(call.name), "; see: sallyport user add"));
  if (!valid_user_name(call.name)) {
    return fail(Code::invalid_argument,
                "a user's name is 1 to 64 of letters, digits, . _ - and @, not first - or .");
  }
  SALLYPORT_TRY(password, read_password());
  SALLYPORT_TRY(hash, hashed(password));
  return people.set(call.name, hash);
}

Result<std::string> place_of(const UserCall& call, const Environment& environment) {
  if (!call.file.empty()) return call.file;
  if (!call.state_dir.empty()) return call.state_dir + "/password";
  SALLYPORT_TRY(directory, state_directory(environment));
  return directory + "/password";
}

/// alter holds a lock beside the file while it reads, changes and replaces it, so that two at once both
/// count.
Status alter(Files& files, const std::string& path, const UserCall& call) {
  const std::string lock_path = path + ".lock";
  const Descriptor lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock || ::flock(lock.get(), LOCK_EX) != 0)
    return fail(Code::unavailable, concat("cannot lock ", lock_path, "; does its folder exist?"));
  SALLYPORT_TRY(people, as_people(files, path));
  SALLYPORT_CHECK(change(people, call));
  return files.replace_private(path, people.render());
}

}  // namespace

int command_user(const UserCall& call, Output output, const Environment& environment) {
  const auto path = place_of(call, environment);
  if (!path) return complain(path.error());
  SystemFiles files;
  if (call.verb != Verb::list) {
    const auto changed = alter(files, *path, call);
    return changed ? kExitDone : complain(changed.error());
  }
  auto people = as_people(files, *path);
  if (!people) return complain(people.error());
  auto rows = nlohmann::ordered_json::array();
  for (const auto& name : people->names()) {
    if (output == Output::text) std::cout << name << '\n';
    rows.push_back({{"name", name}});
  }
  if (output == Output::json) std::cout << rows.dump() << '\n';
  return kExitDone;
}

}  // namespace sallyport
