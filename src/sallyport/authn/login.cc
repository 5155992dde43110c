// SPDX-License-Identifier: Apache-2.0
#include "sallyport/authn/login.h"

#include <algorithm>
#include <functional>

#include "sallyport/authn/throttles.h"
#include "sallyport/http/return_path.h"

namespace sallyport {
namespace {

constexpr std::string_view kWrong = "That name and password do not match.";
constexpr std::string_view kWait = "Too many tries. Wait a little, then try again.";
constexpr std::string_view kStaleForm = "This page was open for too long. Please try again.";
constexpr std::string_view kLinkSpent =
    "This link is not good any more. Links work once, and for a short time.";
constexpr std::string_view kNotListed =
    "You are not among those who may sign in this way. The log of sallyport says who you are to it.";
constexpr std::string_view kNotNow = "Logging in does not work at the moment. See the log of sallyport.";

LoginReply refusal(std::uint16_t status, std::string_view text, Duration retry_after = {}) {
  LoginReply reply;
  reply.status = status;
  reply.text = text;
  reply.retry_after = retry_after;
  return reply;
}

LoginReply leading_on(LoginReply::Kind kind, std::string next = {}) {
  LoginReply reply;
  reply.kind = kind;
  reply.status = 303;
  reply.next = std::move(next);
  return reply;
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::unique_ptr<Lockout> own_lockout(const LoginService::Parts& parts) {
  if (parts.lockout != nullptr) return nullptr;
  return std::make_unique<Lockout>(
      ShortHashKey::filled_by([&parts](std::span<std::byte> out) { parts.entropy.fill(out); }));
}

}  // namespace

LoginService::LoginService(Parts parts)
    : parts_(parts),
      guard_(parts.entropy),
      own_lockout_(own_lockout(parts)),
      lockout_(parts.lockout != nullptr ? *parts.lockout : *own_lockout_) {}

FormSeed LoginService::form_for(FormPurpose purpose, const LoginCaller& caller, MonotonicTime now) const {
  FormSeed seed;
  if (!FormGuard::is_cookie(caller.form_cookie)) seed.new_cookie = FormGuard::new_cookie(parts_.entropy);
  const std::string_view cookie = seed.new_cookie.empty() ? caller.form_cookie : seed.new_cookie;
  seed.field = guard_.field(purpose, bytes_of(cookie), now);
  return seed;
}

std::string LoginService::account_form_for(const Grant& login, MonotonicTime now) const {
  return guard_.field(FormPurpose::account, login.digest.bytes, now);
}

bool LoginService::accepts_form(std::string_view field, FormPurpose purpose, const LoginCaller& caller,
                                MonotonicTime now) const {
  return FormGuard::is_cookie(caller.form_cookie) &&
         guard_.accepts(field, purpose, bytes_of(caller.form_cookie), now);
}

bool LoginService::is_account_form(const Grant& login, std::string_view field, MonotonicTime now) const {
  return login.kind == CredentialKind::login &&
         guard_.accepts(field, FormPurpose::account, login.digest.bytes, now);
}

bool LoginService::accepts_account_form(const Grant& login, std::string_view field, const LoginCaller& caller,
                                        MonotonicTime now) const {
  if (is_account_form(login, field, now)) return true;
  record(AuditKind::logout, caller.facts, caller.request_id, login.principal ? login.principal->id : "",
         login.kind, Denial::csrf_mismatch);
  return false;
}

LoginAttempt LoginService::begin(std::string_view name, SecretText password, std::string_view field,
                                 std::string_view next, const LoginCaller& caller, MonotonicTime now) {
  LoginAttempt attempt;
  attempt.facts_ = caller.facts;
  attempt.request_id_ = caller.request_id;
  const auto refuse = [&](Denial why, LoginReply reply) {
    record(AuditKind::login, caller.facts, caller.request_id, name, CredentialKind::password, why);
    attempt.refused = std::move(reply);
  };
  if (!accepts_form(field, FormPurpose::login, caller, now)) {
    refuse(Denial::csrf_mismatch, refusal(403, kStaleForm));
  } else if (name.size() > kLoginNameBytesMax || password.size() > kLoginPasswordBytesMax ||
             parts_.passwords == nullptr) {
    refuse(Denial::wrong_password, refusal(401, kWrong));
  }
  if (attempt.refused) return attempt;
  attempt.name_ = name;
  attempt.password_ = std::move(password);
  attempt.old_cookie_ = SecretText(caller.login_cookie);
  attempt.next_ = ReturnPath::parse_or_root(next).str();
  attempt.network_ = NetworkKey::of(caller.facts, caller.client);
  const Duration wait = count_attempt(attempt, now);
  if (wait > Duration::zero()) {
    attempt.password_ = SecretText();  // nobody will look at it
    refuse(Denial::locked_out, refusal(403, kWait, wait));
  }
  return attempt;
}

/// count_attempt counts a try as failed before it is checked, so that tries side by side do not share one
/// chance; what has to wait is not counted, or nobody who is impatient would ever get in again.
Duration LoginService::count_attempt(LoginAttempt& attempt, MonotonicTime now) {
  const LockoutSubject by_name{LockoutLane::password, attempt.network_, attempt.name_};
  const LockoutSubject by_network{LockoutLane::sign_in, attempt.network_, {}};
  const std::lock_guard lock(count_mutex_);
  const Duration wait = std::max(lockout_.wait_left(by_name, now), lockout_.wait_left(by_network, now));
  if (wait > Duration::zero()) return wait;
  attempt.by_name_ = lockout_.note_try(by_name, 0, now);
  attempt.by_network_ = lockout_.note_try(by_network, 0, now);
  return Duration::zero();
}

/// confirm_failure tells of what the try brought about, now that it is known to have failed.
void LoginService::confirm_failure(const LoginAttempt& attempt, MonotonicTime now) {
  Lockout::Counted by_name = attempt.by_name_;
  by_name.alert = lockout_.confirm(now);
  const LockoutSubject subject{LockoutLane::password, attempt.network_, attempt.name_};
  record_lockout(subject, by_name, attempt.facts_, attempt.request_id_);
  record_lockout({LockoutLane::sign_in, attempt.network_, {}}, attempt.by_network_, attempt.facts_,
                 attempt.request_id_);
}

void LoginService::record_lockout(const LockoutSubject& subject, const Lockout::Counted& counted,
                                  const ConnectionFacts& facts, std::string_view request_id) const {
  const std::string alert = alert_text(subject, counted, lockout_.limits());
  if (alert.empty()) return;
  record(AuditKind::lockout, facts, request_id, subject.principal, CredentialKind::none, Denial::locked_out,
         alert);
}

/// forgive takes back only this one try of the network's: a good password must not open it for guesses at
/// other names.
void LoginService::forgive(const LoginAttempt& attempt) {
  lockout_.note_success({LockoutLane::password, attempt.network_, attempt.name_});
  lockout_.take_back({LockoutLane::sign_in, attempt.network_, {}});
}

PasswordVerdict LoginService::verify(const LoginAttempt& attempt) const {
  if (attempt.refused || parts_.passwords == nullptr) return {};
  return parts_.passwords->check(attempt.name_, attempt.password_);
}

LoginReply LoginService::finish(LoginAttempt attempt, const PasswordVerdict& verdict, MonotonicTime now) {
  if (attempt.refused) return *std::move(attempt.refused);
  if (verdict.denial || verdict.principal == nullptr) {
    const Denial why = verdict.denial.value_or(Denial::unspecified);
    confirm_failure(attempt, now);
    record(AuditKind::login, attempt.facts_, attempt.request_id_, attempt.name_, CredentialKind::password,
           why);
    return why == Denial::store_unavailable ? refusal(503, kNotNow) : refusal(401, kWrong);
  }
  // Who signs in with a new password is not to be thrown out with the logins of the old one, so those end
  // first.
  for (const std::string& name : parts_.passwords->take_changed()) parts_.logins.end_all(name);
  const auto outdated = [&] {
    record(AuditKind::login, attempt.facts_, attempt.request_id_, attempt.name_, CredentialKind::password,
           Denial::wrong_password, "the password changed while it was checked");
    return refusal(401, kWrong);
  };
  if (!parts_.passwords->stands(verdict)) return outdated();
  forgive(attempt);
  auto begun = parts_.logins.begin(verdict.principal, attempt.old_cookie_.expose(), now);
  auto reply = log_in(std::move(begun), {*verdict.principal, CredentialKind::password}, attempt.facts_,
                      attempt.request_id_);
  // Asked again, now that whoever ends the logins of a changed password can see this one.
  if (reply.kind == LoginReply::Kind::logged_in && !parts_.passwords->stands(verdict)) {
    if (const auto minted = read_token(reply.cookie.expose()))
      parts_.logins.end(verdict.principal->id, minted->digest);
    return outdated();
  }
  reply.next = std::move(attempt.next_);
  return reply;
}

LoginReply LoginService::redeem_link(std::string_view link, std::string_view field, const LoginCaller& caller,
                                     MonotonicTime now) {
  if (!accepts_form(field, FormPurpose::link, caller, now)) {
    record(AuditKind::login, caller.facts, caller.request_id, {}, CredentialKind::login_link,
           Denial::csrf_mismatch);
    return refusal(403, kStaleForm);
  }
  const LockoutSubject subject{LockoutLane::link, NetworkKey::of(caller.facts, caller.client), {}};
  const Duration wait = lockout_.wait_left(subject, now);
  const auto has_to_wait = [&] {
    record(AuditKind::login, caller.facts, caller.request_id, {}, CredentialKind::login_link,
           Denial::locked_out);
    return refusal(403, kWait, wait);
  };
  if (wait > Duration::zero() && !is_shared(caller.facts, caller.client)) return has_to_wait();
  const Admission admission = parts_.links.redeem(link, now);
  if (!admission && wait > Duration::zero()) return has_to_wait();
  if (!admission) {
    const std::uint64_t value = std::hash<std::string_view>{}(link) | 1;
    record_lockout(subject, lockout_.note_failure(subject, value, now), caller.facts, caller.request_id);
    record(AuditKind::login, caller.facts, caller.request_id, {}, CredentialKind::login_link,
           admission.denial());
    return refusal(401, kLinkSpent);
  }
  const GrantRef spent = admission.grant();
  auto minted = parts_.logins.begin_from(*spent, caller.login_cookie, now);
  auto reply = log_in(std::move(minted), {*spent->principal, CredentialKind::login_link}, caller.facts,
                      caller.request_id);
  if (spent->link) reply.next = spent->link->next;
  return reply;
}

LoginReply LoginService::log_in_proven(const ProvenPerson& who, std::string_view field, std::string_view next,
                                       const LoginCaller& caller, MonotonicTime now) {
  const auto denied = [&](Denial why, std::string_view detail) {
    record(AuditKind::login, caller.facts, caller.request_id, who.name, who.how, why, detail);
  };
  if (!accepts_form(field, FormPurpose::login, caller, now)) {
    denied(Denial::csrf_mismatch, {});
    return refusal(403, kStaleForm);
  }
  if (who.principal == nullptr) {
    denied(who.denial, who.detail);
    return who.denial == Denial::store_unavailable ? refusal(503, kNotNow) : refusal(403, kNotListed);
  }
  auto begun = parts_.logins.begin(who.principal, caller.login_cookie, now);
  auto reply =
      log_in(std::move(begun), {*who.principal, who.how, who.detail}, caller.facts, caller.request_id);
  reply.next = ReturnPath::parse_or_root(next).str();
  return reply;
}

LoginReply LoginService::log_in(Result<Minted> minted, const Newcomer& who, const ConnectionFacts& facts,
                                std::string_view request_id) {
  if (!minted) {
    const bool orphaned = minted.error().code == Code::unauthenticated;
    record(AuditKind::login, facts, request_id, who.principal.id, who.how,
           orphaned ? Denial::expired : Denial::store_unavailable, minted.error().what);
    return orphaned ? refusal(401, kLinkSpent) : refusal(503, kNotNow);
  }
  record(AuditKind::login, facts, request_id, who.principal.id, who.how, std::nullopt, who.detail);
  auto reply = leading_on(LoginReply::Kind::logged_in);
  reply.cookie = std::move(minted->text);
  return reply;
}

LoginReply LoginService::logout(const Grant& login, std::string_view field, const LoginCaller& caller,
                                MonotonicTime now) {
  if (!accepts_account_form(login, field, caller, now)) return refusal(403, kStaleForm);
  parts_.logins.end(login.principal->id, login.digest);
  record(AuditKind::logout, caller.facts, caller.request_id, login.principal->id, login.kind, std::nullopt);
  return leading_on(LoginReply::Kind::logged_out);
}

/// within_reach are the logins of the same person; for a login that opens one session only, those that open
/// no more than that.
std::vector<GrantRef> LoginService::within_reach(const Grant& login, MonotonicTime now) const {
  auto found = parts_.logins.list(login.principal->id, now);
  if (!login.session.empty())
    std::erase_if(found, [&login](const GrantRef& grant) { return grant->session != login.session; });
  return found;
}

std::vector<OwnLogin> LoginService::own_logins(const Grant& login, MonotonicTime now) const {
  std::vector<OwnLogin> own;
  if (login.kind != CredentialKind::login) return own;
  for (const auto& grant : within_reach(login, now)) {
    const auto which =
        grant->digest.matches(login.digest) ? OwnLogin::Which::this_one : OwnLogin::Which::other;
    own.push_back(
        {parts_.fingerprinter.fingerprint(grant->digest), grant->issued, grant->used.last(), which});
  }
  return own;
}

LoginReply LoginService::end_one(const Grant& login, std::string_view fingerprint, std::string_view field,
                                 const LoginCaller& caller, MonotonicTime now) {
  if (!accepts_account_form(login, field, caller, now)) return refusal(403, kStaleForm);
  for (const auto& grant : within_reach(login, now)) {
    if (parts_.fingerprinter.fingerprint(grant->digest) != fingerprint) continue;
    parts_.logins.end(login.principal->id, grant->digest);
    record(AuditKind::logout, caller.facts, caller.request_id, login.principal->id, login.kind, std::nullopt,
           "another login");
  }
  return leading_on(LoginReply::Kind::done);
}

LoginReply LoginService::end_others(const Grant& login, std::string_view field, const LoginCaller& caller,
                                    MonotonicTime now) {
  if (!accepts_account_form(login, field, caller, now)) return refusal(403, kStaleForm);
  for (const auto& grant : within_reach(login, now)) {
    if (!grant->digest.matches(login.digest)) parts_.logins.end(login.principal->id, grant->digest);
  }
  record(AuditKind::logout, caller.facts, caller.request_id, login.principal->id, login.kind, std::nullopt,
         "all other logins");
  return leading_on(LoginReply::Kind::done);
}

std::size_t LoginService::end_all(const std::string& user) {
  parts_.links.end_all(user);  // first, so that none begins a login behind our back
  return parts_.logins.end_all(user);
}

void LoginService::record(AuditKind kind, const ConnectionFacts& facts, std::string_view request_id,
                          std::string_view who, CredentialKind how, std::optional<Denial> denial,
                          std::string_view detail) const {
  AuditEvent event;
  event.kind = kind;
  event.outcome = denial ? Outcome::denied : Outcome::allowed;
  event.door = Door::http;
  event.who = who;
  event.how = how;
  event.denial = denial;
  event.peer = &facts.peer;
  event.request_id = request_id;
  event.detail = detail;
  parts_.audit.record(event);
}

}  // namespace sallyport
