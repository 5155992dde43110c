// SPDX-License-Identifier: Apache-2.0
#include "sallyport/pam/pam_helper.h"

#include <grp.h>
#include <pwd.h>
#include <security/pam_appl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "sallyport/pam/internal/pam_wire.h"

namespace sallyport {
namespace {

constexpr unsigned kAttemptSecondsMax = 60;
constexpr int kGroupsMax = 4096;
constexpr int kPamFlags = PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK;

/// Attempt is one question, in memory that is wiped before the next.
struct Attempt {
  std::string name;
  SecretText password;  // ends with NUL
  int secret_prompts = 0;
};

char* duplicate(const char* text) { return ::strdup(text); }

/// answer_one gives PAM's one hidden question the password and its open one the name. A second hidden
/// question, for a code or a new password, has no answer here.
bool answer_one(const pam_message& question, pam_response& answer, Attempt& attempt) {
  switch (question.msg_style) {
    case PAM_PROMPT_ECHO_OFF:
      if (++attempt.secret_prompts > 1) return false;
      answer.resp = duplicate(attempt.password.expose().data());
      return answer.resp != nullptr;
    case PAM_PROMPT_ECHO_ON:
      answer.resp = duplicate(attempt.name.c_str());
      return answer.resp != nullptr;
    case PAM_TEXT_INFO:
    case PAM_ERROR_MSG:
      return true;
    default:
      return false;
  }
}

int converse(int count, const pam_message** questions, pam_response** answers, void* data) {
  auto& attempt = *static_cast<Attempt*>(data);
  if (count <= 0 || count > PAM_MAX_NUM_MSG) return PAM_CONV_ERR;
  auto* given =
      static_cast<pam_response*>(std::calloc(static_cast<std::size_t>(count), sizeof(pam_response)));
  if (given == nullptr) return PAM_BUF_ERR;
  for (int i = 0; i < count; ++i) {
    if (answer_one(*questions[i], given[i], attempt)) continue;
    for (int k = 0; k <= i; ++k) {
      if (given[k].resp == nullptr) continue;
      wipe(std::as_writable_bytes(std::span(given[k].resp, std::strlen(given[k].resp))));
      std::free(given[k].resp);
    }
    std::free(given);
    return PAM_CONV_ERR;
  }
  *answers = given;  // PAM frees them
  return PAM_SUCCESS;
}

/// no_delay takes PAM's pause after a failure away: the gateway's lock-out makes people wait, not its
/// threads.
void no_delay(int, unsigned, void*) {}

/// Handle is one conversation with PAM.
class Handle {
 public:
  Handle(const char* service, const char* directory, Attempt& attempt) : conversation_{converse, &attempt} {
    last_ = directory[0] == '\0'
                ? ::pam_start(service, attempt.name.c_str(), &conversation_, &handle_)
                : ::pam_start_confdir(service, attempt.name.c_str(), &conversation_, directory, &handle_);
    if (last_ == PAM_SUCCESS) {
      void (*delay)(int, unsigned, void*) = no_delay;
      ::pam_set_item(handle_, PAM_FAIL_DELAY, reinterpret_cast<const void*>(delay));
    }
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    if (handle_ != nullptr) ::pam_end(handle_, last_);
  }
  [[nodiscard]] bool open() const noexcept { return handle_ != nullptr && last_ == PAM_SUCCESS; }
  int authenticate() { return last_ = ::pam_authenticate(handle_, kPamFlags); }
  int judge_account() { return last_ = ::pam_acct_mgmt(handle_, kPamFlags); }
  /// speaks_of: a module may put another name in the place of the one that was asked about.
  [[nodiscard]] bool speaks_of(const std::string& name) const {
    const void* item = nullptr;
    return ::pam_get_item(handle_, PAM_USER, &item) == PAM_SUCCESS && item != nullptr &&
           name == static_cast<const char*>(item);
  }

