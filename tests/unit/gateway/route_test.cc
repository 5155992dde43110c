// SPDX-License-Identifier: Apache-2.0
// Question: do the lines that a route adds say who it is and what opens the tool, and nothing that a name
// could smuggle in?
#include <gmock/gmock.h>

#include "sallyport/gateway/route.h"

namespace sallyport {
namespace {

using testing::HasSubstr;
using testing::Not;

std::shared_ptr<const SessionView> view_with(std::string_view credential) {
  SessionView view;
  view.id = SessionId("tool");
  view.state = SessionState::ready;
  if (!credential.empty()) {
    view.credential =
        std::make_shared<const BackendCredential>(CredentialForm::bearer, "", SecretText(credential));
  }
  return std::make_shared<const SessionView>(std::move(view));
}

std::shared_ptr<const Principal> person(std::string_view id, std::vector<std::string> roles = {}) {
  Principal who;
  who.id = id;
  who.roles = std::move(roles);
  return std::make_shared<const Principal>(std::move(who));
}

std::string lines(SessionRoute& route, const std::shared_ptr<const Principal>& who) {
  return std::string(route.lines_for(who)->expose());
}

TEST(SessionRoute, is_not_ready_before_it_was_told_and_in_every_state_but_one) {
  SessionRoute route;
  EXPECT_FALSE(route.ready());
  for (const auto state : {SessionState::dormant, SessionState::starting, SessionState::stopping,
                           SessionState::waiting, SessionState::stopped, SessionState::failed}) {
    SessionView view;
    view.state = state;
    route.adopt(std::make_shared<const SessionView>(view));
    EXPECT_FALSE(route.ready()) << name_of(state);
  }
  route.adopt(view_with("s"));
  EXPECT_TRUE(route.ready());
}

TEST(SessionRoute, SA_05_writes_credential_session_user_and_groups) {
  SessionRoute route;
  route.adopt(view_with("secret"));
  EXPECT_EQ(lines(route, person("alice", {"admin", "staff"})),
            "Authorization: Bearer secret\r\nX-Session-Token: secret\r\nX-Session-ID: "
            "tool\r\nX-Forwarded-User: alice\r\n"
            "X-Forwarded-Groups: admin,staff\r\n");
  EXPECT_EQ(lines(route, nullptr),
            "Authorization: Bearer secret\r\nX-Session-Token: secret\r\nX-Session-ID: tool\r\n");
  route.adopt(view_with(""));
  EXPECT_EQ(lines(route, nullptr), "X-Session-ID: tool\r\n");
}

TEST(SessionRoute, SA_05_leaves_out_names_that_could_be_more_than_a_value) {
  SessionRoute route;
  route.adopt(view_with("s"));
  const std::vector<std::string> bad{
      "",       "a\r\nX-Admin: 1", "a\nb",      std::string("a\0b", 3), " alice",
      "alice ", "\talice",         "al\x7fice", "\xc3\xa4lice"};
  for (const auto& name : bad) {
    EXPECT_THAT(lines(route, person(name)), Not(HasSubstr("X-Forwarded-User"))) << name;
  }
  EXPECT_THAT(lines(route, person("alice", {"a\r\nX-Admin: 1"})), Not(HasSubstr("X-Admin")));
  EXPECT_THAT(lines(route, person("alice", {"staff,admin", "guest"})),
              HasSubstr("X-Forwarded-Groups: guest\r\n"))
      << "a role with a comma would read as two";
  EXPECT_THAT(lines(route, person("alice", {"", "staff"})), Not(HasSubstr(": ,")));
}

TEST(SessionRoute, SA_07_a_new_view_replaces_the_lines_and_requests_under_way_keep_theirs) {
  SessionRoute route;
  route.adopt(view_with("old"));
  const auto alice = person("alice");
  const auto held = route.lines_for(alice);
  EXPECT_EQ(route.lines_for(alice), held) << "made once";
  route.adopt(view_with("new"));
  EXPECT_THAT(lines(route, alice), HasSubstr("Bearer new"));
  EXPECT_THAT(std::string(held->expose()), HasSubstr("Bearer old"));
}

TEST(SessionRoute, keeps_no_more_lines_than_its_limit_and_never_mixes_people_up) {
  SessionRoute route;
  route.adopt(view_with("s"));
  for (std::size_t i = 0; i < 3 * kKeptLinesMax; ++i) {
    const std::string name = "user" + std::to_string(i);
    // The principal dies at once; its address may come again for somebody else.
    EXPECT_THAT(lines(route, person(name)), HasSubstr("X-Forwarded-User: " + name + "\r\n"));
  }
}

}  // namespace
}  // namespace sallyport
