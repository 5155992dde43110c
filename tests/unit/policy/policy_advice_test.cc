// SPDX-License-Identifier: Apache-2.0
#include "sallyport/policy/policy_advice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sallyport {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

PolicyRule rule(std::string name, std::vector<std::string_view> who, std::string_view http, int line) {
  PolicyRule made;
  made.name = std::move(name);
  made.line = line;
  for (const auto one : who) made.who.push_back(*PolicySelector::parse(one));
  if (http.empty())
    made.covers = PolicyRule::Covers::everything;
  else
    made.http = *HttpPattern::parse_list(http);
  return made;
}

std::vector<PolicyFault> advice_on(PolicyRule first, PolicyRule second) {
  PolicyDraft draft;
  draft.rules.push_back(std::move(first));
  draft.rules.push_back(std::move(second));
  return policy_advice(draft);
}

TEST(PolicyAdvice, SG_09_a_rule_that_never_decides_is_named) {
  const PolicyRule narrow = rule("narrow", {"user:alice"}, "GET /a/b/*", 7);
  for (const PolicyRule& wide :
       {rule("wide", {"anyone"}, "", 3), rule("wide", {"user:bob", "user:alice"}, "* /a/*", 3),
        rule("wide", {"user:alice"}, "GET /a/b/*", 3), rule("wide", {"user:alice"}, "GET /*", 3)}) {
    const auto advice = advice_on(wide, narrow);
    ASSERT_EQ(advice.size(), 1U);
    EXPECT_EQ(advice.front().line, 7);
    EXPECT_THAT(advice.front().what, HasSubstr("never decides: wide in line 3"));
  }
}

TEST(PolicyAdvice, SG_09_a_rule_that_sometimes_decides_is_not) {
  const PolicyRule narrow = rule("narrow", {"user:alice", "group:staff"}, "GET,HEAD /a/*", 7);
  for (const PolicyRule& other :
       {rule("other", {"user:alice"}, "", 3), rule("other", {"anyone"}, "GET /a/*", 3),
        rule("other", {"anyone"}, "* /a", 3), rule("other", {"anyone"}, "* /a/b/*", 3)})
    EXPECT_THAT(advice_on(other, narrow), IsEmpty());
  PolicyRule of_session = rule("other", {"anyone"}, "", 3);
  of_session.sessions = {"lab"};
  EXPECT_THAT(advice_on(of_session, narrow), IsEmpty());
  PolicyRule everything = rule("narrow", {"user:alice"}, "", 7);
  EXPECT_THAT(advice_on(rule("other", {"anyone"}, "* /*", 3), everything), IsEmpty());
}

TEST(PolicyAdvice, SG_09_a_path_that_looks_like_a_session_s_is_named) {
  PolicyDraft draft;
  draft.rules.push_back(rule("lab", {"user:bob"}, "* /s/lab/notes/*", 4));
  draft.rules.push_back(rule("all", {"user:carol"}, "GET /s/*", 5));
  const auto advice = policy_advice(draft);
  ASSERT_EQ(advice.size(), 1U);
  EXPECT_EQ(advice.front().line, 4);
  EXPECT_THAT(advice.front().what, HasSubstr("session: [lab]"));
}

}  // namespace
}  // namespace sallyport
