// SPDX-License-Identifier: Apache-2.0
// Logging in: forms under many tabs, equal answers, lock-out that hurts nobody else, links, and ending
// logins.
#include "sallyport/authn/login.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "sallyport/audit/testing/memory_audit_log.h"
#include "sallyport/base/text.h"
#include "sallyport/env/testing/fakes.h"
#include "sallyport/store/credential_store.h"

namespace sallyport {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using Kind = LoginReply::Kind;

class LoginTest : public testing::Test {
 protected:
  LoginTest() {
    files_.files["/state/password"] = "correct horse\n";
    PasswordOptions options;
    options.file = "/state/password";
    auto opened = PasswordBook::open(
        files_, entropy_, [](std::string_view) { return std::optional<std::string>(); }, options);
    EXPECT_TRUE(opened);
    passwords_ = *std::move(opened);
    facts_.peer = SocketAddress::tcp(*IpAddress::parse("192.0.2.1"), 5000);
    service_ = make_service();
  }

  std::unique_ptr<LoginService> make_service() {
    return std::make_unique<LoginService>(
        LoginService::Parts{passwords_.get(), logins_, links_, entropy_, audit_, names_});
  }

  LoginCaller caller() const { return {facts_, client_, login_cookie_, form_cookie_, "r1"}; }

  /// open_page is a tab that shows a form; returns its field.
  std::string open_page(FormPurpose purpose = FormPurpose::login) {
    const FormSeed seed = service_->form_for(purpose, caller(), now());
    if (!seed.new_cookie.empty()) form_cookie_ = seed.new_cookie;
    return seed.field;
  }
  LoginReply post(std::string_view name, std::string_view password, const std::string& field,
                  std::string_view next = "/") {
    LoginAttempt attempt = service_->begin(name, SecretText(password), field, next, caller(), now());
    const PasswordVerdict verdict = service_->verify(attempt);
    return service_->finish(std::move(attempt), verdict, now());
  }
  LoginReply log_in() { return post("", "correct horse", open_page()); }
  GrantRef grant_of(const LoginReply& reply) {
    return store_.find(read_token(reply.cookie.expose())->digest);
  }
  [[nodiscard]] MonotonicTime now() const { return clock_.now(); }