 private:
  pam_conv conversation_;
  pam_handle_t* handle_ = nullptr;
  int last_ = PAM_SYSTEM_ERR;
};

/// Listing is who may come, as the helper was told.
struct Listing {
  std::string group;
  std::vector<std::string> users;
  [[nodiscard]] bool holds(const std::string& name) const;
};

bool Listing::holds(const std::string& name) const {
  if (std::ranges::find(users, name) != users.end()) return true;
  if (group.empty()) return false;
  const passwd* person = ::getpwnam(name.c_str());
  // Name services may find "Alice" and "alice" alike; here they are two.
  if (person == nullptr || person->pw_uid == 0 || name != person->pw_name) return false;
  const gid_t primary = person->pw_gid;
  std::vector<gid_t> groups(kGroupsMax);
  int count = kGroupsMax;
  if (::getgrouplist(name.c_str(), primary, groups.data(), &count) < 0) return false;
  const ::group* wanted = ::getgrnam(group.c_str());
  if (wanted == nullptr) return false;
  const auto end = groups.begin() + count;
  return std::find(groups.begin(), end, wanted->gr_gid) != end;
}

PamAnswer answer_of_authentication(int result) noexcept {
  switch (result) {
    case PAM_AUTH_ERR:
    case PAM_USER_UNKNOWN:
    case PAM_MAXTRIES:
    case PAM_CONV_ERR:
    case PAM_PERM_DENIED:
      return PamAnswer::refused;
    case PAM_ACCT_EXPIRED:
      return PamAnswer::account_refused;
    default:
      return PamAnswer::unavailable;
  }
}

PamAnswer answer_of_account(int result) noexcept {
  switch (result) {
    case PAM_ACCT_EXPIRED:
    case PAM_NEW_AUTHTOK_REQD:
    case PAM_AUTHTOK_EXPIRED:
    case PAM_PERM_DENIED:
    case PAM_AUTH_ERR:
    case PAM_USER_UNKNOWN:
      return PamAnswer::account_refused;
    default:
      return PamAnswer::unavailable;
  }
}

PamAnswer judge(Attempt& attempt, const char* service, const char* directory, const Listing& listing) {
  // Guesses at names that may not come anyway must not reach the system's own counters and lock people out of
  // it.
  if (!listing.holds(attempt.name)) return PamAnswer::not_listed;
  Handle pam(service, directory, attempt);
  if (!pam.open()) return PamAnswer::unavailable;
  if (const int result = pam.authenticate(); result != PAM_SUCCESS) return answer_of_authentication(result);
  if (const int result = pam.judge_account(); result != PAM_SUCCESS) return answer_of_account(result);
  if (!pam.speaks_of(attempt.name)) return PamAnswer::refused;
  return PamAnswer::admitted;
}

/// receive reads one attempt; false at the end of the conversation, and on anything that is none.
bool receive(Attempt& attempt) {
  std::array<char, pam_wire::kAttemptBytesMax + 1> buffer{};
  const ssize_t got = ::recv(pam_wire::kSocketDescriptor, buffer.data(), buffer.size(), 0);
  pam_wire::Sizes sizes;
  if (got < static_cast<ssize_t>(sizeof sizes)) return false;
  std::memcpy(&sizes, buffer.data(), sizeof sizes);
  const bool whole = sizes.name_bytes <= kPamNameBytesMax && sizes.password_bytes <= kPamPasswordBytesMax &&
                     static_cast<std::size_t>(got) == sizeof sizes + sizes.name_bytes + sizes.password_bytes;
  if (whole) {
    attempt.name.assign(buffer.data() + sizeof sizes, sizes.name_bytes);
    attempt.password = SecretText::filled_by(sizes.password_bytes + std::size_t{1}, [&](std::span<char> out) {
      std::memcpy(out.data(), buffer.data() + sizeof sizes + sizes.name_bytes, sizes.password_bytes);
      out.back() = '\0';
    });
    attempt.secret_prompts = 0;
  }
  wipe(std::as_writable_bytes(std::span(buffer)));
  return whole;
}

void harden() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::prctl(PR_SET_DUMPABLE, 0);
}

}  // namespace

std::optional<int> run_as_pam_helper(int argc, char** argv) {
  if (argc < pam_wire::kFirstUserArgument || std::strcmp(argv[0], kPamHelperName) != 0) return std::nullopt;
  harden();
  Listing listing{argv[pam_wire::kGroupArgument], {}};
  for (int i = pam_wire::kFirstUserArgument; i < argc; ++i) listing.users.emplace_back(argv[i]);
  Attempt attempt;
  while (receive(attempt)) {
    ::alarm(kAttemptSecondsMax);  // a module that hangs must not outlive the gateway
    const auto answer = static_cast<std::uint8_t>(
        judge(attempt, argv[pam_wire::kServiceArgument], argv[pam_wire::kDirectoryArgument], listing));
    ::alarm(0);
    attempt.password = SecretText();
    if (::send(pam_wire::kSocketDescriptor, &answer, sizeof answer, MSG_NOSIGNAL) != sizeof answer) break;
  }
  return 0;
}

}  // namespace sallyport
