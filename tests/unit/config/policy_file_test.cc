// SPDX-License-Identifier: Apache-2.0
// The policy file: read strictly, every fault at once, with its line.
#include "sallyport/config/policy_file.h"

#include <gtest/gtest.h>

namespace sallyport {
namespace {

LoadedPolicy load(std::string text) { return load_policy({"p.yaml", std::move(text)}); }

std::string faults_of(std::string text) {
  const auto loaded = load(std::move(text));
  EXPECT_EQ(loaded.policy, nullptr);
  const auto status = loaded.status();
  EXPECT_FALSE(status);
  return status ? std::string() : status.error().what;
}

TEST(PolicyFileTest, SG_09_a_whole_policy_is_read) {
  const auto loaded = load(R"(
roles:
  admin:
    members: ["user:alice", "uri:spiffe://a.example/admin"]
    permissions: ["*"]
  reader:
    members: group:staff
    permissions: [data.read]
rules:
  - name: guests
    deny: group:guests
    everything: true
  - name: readers
    allow: ["permission:data.read"]
    http: ["GET,HEAD /data/*", "GET /about"]
    session: [lab]
  - allow: [owner]
    rpc: demo.Greeter/*
    permission: [sessions.end]
)");
  ASSERT_TRUE(loaded.status()) << loaded.status().error().what;
  const auto& draft = loaded.policy->draft();
  ASSERT_EQ(draft.rules.size(), 3U);
  EXPECT_EQ(draft.rules[0].line, 10);
  EXPECT_EQ(draft.rules[1].http.size(), 3U);
  EXPECT_EQ(draft.rules[2].rpc.size(), 1U);
  EXPECT_EQ(draft.roles.size(), 2U);
}

TEST(PolicyFileTest, SG_09_every_fault_is_told_at_once_with_its_line) {
  const std::string all = faults_of(R"(roles:
  admin:
    members: [alice]
    permission: ["*"]
  admin:
    members: [user:bob]
rules:
  - name: one
    allow: [role:nobody]
    http: [GET data, "GET /a*", "POST /ok"]
  - name: one
    allow: [anyone]
    deny: [anyone]
    path: /x
    everything: yes
  - plain
speed: 9
)");
  for (const char* part :
       {"p.yaml:3: members: expected", "p.yaml:4: there is no \"permission\" here",
        "p.yaml:5: \"admin\" stands twice", "p.yaml:8: rule \"one\" names the role \"nobody\"",
        "p.yaml:10: http: a path is", "p.yaml:11: rule \"one\" stands twice",
        "p.yaml:13: a rule has allow or deny, not both", "p.yaml:14: there is no \"path\" here",
        "p.yaml:15: everything is true, or left out", "p.yaml:16: a rule is a mapping",
        "p.yaml:17: there is no \"speed\" here"})
    EXPECT_NE(all.find(part), std::string::npos) << part << "\n--\n" << all;
}

TEST(PolicyFileTest, SG_09_what_is_no_policy_is_refused) {
  for (const char* text :
       {"", "{}", "[]", "plain", "roles: []", "rules: {}", "rules: []", "a: [", "\t", "rules:\n  - {}",
        "rules:\n  - allow: []\n    everything: true", "rules: [{allow: [[a]], everything: true}]", "&a [*a]",
        "rules:\n  - allow: anyone\n    http: []"})
    EXPECT_FALSE(faults_of(text).empty()) << text;
  EXPECT_NE(faults_of(std::string(kPolicyFileBytesMax + 1, ' ')).find("larger than"), std::string::npos);
}

}  // namespace
}  // namespace sallyport
