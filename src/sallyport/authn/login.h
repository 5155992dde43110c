// SPDX-License-Identifier: Apache-2.0
// LoginService: how a person becomes a login, and how logins end. Synchronous; the one slow step, the
// password, stands apart so that a pool can run it.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/audit/audit.h"
#include "sallyport/authn/form_guard.h"
#include "sallyport/credential/logins.h"
#include "sallyport/credential/passwords.h"
#include "sallyport/identity/facts.h"
#include "sallyport/policy/lockout.h"

namespace sallyport {

/// LoginCaller is what the door knows of the browser. Views live for the call.
struct LoginCaller {
  const ConnectionFacts& facts;
  IpAddress client;               ///< as the gate judged it: Verdict::client
  std::string_view login_cookie;  ///< the first one presented, whatever it is worth; empty: none
  std::string_view form_cookie;   ///< likewise
  std::string_view request_id;
};

/// FormSeed is what a page with a form needs.
struct FormSeed {
  std::string field;       ///< value of the hidden field "csrf"
  std::string new_cookie;  ///< where not empty: set the form cookie to this
};

/// LoginReply is what the door answers. The default one is a refusal.
struct LoginReply {
  enum class Kind : std::uint8_t {
    refused,     ///< show the form again with `text`
    logged_in,   ///< set the login cookie, 303 to `next`
    logged_out,  ///< drop the login cookie, 303 to the login page
    done,        ///< 303 to the page of logins
  };
  Kind kind = Kind::refused;
  std::uint16_t status = 401;
  std::string_view text;   ///< one fixed sentence, for people
  Duration retry_after{};  ///< above zero: Retry-After
  SecretText cookie;       ///< logged_in only
  std::string next;        ///< a path of this origin
};

/// ProvenPerson is who somebody is by the word of another program, or why that word is not enough.
struct ProvenPerson {
  std::shared_ptr<const Principal> principal;  ///< null: nobody
  CredentialKind how = CredentialKind::none;
  std::string name;                     ///< as that program calls them, for the audit log; empty: it does not
  Denial denial = Denial::unspecified;  ///< where there is no principal
  std::string detail;
};

/// OwnLogin is one line of the page of logins.
struct OwnLogin {
  std::string fingerprint;
  MonotonicTime begun{};
  MonotonicTime last_used{};
  enum class Which : std::uint8_t { other, this_one } which = Which::other;
};

inline constexpr std::size_t kLoginNameBytesMax = 64;
inline constexpr std::size_t kLoginPasswordBytesMax = 1024;

/// LoginAttempt is a password on its way: made by begin, checked by verify on any thread, settled by finish.
class LoginAttempt {
 public:
  /// refused is set where there is nothing to verify: answer with it.
  std::optional<LoginReply> refused;

 private:
  friend class LoginService;
  std::string name_;
  SecretText password_;
  SecretText old_cookie_;
  std::string next_;
  std::string request_id_;
  ConnectionFacts facts_;
  NetworkKey network_;
  Lockout::Counted by_name_;  ///< what the try brings about if it fails
  Lockout::Counted by_network_;
};

/// LoginService promises: a wrong name, a wrong password, an unknown name give one text, one status and equal
/// work; tries are counted before they are checked, for each (name, network) and each network, never for a
/// name alone, so nobody locks out somebody elsewhere; each login has a new id, whatever cookie came before;
/// a one-time link is spent by a POST only, since mail scanners and link previews GET whatever they see. It
/// holds no passwords and no ids; a password that changes while it is checked opens nothing. Any thread.
class LoginService {
 public:
  struct Parts {
    PasswordJudge* passwords = nullptr;  ///< none: links only
    Logins& logins;
    LoginLinks& links;
    Entropy& entropy;
    AuditLog& audit;
    const Fingerprinter& fingerprinter;
    Lockout* lockout = nullptr;  ///< shared with the gate, so that one list shows all; none: one of its own
  };
  explicit LoginService(Parts parts);

