// SPDX-License-Identifier: Apache-2.0
// Roles and permissions: exact names, first match, and that nothing but a rule that matches allows.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "sallyport/base/text.h"
#include "sallyport/policy/permissions.h"
#include "sallyport/policy/policy.h"

namespace sallyport {
namespace {

PolicySelector sel(std::string_view text) { return *PolicySelector::parse(text); }

PolicyRule rule(std::string name, PolicyEffect effect, std::vector<std::string> who,
                std::vector<std::string> http) {
  PolicyRule made;
  made.name = std::move(name);
  made.effect = effect;
  for (const auto& one : who) made.who.push_back(sel(one));
  for (const auto& one : http) {
    const auto patterns = HttpPattern::parse_list(one);
    made.http.insert(made.http.end(), patterns->begin(), patterns->end());
  }
  return made;
}

PolicyRole role(std::string name, std::vector<std::string> members, std::vector<std::string> permissions) {
  PolicyRole made;
  made.name = std::move(name);
  for (const auto& one : members) made.members.push_back(sel(one));
  made.permissions = std::move(permissions);
  return made;
}

std::shared_ptr<const Policy> make(PolicyDraft draft) {
  auto made = Policy::make(std::move(draft));
  EXPECT_TRUE(made) << made.error().what;
  return *made;
}

Principal user(std::string id) {
  Principal who;
  who.id = std::move(id);
  return who;
}

PolicyDecision ask(const Policy& policy, const Principal& who, std::string_view what,
                   std::string_view session = {}, std::string_view owner = {}) {
  auto question = PolicyQuestion::parse(what);
  EXPECT_TRUE(question) << what;
  question->session = session;
  question->owner = owner;
  return policy.decide(PolicySubject::of(who), *question);
}

using enum PolicyEffect;

TEST(PolicyTest, SG_09_admin_as_a_part_of_a_name_is_not_admin) {
  const auto policy =
      make({{role("admin", {"user:admin", "uri:spiffe://a.example/admin", "dns:admin.a.example"}, {"*"})},
            {rule("admins", allow, {"role:admin"}, {"* /*"})}});
  EXPECT_TRUE(ask(*policy, user("admin"), "GET /").allowed());
  for (const char* id :
       {"admin2", "notadmin", "not-admin", "Admin", "admin ", "badmin", "administrator", "adm"})
    EXPECT_FALSE(ask(*policy, user(id), "GET /").allowed()) << id;
  Principal machine = user("m1");
  machine.kind = PrincipalKind::service;
  for (const char* name :
       {"uri:spiffe://a.example/admin2", "uri:spiffe://b.example/admin", "uri:spiffe://a.example/admin/x",
        "dns:admin.a.example.evil.example", "dns:xadmin.a.example", "uri:admin", "cn:admin", "admin",
        "dns:spiffe://a.example/admin", "uri:admin.a.example"}) {
    machine.certificate_names = {name};
    EXPECT_FALSE(ask(*policy, machine, "GET /").allowed()) << name;
    EXPECT_FALSE(ask(*policy, machine, "sessions.end").allowed()) << name;
  }
  machine.certificate_names = {"dns:x", "uri:spiffe://a.example/admin"};
  EXPECT_TRUE(ask(*policy, machine, "GET /").allowed());
  machine.certificate_names = {};
  machine.id = "admin";
  EXPECT_FALSE(ask(*policy, machine, "GET /").allowed()) << "a service of that name is no user";
  machine.roles = {"admin"};
  EXPECT_FALSE(ask(*policy, machine, "GET /").allowed()) << "a group of that name is no member";
}

TEST(PolicyTest, SG_09_an_unknown_identity_falls_through_to_nothing) {
  const auto policy = make({{role("reader", {"group:staff"}, {"data.read"})},
                            {rule("readers", allow, {"permission:data.read"}, {"GET /data/*"})}});
  EXPECT_FALSE(ask(*policy, user("stranger"), "GET /data/x").allowed());
  EXPECT_FALSE(ask(*policy, user("stranger"), "data.read").allowed());
  EXPECT_FALSE(ask(*policy, user(""), "GET /data/x").allowed()) << "nobody";
  Principal staff = user("bob");
  staff.roles = {"staff"};
  EXPECT_TRUE(ask(*policy, staff, "GET /data/x").allowed());
  EXPECT_TRUE(ask(*policy, staff, "data.read").allowed());
  EXPECT_FALSE(ask(*policy, staff, "POST /data/x").allowed());
  EXPECT_FALSE(ask(*policy, staff, "data.write").allowed());
  EXPECT_EQ(ask(*policy, staff, "GET /other").explain(), "denied: no rule matches");
}

TEST(PolicyTest, SG_09_the_first_rule_that_matches_decides_and_is_named) {
  const auto policy = make({{},
                            {rule("no-guests", deny, {"group:guests"}, {"* /s/x/*"}),
                             rule("alice-writes", allow, {"user:alice"}, {"GET,POST /s/x/*"}),
                             rule("not-even-alice", deny, {"anyone"}, {"* /s/x/secret"}),
                             rule("all-read", allow, {"anyone"}, {"GET /*"})}});
  Principal guest = user("alice");
  guest.roles = {"guests"};
  EXPECT_EQ(ask(*policy, guest, "GET /s/x/a").explain(), "denied by rule \"no-guests\"");
  EXPECT_EQ(ask(*policy, user("alice"), "POST /s/x/secret").explain(), "allowed by rule \"alice-writes\"");
  EXPECT_EQ(ask(*policy, user("bob"), "GET /s/x/secret").explain(), "denied by rule \"not-even-alice\"");
  EXPECT_EQ(ask(*policy, user("bob"), "GET /s/x").explain(), "allowed by rule \"all-read\"");
  EXPECT_FALSE(ask(*policy, user("bob"), "WEBSOCKET /s/x").allowed())
      << "who may read may not open a terminal";
}

TEST(PolicyTest, SG_09_paths_match_by_whole_segments) {
  const auto policy =
      make({{}, {rule("", allow, {"anyone"}, {"GET /s/x/*", "GET /exact", "GET /a/b/c/d/*"})}});
  for (const char* path : {"/s/x", "/s/x/", "/s/x/y", "/s/x/y/z", "/exact", "/a/b/c/d", "/a/b/c/d/e"})
    EXPECT_TRUE(ask(*policy, user("a"), concat("GET ", path)).allowed()) << path;
  for (const char* path : {"/s/xy", "/s", "/s/", "/S/x", "/exact/", "/exacty", "/", "/a/b/c", "/a/b/c/de"})
    EXPECT_FALSE(ask(*policy, user("a"), concat("GET ", path)).allowed()) << path;
}

TEST(PolicyTest, SG_09_rpc_by_service_and_method) {
  PolicyRule calls = rule("calls", allow, {"plugin:kv"}, {});
  calls.rpc = {*RpcPattern::parse("demo.Greeter/SayHello"), *RpcPattern::parse("kv.KV/*")};
  const auto policy = make({{}, {calls}});
  Principal kv = user("kv");
  kv.kind = PrincipalKind::plugin;
  EXPECT_TRUE(ask(*policy, kv, "rpc demo.Greeter/SayHello").allowed());
  EXPECT_TRUE(ask(*policy, kv, "rpc kv.KV/Get").allowed());
  for (const char* call :
       {"rpc demo.Greeter/SayBye", "rpc demo.Greeter2/SayHello", "rpc kv.K/Get", "rpc kv.KV2/Get"})
    EXPECT_FALSE(ask(*policy, kv, call).allowed()) << call << ": a method without a rule is denied";
  EXPECT_FALSE(ask(*policy, user("kv"), "rpc kv.KV/Get").allowed());
}

TEST(PolicyTest, SG_09_owners_sessions_and_scopes) {
  PolicyRule own = rule("own", allow, {"owner"}, {"* /*"});
  own.permissions = {"sessions.*"};
  PolicyRule lab = rule("lab", allow, {"scope:lab"}, {"GET /*"});
  lab.sessions = {"lab-1"};
  const auto policy = make({{}, {own, lab}});
  EXPECT_TRUE(ask(*policy, user("alice"), "POST /x", "s1", "alice").allowed());
  EXPECT_FALSE(ask(*policy, user("bob"), "POST /x", "s1", "alice").allowed());
  EXPECT_FALSE(ask(*policy, user("alice"), "POST /x", "s1", "").allowed()) << "nobody's session is nobody's";
  EXPECT_TRUE(ask(*policy, user("alice"), permission::kSessionsEnd, "s1", "alice").allowed());
  EXPECT_FALSE(ask(*policy, user("alice"), permission::kAuditRead, "s1", "alice").allowed());
  Principal token = user("robot");
  token.kind = PrincipalKind::service;
  token.scopes = {"lab"};
  EXPECT_TRUE(ask(*policy, token, "GET /x", "lab-1", "alice").allowed());
  EXPECT_FALSE(ask(*policy, token, "GET /x", "lab-2", "alice").allowed());
  token.id = "alice";
  token.scopes = {};
  EXPECT_FALSE(ask(*policy, token, "GET /x", "lab-2", "alice").allowed()) << "a service is no owner";
}

TEST(PolicyTest, SG_09_permissions_by_role_and_a_rule_that_takes_one_away) {
  PolicyRule never = rule("never", deny, {"user:eve"}, {});
  never.permissions = {"tokens.*"};
  const auto policy =
      make({{role("ops", {"user:eve", "user:dan"}, {"sessions.*", "tokens.manage"})}, {never}});
  EXPECT_TRUE(ask(*policy, user("dan"), "tokens.manage").allowed());
  EXPECT_EQ(ask(*policy, user("dan"), "sessions.read").explain(), "allowed by the role \"ops\"");
  EXPECT_EQ(ask(*policy, user("eve"), "tokens.manage").explain(), "denied by rule \"never\"");
  EXPECT_TRUE(ask(*policy, user("eve"), "sessions.read").allowed());
  for (const char* name : {"sessionsx.read", "session.read", "tokens", "tokens.managed", "sessions"})
    EXPECT_FALSE(ask(*policy, user("dan"), name).allowed()) << name;
  for (const std::string_view name : permission::kAdmin) EXPECT_TRUE(PolicyQuestion::parse(name)) << name;
}

TEST(PolicyTest, SG_09_every_fault_of_a_draft_is_named) {
  PolicyRule empty;
  PolicyRule both = rule("both", allow, {"role:nobody", "permission:none.such"}, {"* /*"});
  both.covers = PolicyRule::Covers::everything;
  PolicyRule twice = rule("both", allow, {"anyone"}, {"* /*"});
  PolicyRole bad = role("bad name", {}, {"a..b"});
  PolicyRole nested = role("nested", {"role:other"}, {});
  std::string all;
  for (const auto& fault : Policy::check({{bad, nested, nested}, {empty, both, twice}}))
    all += fault.what + "\n";
  for (const char* part : {"names nobody", "needs http, rpc or permission", "\"both\" stands twice",
                           "role \"nobody\"", "no role has", "has no name", "has no members", "no permission",
                           "cannot have role:other", "\"nested\" stands twice"})
    EXPECT_NE(all.find(part), std::string::npos) << part << "\n" << all;
  EXPECT_FALSE(Policy::make({{}, {empty}}));
}

TEST(PolicyTest, SG_09_selectors_and_patterns_are_read_strictly) {
  for (const char* text : {"", "alice", "user:", "user: a", "user:a*", "users:a", "User:a", "owner:x",
                           "anyone:", "role", "user:a\n", "admin:*", "uri:*"})
    EXPECT_FALSE(PolicySelector::parse(text)) << text;
  for (const char* text :
       {"", "GET", "/x", "get /x", "GET x", "GET  /x", "GET /x*", "GET /*/x", "GET /a/../b", "GET /a%2f",
        "GET, /x", "GET /x?y", "GET //x", "GET /x//*", "GET,,POST /x", "* *"})
    EXPECT_FALSE(HttpPattern::parse_list(text)) << text;
  for (const char* text : {"", "a", "a/", "/b", "a/b/c", "a/*b", "*/b", "a b/c"})
    EXPECT_FALSE(RpcPattern::parse(text)) << text;
  for (const char* text :
       {"", "* /x", "GET x", "GET /x?y", "rpc a", "rpc a/*", "a b", "sessions.*", "*", "GET /%41"})
    EXPECT_FALSE(PolicyQuestion::parse(text)) << text;
}

/// Reference is the meaning of a policy, written without an index.
bool reference_allows(const PolicyDraft& draft, const Principal& who, const PolicyQuestion& question) {
  const auto is = [&who](const PolicySelector& one) {
    using Kind = PolicySelector::Kind;
    const auto has = [&one](const std::vector<std::string>& list) {
      return std::find(list.begin(), list.end(), one.name) != list.end();
    };
    return one.kind == Kind::anyone || (one.kind == Kind::user && one.name == who.id) ||
           (one.kind == Kind::group && has(who.roles)) || (one.kind == Kind::scope && has(who.scopes));
  };
  for (const auto& rule : draft.rules) {
    const bool meant = std::any_of(rule.who.begin(), rule.who.end(), [&](const PolicySelector& one) {
      if (one.kind == PolicySelector::Kind::owner) return !question.owner.empty() && question.owner == who.id;
      if (one.kind != PolicySelector::Kind::role) return is(one);
      return std::any_of(draft.roles.begin(), draft.roles.end(), [&](const PolicyRole& role) {
        return role.name == one.name && std::any_of(role.members.begin(), role.members.end(), is);
      });
    });
    const bool wanted = std::any_of(rule.http.begin(), rule.http.end(), [&](const HttpPattern& pattern) {
      return (pattern.method == "*" || pattern.method == question.method) &&
             pattern.path.matches(question.name);
    });
    if (meant && (wanted || rule.covers == PolicyRule::Covers::everything)) return rule.effect == allow;
  }
  return false;
}

TEST(PolicyTest, SG_09_property_nothing_but_a_matching_rule_allows) {
  const std::uint32_t seed = std::random_device{}();
  RecordProperty("seed", std::to_string(seed));
  SCOPED_TRACE(concat("seed ", seed));
  std::mt19937 random(seed);
  const auto pick = [&random](const std::vector<std::string>& from) {
    return from[std::uniform_int_distribution<std::size_t>(0, from.size() - 1)(random)];
  };
  const std::vector<std::string> who{"user:a",  "user:b", "user:ab", "group:a", "group:g",
                                     "scope:s", "owner",  "anyone",  "role:r1", "role:r2"};
  const std::vector<std::string> http{"GET /*",  "* /a/*",       "GET /a", "POST /a/b/*",    "GET,POST /a/b",
                                      "* /ab/*", "GET /a/b/c/*", "PUT /*", "WEBSOCKET /a/*", "* /b"};
  const std::vector<std::string> methods{"GET", "POST", "PUT", "WEBSOCKET", "HEAD"};
  const std::vector<std::string> paths{"/",     "/a", "/a/",  "/a/b", "/a/b/c", "/ab",
                                       "/ab/c", "/b", "/b/a", "/abc", "/a/bc"};
  const std::vector<std::string> ids{"a", "b", "ab", "c"};
  int allowed = 0;
  for (int round = 0; round < 400; ++round) {
    PolicyDraft draft;
    draft.roles = {role("r1", {pick({"user:a", "group:g", "scope:s", "anyone"})}, {}),
                   role("r2", {"user:b", "user:ab"}, {})};
    const int rules = std::uniform_int_distribution<int>(0, 12)(random);
    for (int i = 0; i < rules; ++i) {
      draft.rules.push_back(
          rule(concat("r", i), random() % 3 == 0 ? deny : allow, {pick(who)}, {pick(http), pick(http)}));
      if (random() % 3 == 0) draft.rules.back().who.push_back(sel(pick(who)));
      if (random() % 20 == 0) {
        draft.rules.back().http.clear();
        draft.rules.back().covers = PolicyRule::Covers::everything;
      }
    }
    const auto policy = make(draft);
    for (int i = 0; i < 50; ++i) {
      Principal subject = user(pick(ids));
      if (random() % 2 == 0) subject.roles = {pick({"a", "g", "x"})};
      if (random() % 4 == 0) subject.scopes = {pick({"s", "g"})};
      const std::string method = pick(methods);
      const std::string path = pick(paths);
      const std::string owner = pick({"", "a", "b"});
      const PolicyQuestion question{PolicyQuestion::What::http, method, path, "s1", owner};
      const auto decision = policy->decide(PolicySubject::of(subject), question);
      ASSERT_EQ(decision.allowed(), reference_allows(draft, subject, question))
          << subject.id << ' ' << method << ' ' << path << " by " << decision.explain();
      if (decision.allowed()) {
        ASSERT_NE(decision.rule, nullptr);
      }
      allowed += decision.allowed() ? 1 : 0;
    }
  }
  EXPECT_GT(allowed, 1000) << "the property was put to the test";
}

}  // namespace
}  // namespace sallyport
