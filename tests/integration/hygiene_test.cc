// SPDX-License-Identifier: Apache-2.0
// Question: does the tool see who it is from us alone, and nothing that is between the client and us?
#include <gmock/gmock.h>

#include "tests/integration/world.h"

namespace sallyport::testing_world {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class Hygiene : public testing::Test {
 protected:
  /// seen sends the request with a good token and gives the head that reached the tool.
  std::string seen(const Request& request) {
    EXPECT_EQ(world_.ask(request.bearer(world_.access_token())).status, 200);
    return world_.tool.heads.empty() ? std::string() : world_.tool.heads.back();
  }
  World world_;
};

/// spellings of one header name that some backend folds into the same variable.
std::vector<std::string> spellings_of(const std::string& name) {
  std::string underscored = name;
  std::replace(underscored.begin(), underscored.end(), '-', '_');
  std::string mixed = name;
  mixed[mixed.find('-')] = '_';
  std::string upper = name;
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return {name, lowered(name), upper, underscored, mixed};
}

TEST_F(Hygiene, SA_05_identity_session_and_forwarding_fields_are_ours_alone_in_every_spelling) {
  for (const std::string name :
       {"X-Forwarded-User", "X-Forwarded-Groups", "X-Session-ID", "X-Remote-User", "Remote-User",
        "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Email", "X-Real-IP",
        "X-Auth-Request-User", "X-Forwarded-Preferred-Username", "Remote-Groups"}) {
    for (const auto& spelling : spellings_of(name)) {
      const std::string head = seen(Request::get("/").with(spelling, "forged-by-client"));
      EXPECT_THAT(head, Not(HasSubstr("forged-by-client"))) << spelling;
    }
  }
  for (const std::string name : {"Proxy", "proxy", "PROXY", "X_Session_Token", "x-session_token"}) {
    EXPECT_THAT(seen(Request::get("/").with(name, "forged-by-client")), Not(HasSubstr("forged-by-client")))
        << name;
  }
}

TEST_F(Hygiene, SA_05_adds_backend_credential_session_user_and_client) {
  const std::string head = seen(
      Request::get("/x?y=1").with("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
  EXPECT_THAT(head, testing::StartsWith("GET /x?y=1 HTTP/1.1\r\n"));
  EXPECT_THAT(values_in(head, "Authorization"), ElementsAre("Bearer " + std::string(kBackendSecret)));
  EXPECT_THAT(values_in(head, "X-Session-Token"), ElementsAre(std::string(kBackendSecret)));
  EXPECT_THAT(values_in(head, "X-Session-ID"), ElementsAre("tool"));
  EXPECT_THAT(values_in(head, "X-Forwarded-User"), ElementsAre("alice"));
  EXPECT_THAT(values_in(head, "X-Forwarded-Groups"), ElementsAre("admin,staff"));
  EXPECT_THAT(values_in(head, "X-Forwarded-For"), ElementsAre("198.51.100.7"));
  EXPECT_THAT(values_in(head, "X-Forwarded-Proto"), ElementsAre("https"));
  EXPECT_THAT(values_in(head, "X-Forwarded-Host"), ElementsAre(world_.host));
  EXPECT_EQ(value_in(head, "X-Request-ID").size(), kRequestIdBytes);
  EXPECT_THAT(values_in(head, "traceparent"),
              ElementsAre("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
}

TEST_F(Hygiene, SA_05_the_clients_own_credential_never_reaches_the_tool) {
  const std::string token = world_.access_token();
  const std::string session_token = world_.session_token();
  EXPECT_THAT(seen(Request::get("/")), Not(HasSubstr(token)));
  EXPECT_EQ(world_.ask(Request::get("/").with("X-Session-Token", session_token)).status, 200);
  EXPECT_THAT(world_.tool.heads.back(), Not(HasSubstr(session_token)));
  Browser browser(world_);
  ASSERT_EQ(browser.log_in().status, 303);
  const std::string cookie = browser.login_cookie();
  EXPECT_EQ(browser.send(Request::get("/").with("Authorization", "Basic Zm9vOmJhcg==")).status, 200);
  EXPECT_THAT(values_in(world_.tool.heads.back(), "Authorization"),
              ElementsAre("Bearer " + std::string(kBackendSecret)));
  EXPECT_THAT(world_.tool.heads.back(), Not(HasSubstr(cookie)));
}

TEST_F(Hygiene, WT_03_our_cookies_are_taken_out_and_the_tools_own_left_in) {
  Browser browser(world_);
  ASSERT_EQ(browser.log_in().status, 303);
  const std::string cookie = browser.login_cookie();
  EXPECT_EQ(world_
                .ask(Request::get("/").with(
                    "Cookie", "a=1; __Host-sallyport-7070=" + cookie +
                                  "; __Host-sallyport=x; __Host-sallyport-443=x; sallyport-7070=x"
                                  "; b=\"2\"; __Host-sallyport-7070-form=zzz; c=3"))
                .status,
            200);
  EXPECT_THAT(values_in(world_.tool.heads.back(), "Cookie"), ElementsAre("a=1; b=\"2\"; c=3"));
  EXPECT_EQ(world_.ask(Request::get("/").with("Cookie", "__Host-sallyport-7070=" + cookie)).status, 200);
  EXPECT_THAT(values_in(world_.tool.heads.back(), "Cookie"), IsEmpty());
  EXPECT_EQ(world_
                .ask(Request::get("/").with(
                    "Cookie", "__Host-sallyport-7070=x; __Host-sallyport-7070=" + cookie + "; a=1"))
                .status,
            200);
  EXPECT_THAT(world_.tool.heads.back(), Not(HasSubstr(cookie)));
}

TEST_F(Hygiene, WT_03_a_ticket_parameter_of_ours_is_removed_from_plain_requests_too) {
  const std::string ticket = world_.unminted(CredentialKind::ticket);
  EXPECT_THAT(seen(Request::get("/p?ticket=" + ticket + "&a=1")),
              testing::StartsWith("GET /p?a=1 HTTP/1.1\r\n"));
  EXPECT_THAT(seen(Request::get("/p?ticket=ISSUE-7&a=1")),
              testing::StartsWith("GET /p?ticket=ISSUE-7&a=1 HTTP/1.1\r\n"))
      << "the tool's own parameter of that name";
}

TEST_F(Hygiene, SA_05_an_anonymous_visitor_of_a_public_path_is_nobody_to_the_tool) {
  WorldOptions options;
  options.settings = [](Settings& settings) { settings.public_paths = {"/health"}; };
  World world(options);
  EXPECT_EQ(
      world.ask(Request::get("/health").with("X-Forwarded-User", "root").with("X-Session-Token", "x")).status,
      200);
  EXPECT_THAT(values_in(world.tool.heads.back(), "X-Forwarded-User"), IsEmpty());
  EXPECT_THAT(values_in(world.tool.heads.back(), "X-Forwarded-Groups"), IsEmpty());
  EXPECT_THAT(values_in(world.tool.heads.back(), "X-Session-ID"), ElementsAre("tool"));
}

TEST_F(Hygiene, SA_05_on_upgrades_as_on_requests) {
  const auto request =
      Request::upgrade("/ws").with("X_Forwarded_User", "forged-by-client").with("Proxy", "forged-by-client");
  EXPECT_EQ(world_.ask(request.bearer(world_.access_token())).status, 101);
  const std::string& head = world_.tool.heads.back();
  EXPECT_THAT(head, Not(HasSubstr("forged-by-client")));
  EXPECT_THAT(values_in(head, "Authorization"), ElementsAre("Bearer " + std::string(kBackendSecret)));
  EXPECT_THAT(values_in(head, "X-Forwarded-User"), ElementsAre("alice"));
}

TEST_F(Hygiene, fields_named_in_connection_stay_on_this_hop_and_cannot_remove_ours) {
  const std::string head =
      seen(Request::get("/")
               .with("Connection", "X-Mine, X-Forwarded-User, X-Session-ID, Authorization")
               .with("X-Mine", "1"));
  EXPECT_THAT(values_in(head, "X-Mine"), IsEmpty());
  EXPECT_THAT(values_in(head, "X-Forwarded-User"), ElementsAre("alice"));
  EXPECT_THAT(values_in(head, "Authorization"), ElementsAre("Bearer " + std::string(kBackendSecret)));
}

TEST_F(Hygiene, SA_07_a_new_backend_credential_is_used_from_the_next_request_on) {
  EXPECT_THAT(seen(Request::get("/")), HasSubstr(kBackendSecret));
  world_.adopt([](SessionView& view) {
    view.credential =
        std::make_shared<const BackendCredential>(CredentialForm::basic, "opencode", SecretText("new"));
  });
  const std::string head = seen(Request::get("/"));
  EXPECT_THAT(values_in(head, "Authorization"), ElementsAre("Basic b3BlbmNvZGU6bmV3"));
  EXPECT_THAT(values_in(head, "X-Session-Token"), IsEmpty());
}

}  // namespace
}  // namespace sallyport::testing_world