  ManualMonotonicClock clock_;
  CountingEntropy entropy_;
  MemoryFiles files_;
  MemoryCredentialStore store_{1000};
  Logins logins_{store_, entropy_};
  LoginLinks links_{store_, entropy_};
  MemoryAuditLog audit_;
  Fingerprinter names_ = Fingerprinter::derived_from(SecretText("a test's key"));
  std::unique_ptr<PasswordBook> passwords_;
  std::unique_ptr<LoginService> service_;
  ConnectionFacts facts_;
  IpAddress client_ = *IpAddress::parse("192.0.2.1");
  std::string login_cookie_;
  std::string form_cookie_;
};

TEST_F(LoginTest, AT_10_a_good_password_makes_a_login_and_leads_back) {
  const LoginReply reply = post("", "correct horse", open_page(), "/work?x=1");
  EXPECT_EQ(reply.kind, Kind::logged_in);
  EXPECT_EQ(reply.status, 303);
  EXPECT_EQ(reply.next, "/work?x=1");
  const GrantRef grant = grant_of(reply);
  ASSERT_NE(grant, nullptr);
  EXPECT_EQ(grant->kind, CredentialKind::login);
  EXPECT_EQ(audit_.events().back().outcome, Outcome::allowed);
}

TEST_F(LoginTest, AT_10_a_login_leads_to_no_other_host) {
  for (const char* next : {"//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil",
                           "javascript:alert(1)", "/a\r\nSet-Cookie: x", "", "/.sallyport/login?next=/"}) {
    EXPECT_EQ(post("", "correct horse", open_page(), next).next, "/") << next;
  }
}

TEST_F(LoginTest, AT_10_wrong_unknown_and_overlong_look_alike) {
  const LoginReply wrong = post("owner", "wrong", open_page());
  const std::pair<std::string, std::string> rows[] = {{"nobody", "correct horse"},
                                                      {"", ""},
                                                      {"owner", std::string(5000, 'x')},
                                                      {std::string(5000, 'x'), "y"}};
  for (const auto& [name, password] : rows) {
    service_ = make_service();
    const LoginReply reply = post(name, password, open_page());
    EXPECT_EQ(reply.kind, Kind::refused);
    EXPECT_EQ(reply.status, wrong.status);
    EXPECT_EQ(reply.text, wrong.text);
    EXPECT_EQ(reply.retry_after, wrong.retry_after);
    EXPECT_EQ(audit_.events().back().denial, Denial::wrong_password);
  }
  for (const auto& event : audit_.events()) EXPECT_EQ(event.line.find("correct horse"), std::string::npos);
}

TEST_F(LoginTest, AT_10_many_tabs_may_be_open_and_each_form_works) {
  std::vector<std::string> fields;
  for (int tab = 0; tab < 50; ++tab) fields.push_back(open_page());
  for (const auto& field : fields) EXPECT_EQ(post("", "correct horse", field).kind, Kind::logged_in);
}

TEST_F(LoginTest, AT_10_a_form_that_is_not_of_this_browser_is_refused_before_the_password_is_looked_at) {
  const std::string field = open_page();
  const std::string mine = form_cookie_;
  const std::string other_purpose = open_page(FormPurpose::link);
  struct Row {
    std::string cookie, field;
  };
  const Row rows[] = {{mine, ""},
                      {mine, "x"},
                      {"", field},
                      {FormGuard::new_cookie(entropy_), field},
                      {mine, other_purpose},
                      {mine, field.substr(1)},
                      {mine, field + "A"},
                      {"short", field}};
  for (const auto& row : rows) {
    form_cookie_ = row.cookie;
    const LoginAttempt attempt =
        service_->begin("", SecretText("correct horse"), row.field, "/", caller(), now());
    ASSERT_TRUE(attempt.refused);
    EXPECT_EQ(attempt.refused->status, 403);
    EXPECT_EQ(audit_.events().back().denial, Denial::csrf_mismatch);
    EXPECT_TRUE(service_->verify(attempt).denial);
  }
  form_cookie_ = mine;
  clock_.advance(kFormLife - std::chrono::nanoseconds(1));
  EXPECT_EQ(post("", "correct horse", field).kind, Kind::logged_in);
  clock_.advance(std::chrono::nanoseconds(1));
  EXPECT_EQ(post("", "correct horse", field).status, 403);
  service_ = make_service();
  const std::string of_before = field;
  EXPECT_EQ(post("", "correct horse", of_before).status, 403) << "another process, another key";
}

TEST_F(LoginTest, AT_10_each_login_has_a_new_id_and_ends_the_one_before) {
  const LoginReply first = log_in();
  login_cookie_ = first.cookie.expose();
  const LoginReply second = log_in();
  EXPECT_FALSE(grant_of(first));
  EXPECT_TRUE(grant_of(second));
  login_cookie_ = "spc_" + std::string(43, 'A');  // planted
  const LoginReply third = log_in();
  EXPECT_NE(third.cookie.expose(), login_cookie_);
}

TEST_F(LoginTest, SG_11_failures_make_the_next_try_wait_longer_and_longer) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(post("owner", "wrong", open_page()).status, 401);
  LoginReply reply = post("owner", "correct horse", open_page());
  EXPECT_EQ(reply.status, 403);
  EXPECT_EQ(reply.retry_after, seconds(2));
  EXPECT_EQ(audit_.events().back().denial, Denial::locked_out);
  clock_.advance(seconds(2));
  EXPECT_EQ(post("owner", "wrong", open_page()).status, 401);
  EXPECT_EQ(post("owner", "wrong", open_page()).retry_after, seconds(4));
  clock_.advance(seconds(4));
  EXPECT_EQ(post("owner", "correct horse", open_page()).kind, Kind::logged_in);
  EXPECT_EQ(post("owner", "wrong", open_page()).status, 401) << "a success forgives";
}

TEST_F(LoginTest, SG_11_nobody_locks_out_somebody_elsewhere) {
  for (int i = 0; i < 30; ++i) post("owner", "wrong", open_page());
  EXPECT_EQ(post("owner", "correct horse", open_page()).status, 403);
  client_ = *IpAddress::parse("198.51.100.1");
  EXPECT_EQ(post("owner", "correct horse", open_page()).kind, Kind::logged_in);
}

