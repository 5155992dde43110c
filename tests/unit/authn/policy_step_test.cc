// SPDX-License-Identifier: Apache-2.0
// PolicyStep: is a request judged by the tool's own path and its session, however the session is reached?
#include "sallyport/authn/policy_step.h"

#include "tests/unit/authn/gate_fixture.h"

namespace sallyport {
namespace {

std::shared_ptr<const Policy> policy_of(PolicyDraft draft) {
  auto made = Policy::make(std::move(draft));
  EXPECT_TRUE(made);
  return *std::move(made);
}

PolicyRule rule(std::string name, PolicyEffect effect, std::string_view http) {
  PolicyRule made;
  made.name = std::move(name);
  made.effect = effect;
  made.who = {*PolicySelector::parse("anyone")};
  made.http = *HttpPattern::parse_list(http);
  return made;
}

/// notes_in_lab lets anybody read notes, and in `lab` all but its secrets; sockets nowhere.
PolicyDraft notes_in_lab() {
  PolicyRule secrets = rule("secrets", PolicyEffect::deny, "* /secret/*");
  PolicyRule lab = rule("lab", PolicyEffect::allow, "GET /*");
  lab.sessions = {"lab"};
  return {{}, {secrets, lab, rule("notes", PolicyEffect::allow, "GET /notes/*")}};
}

class PolicyStepTest : public GateFixture {
 protected:
  PolicyStepTest() { permissions_ = &step_; }
  /// both asks twice: at an origin of the session's own, and on a path.
  std::pair<Verdict, Verdict> both(const std::string& session, const std::string& path) {
    Asked asked = Asked{}.with("Authorization", "Bearer " + token_);
    asked.session = SessionId(session);
    asked.target = path;
    Verdict at_origin = admit(asked);
    asked.prefix_bytes = 3 + session.size();
    asked.target = concat("/s/", session, path);
    return {std::move(at_origin), admit(asked)};
  }
  PolicyStep step_{policy_of(notes_in_lab()), [](const SessionId&) { return std::string("alice"); }};
  const std::string token_ = access_token();
};

TEST_F(PolicyStepTest, SG_09_a_session_on_a_path_is_judged_as_one_at_an_origin) {
  const struct {
    const char* session;
    const char* path;
    bool allowed;
  } rows[] = {{"lab", "/", true},         {"lab", "/anything", true}, {"lab", "/secret/x", false},
              {"lab", "/secret", false},  {"den", "/notes/1", true},  {"den", "/", false},
              {"den", "/s/lab/x", false}, {"den", "/notesx", false},  {"lab", "/s/lab/x", true}};
  for (const auto& row : rows) {
    const auto [at_origin, on_path] = both(row.session, row.path);
    EXPECT_EQ(at_origin.allowed(), row.allowed) << row.session << row.path;
    EXPECT_EQ(on_path.allowed(), row.allowed) << "/s/" << row.session << row.path;
    if (!row.allowed) {
      EXPECT_EQ(name_of(on_path.denial), name_of(Denial::not_permitted)) << row.path;
    }
  }
}

TEST_F(PolicyStepTest, SG_09_the_path_without_anything_behind_the_session_is_its_root) {
  Asked asked = Asked{}.with("Authorization", "Bearer " + token_);
  asked.session = SessionId(std::string("lab"));
  asked.target = "/s/lab";
  asked.prefix_bytes = 6;
  EXPECT_TRUE(admit(asked).allowed());
  asked.session = SessionId(std::string("den"));
  asked.target = "/s/den";
  EXPECT_FALSE(admit(asked).allowed());
}

TEST_F(PolicyStepTest, SG_09_what_a_tool_keeps_below_our_own_name_is_asked_about) {
  Asked asked = Asked{}.with("Authorization", "Bearer " + token_);
  asked.session = SessionId(std::string("den"));
  asked.target = "/s/den/.sallyport/sessions";
  asked.prefix_bytes = 6;
  EXPECT_FALSE(admit(asked).allowed()) << "it goes to the tool, and is no page of ours";
}

TEST_F(PolicyStepTest, SG_09_an_upgrade_is_no_get_on_a_path_either) {
  Asked asked = upgrade_of("/s/lab/ws").with("Authorization", "Bearer " + token_);
  asked.session = SessionId(std::string("lab"));
  asked.prefix_bytes = 6;
  EXPECT_FALSE(admit(asked).allowed());
}

}  // namespace
}  // namespace sallyport