  /// form_for seeds the login form, or the button of a one-time link. A form cookie that the browser has is
  /// kept, so that many tabs can be open at once.
  [[nodiscard]] FormSeed form_for(FormPurpose purpose, const LoginCaller& caller, MonotonicTime now) const;
  /// account_form_for seeds the forms of somebody who is logged in.
  [[nodiscard]] std::string account_form_for(const Grant& login, MonotonicTime now) const;

  /// is_account_form says whether `field` came from account_form_for this login: a CSRF token for what is
  /// no form.
  [[nodiscard]] bool is_account_form(const Grant& login, std::string_view field, MonotonicTime now) const;

  /// begin judges the posted form but for the password. `next` is where the person wanted to go; what is no
  /// path of this origin becomes "/".
  LoginAttempt begin(std::string_view name, SecretText password, std::string_view field,
                     std::string_view next, const LoginCaller& caller, MonotonicTime now);
  /// verify is the slow step: it blocks on disk and processor.
  [[nodiscard]] PasswordVerdict verify(const LoginAttempt& attempt) const;
  LoginReply finish(LoginAttempt attempt, const PasswordVerdict& verdict, MonotonicTime now);

  /// redeem_link spends a one-time link, posted from the page that its GET shows.
  LoginReply redeem_link(std::string_view link, std::string_view field, const LoginCaller& caller,
                         MonotonicTime now);

  /// log_in_proven is for who posted the login form and needs no password, since somebody else vouches.
  LoginReply log_in_proven(const ProvenPerson& who, std::string_view field, std::string_view next,
                           const LoginCaller& caller, MonotonicTime now);
  /// takes_passwords is false where none would open anything.
  [[nodiscard]] bool takes_passwords() const noexcept { return parts_.passwords != nullptr; }

  /// The rest is for a Verdict whose grant is a login, with the field of account_form_for.
  LoginReply logout(const Grant& login, std::string_view field, const LoginCaller& caller, MonotonicTime now);
  [[nodiscard]] std::vector<OwnLogin> own_logins(const Grant& login, MonotonicTime now) const;
  LoginReply end_one(const Grant& login, std::string_view fingerprint, std::string_view field,
                     const LoginCaller& caller, MonotonicTime now);
  LoginReply end_others(const Grant& login, std::string_view field, const LoginCaller& caller,
                        MonotonicTime now);

  /// end_all is for whoever may throw people out: it ends all logins of a user, what they opened and the
  /// links that would begin another, and returns how many logins there were. The caller records it.
  std::size_t end_all(const std::string& user);

 private:
  [[nodiscard]] bool accepts_form(std::string_view field, FormPurpose purpose, const LoginCaller& caller,
                                  MonotonicTime now) const;
  [[nodiscard]] bool accepts_account_form(const Grant& login, std::string_view field,
                                          const LoginCaller& caller, MonotonicTime now) const;
  Duration count_attempt(LoginAttempt& attempt, MonotonicTime now);
  void confirm_failure(const LoginAttempt& attempt, MonotonicTime now);
  void record_lockout(const LockoutSubject& subject, const Lockout::Counted& counted,
                      const ConnectionFacts& facts, std::string_view request_id) const;
  void forgive(const LoginAttempt& attempt);
  struct Newcomer {
    const Principal& principal;
    CredentialKind how;
    std::string_view detail{};
  };
  LoginReply log_in(Result<Minted> minted, const Newcomer& who, const ConnectionFacts& facts,
                    std::string_view request_id);
  [[nodiscard]] std::vector<GrantRef> within_reach(const Grant& login, MonotonicTime now) const;
  void record(AuditKind kind, const ConnectionFacts& facts, std::string_view request_id, std::string_view who,
              CredentialKind how, std::optional<Denial> denial, std::string_view detail = {}) const;

  Parts parts_;
  FormGuard guard_;
  std::mutex count_mutex_;  // between asking for the wait and counting the try
  std::unique_ptr<Lockout> own_lockout_;
  Lockout& lockout_;
};

}  // namespace sallyport