TEST_F(LoginTest, SG_11_guessing_at_many_names_from_one_network_waits_as_well) {
  int refused = 0;
  for (int i = 0; i < 60; ++i) refused += post(concat("user", i), "wrong", open_page()).status == 403 ? 1 : 0;
  EXPECT_EQ(refused, 40);
}

TEST_F(LoginTest, SG_11_many_good_logins_from_one_network_are_no_attack) {
  for (int i = 0; i < 200; ++i) ASSERT_EQ(log_in().kind, Kind::logged_in) << i;
}

TEST_F(LoginTest, SG_11_tries_side_by_side_do_not_share_a_chance) {
  std::vector<LoginAttempt> attempts;
  for (int i = 0; i < 20; ++i)
    attempts.push_back(service_->begin("owner", SecretText("wrong"), open_page(), "/", caller(), now()));
  int verified = 0;
  for (const auto& attempt : attempts) verified += attempt.refused ? 0 : 1;
  EXPECT_EQ(verified, 5);
}

TEST_F(LoginTest, AT_07_a_password_file_that_cannot_be_read_admits_nobody) {
  files_.unreadable.insert("/state/password");
  const LoginReply reply = log_in();
  EXPECT_EQ(reply.kind, Kind::refused);
  EXPECT_EQ(reply.status, 503);
  files_.unreadable.clear();
  files_.files["/state/password"] = "";
  EXPECT_EQ(post("", "", open_page()).kind, Kind::refused);
}

TEST_F(LoginTest, BY_03_a_link_logs_in_once_and_only_by_its_form) {
  auto principal = std::make_shared<Principal>();
  principal->id = "owner";
  const auto minted = links_.mint({principal, minutes(10)}, now());
  ASSERT_TRUE(minted);
  const std::string link(minted->text.expose());
  EXPECT_EQ(service_->redeem_link(link, "", caller(), now()).status, 403);
  EXPECT_EQ(service_->redeem_link(link, open_page(FormPurpose::login), caller(), now()).status, 403);
  const std::string field = open_page(FormPurpose::link);
  const LoginReply reply = service_->redeem_link(link, field, caller(), now());
  EXPECT_EQ(reply.kind, Kind::logged_in) << "the refused forms did not spend it";
  EXPECT_EQ(grant_of(reply)->principal->id, "owner");
  const LoginReply again = service_->redeem_link(link, field, caller(), now());
  EXPECT_EQ(again.status, 401);
  const LoginReply unknown = service_->redeem_link("spl_" + std::string(43, 'A'), field, caller(), now());
  EXPECT_EQ(unknown.text, again.text);
  EXPECT_EQ(service_->redeem_link("", field, caller(), now()).text, again.text);
  const auto late = links_.mint({principal, minutes(10)}, now());
  clock_.advance(minutes(10));
  EXPECT_EQ(service_->redeem_link(late->text.expose(), open_page(FormPurpose::link), caller(), now()).text,
            again.text);
}

TEST_F(LoginTest, BY_03_a_link_for_one_session_makes_a_login_for_that_and_leads_there) {
  const GrantRef mine = grant_of(log_in());
  LinkOrder order{mine->principal, minutes(10)};
  order.session = SessionId("demo");
  order.next = "/s/demo/";
  const auto open = [&] {
    const auto minted = links_.mint(order, now());
    const std::string field = open_page(FormPurpose::link);
    return service_->redeem_link(minted->text.expose(), field, caller(), now());
  };
  const LoginReply reply = open();
  EXPECT_EQ(reply.next, "/s/demo/");
  const GrantRef guest = grant_of(reply);
  EXPECT_EQ(guest->session, SessionId("demo"));
  const GrantRef second = grant_of(open());
  EXPECT_EQ(service_->own_logins(*mine, now()).size(), 3U);
  EXPECT_EQ(service_->own_logins(*guest, now()).size(), 2U) << "it sees those of its session";
  const std::string field = service_->account_form_for(*guest, now());
  EXPECT_EQ(service_->end_one(*guest, names_.fingerprint(mine->digest), field, caller(), now()).kind,
            Kind::done);
  EXPECT_EQ(service_->end_others(*guest, field, caller(), now()).kind, Kind::done);
  EXPECT_NE(store_.find(mine->digest), nullptr) << "and ends no other";
  EXPECT_EQ(store_.find(second->digest), nullptr);
}

TEST_F(LoginTest, BY_03_a_link_whose_maker_has_ended_looks_like_a_spent_one) {
  Grant token;
  token.kind = CredentialKind::access_token;
  const Minted minted = mint(CredentialKind::access_token, entropy_);
  token.digest = minted.digest;
  token.principal = std::make_shared<const Principal>(Principal{"robot", PrincipalKind::user, "test", {}});
  token.expires = now() + hours(1);
  ASSERT_TRUE(store_.put(std::move(token)));
  LinkOrder order{store_.find(minted.digest)->principal, minutes(10)};
  order.maker = store_.find(minted.digest);
  const auto link = links_.mint(order, now());
  (void)store_.take(minted.digest);  // gone, and the link is not: as a revocation that comes between
  const std::string field = open_page(FormPurpose::link);
  const auto reply = service_->redeem_link(link->text.expose(), field, caller(), now());
  EXPECT_EQ(reply.status, 401);
  EXPECT_TRUE(reply.cookie.empty());
  EXPECT_EQ(audit_.events().back().denial, Denial::expired);
}

TEST_F(LoginTest, BY_03_without_passwords_links_still_work_and_no_password_does) {
  passwords_.reset();
  service_ = make_service();
  EXPECT_EQ(log_in().status, 401);
}

TEST_F(LoginTest, AT_10_logins_are_listed_and_ended_by_their_owner) {
  const LoginReply here = log_in();
  const LoginReply there = log_in();
  const LoginReply elsewhere = log_in();
  const GrantRef mine = grant_of(here);
  const std::string field = service_->account_form_for(*mine, now());
  const auto own = service_->own_logins(*mine, now());
  ASSERT_EQ(own.size(), 3U);
  EXPECT_EQ(std::count_if(own.begin(), own.end(),
                          [](const OwnLogin& login) { return login.which == OwnLogin::Which::this_one; }),
            1);
  EXPECT_EQ(
      service_->end_one(*mine, names_.fingerprint(grant_of(there)->digest), field, caller(), now()).kind,
      Kind::done);
  EXPECT_FALSE(grant_of(there));
  EXPECT_TRUE(grant_of(elsewhere));
  EXPECT_EQ(service_->end_others(*mine, field, caller(), now()).kind, Kind::done);
  EXPECT_FALSE(grant_of(elsewhere));
  EXPECT_TRUE(grant_of(here));
  EXPECT_EQ(service_->logout(*mine, field, caller(), now()).kind, Kind::logged_out);
  EXPECT_FALSE(grant_of(here));
}

TEST_F(LoginTest, AT_10_ending_needs_the_form_of_this_login) {
  const LoginReply here = log_in();
  const LoginReply there = log_in();
  const GrantRef mine = grant_of(here);
  const std::string others_field = service_->account_form_for(*grant_of(there), now());
  for (const std::string& field : {std::string(), others_field, open_page(), std::string("x")}) {
    EXPECT_EQ(service_->logout(*mine, field, caller(), now()).status, 403);
    EXPECT_EQ(service_->end_others(*mine, field, caller(), now()).status, 403);
    EXPECT_EQ(service_->end_one(*mine, "x", field, caller(), now()).status, 403);
  }
  EXPECT_TRUE(grant_of(here));
  EXPECT_TRUE(grant_of(there));
}

TEST_F(LoginTest, AT_10_only_a_login_has_logins) {
  Grant local;
  local.kind = CredentialKind::local_peer;
  local.principal = std::make_shared<Principal>();
  EXPECT_TRUE(service_->own_logins(local, now()).empty());
  EXPECT_EQ(service_->logout(local, service_->account_form_for(local, now()), caller(), now()).status, 403);
}

TEST(FormGuard, a_field_without_binding_is_never_good) {
  CountingEntropy entropy;
  const FormGuard guard(entropy);
  const MonotonicTime now{hours(1)};
  EXPECT_TRUE(guard.field(FormPurpose::login, {}, now).empty());
  EXPECT_FALSE(guard.accepts("", FormPurpose::login, {}, now));
  EXPECT_FALSE(FormGuard::is_cookie(""));
  EXPECT_FALSE(FormGuard::is_cookie(std::string(43, '!')));
  EXPECT_TRUE(FormGuard::is_cookie(FormGuard::new_cookie(entropy)));
}

/// The password changes after it was hashed and before the login is made.
TEST_F(LoginTest, AT_07_a_password_that_changed_while_it_was_checked_opens_nothing) {
  const std::string field = open_page();
  LoginAttempt attempt = service_->begin("", SecretText("correct horse"), field, "/", caller(), now());
  const PasswordVerdict verdict = service_->verify(attempt);
  ASSERT_EQ(verdict.denial, std::nullopt);
  EXPECT_TRUE(passwords_->stands(verdict));
  files_.files["/state/password"] = "another horse\n";
  passwords_->refresh();
  for (const auto& name : passwords_->take_changed()) logins_.end_all(name);  // as the housekeeper does
  EXPECT_FALSE(passwords_->stands(verdict));
  const LoginReply reply = service_->finish(std::move(attempt), verdict, now());
  EXPECT_EQ(reply.kind, Kind::refused);
  EXPECT_EQ(reply.status, 401);
  EXPECT_TRUE(reply.cookie.empty());
  EXPECT_EQ(store_.count(), 0U);
  EXPECT_EQ(post("", "another horse", open_page()).kind, Kind::logged_in);
}

/// It changes between the last look at it and the moment at which the login can be seen by others: the old
/// login's end, which happens in between, stands for any other thread.
TEST_F(LoginTest, AT_07_a_password_that_changed_while_the_login_was_made_opens_nothing) {
  LoginReply before = log_in();
  login_cookie_ = std::string(before.cookie.expose());
  const std::string field = open_page();
  LoginAttempt attempt = service_->begin("", SecretText("correct horse"), field, "/", caller(), now());
  const PasswordVerdict verdict = service_->verify(attempt);
  bool changed = false;
  store_.subscribe([&](const Grant&, Removal) {
    if (std::exchange(changed, true)) return;
    files_.files["/state/password"] = "another horse\n";
    passwords_->refresh();
    for (const auto& name : passwords_->take_changed()) logins_.end_all(name);
  });
  EXPECT_EQ(service_->finish(std::move(attempt), verdict, now()).kind, Kind::refused);
  EXPECT_TRUE(changed);
  EXPECT_EQ(store_.count(), 0U);
}

TEST_F(LoginTest, AT_07_somebody_who_was_removed_while_the_password_was_checked_stays_out) {
  const auto hash = hash_password(SecretText("correct horse"), PasswordSalt{std::byte{5}});
  ASSERT_TRUE(hash);
  files_.files["/state/password"] = concat("ann:", *hash, "\nbob:", *hash, "\n");
  passwords_->refresh();
  (void)passwords_->take_changed();
  const std::string field = open_page();
  LoginAttempt ann = service_->begin("ann", SecretText("correct horse"), field, "/", caller(), now());
  LoginAttempt bob = service_->begin("bob", SecretText("correct horse"), field, "/", caller(), now());
  const PasswordVerdict of_ann = service_->verify(ann);
  const PasswordVerdict of_bob = service_->verify(bob);
  files_.files["/state/password"] = concat("bob:", *hash, "\n");
  passwords_->refresh();
  EXPECT_EQ(service_->finish(std::move(ann), of_ann, now()).kind, Kind::refused);
  EXPECT_EQ(service_->finish(std::move(bob), of_bob, now()).kind, Kind::logged_in) << "his is the same";
}

TEST_F(LoginTest, AT_07_the_first_login_with_a_new_password_outlives_those_of_the_old_one) {
  const LoginReply old = log_in();
  files_.files["/state/password"] = "another horse\n";
  const LoginReply fresh = post("", "another horse", open_page());
  ASSERT_EQ(fresh.kind, Kind::logged_in);
  EXPECT_EQ(grant_of(old), nullptr) << "ended with the attempt, not a moment later";
  for (const auto& name : passwords_->take_changed()) logins_.end_all(name);
  EXPECT_NE(grant_of(fresh), nullptr);
}

}  // namespace
}  // namespace sallyport
