// SPDX-License-Identifier: Apache-2.0
// Policy: roles and permissions. Who may do what, decided by the first rule that matches. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/identity/principal.h"
#include "sallyport/policy/path_pattern.h"

namespace sallyport {

inline constexpr std::size_t kPolicyRulesMax = 10'000;
inline constexpr std::size_t kPolicyRolesMax = 1'000;
inline constexpr std::size_t kPolicyListMax = 10'000;     ///< members, patterns, permissions of one entry
inline constexpr std::size_t kPolicyTextBytesMax = 1024;  ///< of one name or pattern
inline constexpr std::size_t kPolicyPathDepthMax = 60;    ///< segments of a path pattern

/// PolicySelector names somebody, exactly: no pattern, no substring.
struct PolicySelector {
  enum class Kind : std::uint8_t {
    user,        ///< "user:alice": a principal of kind user
    service,     ///< "service:backup": of kind service
    plugin,      ///< "plugin:kv": of kind plugin
    group,       ///< "group:staff": one of Principal::roles
    scope,       ///< "scope:read": of a token
    uri,         ///< "uri:spiffe://...": a certificate's URI name, whole
    dns,         ///< "dns:ops.example.org": a certificate's DNS name, whole
    role,        ///< "role:admin": a member of that role
    permission,  ///< "permission:data.read": a member of a role that has it
    owner,       ///< "owner": whose the session is
    anyone,      ///< "anyone": every principal that is known
  };
  Kind kind = Kind::user;
  std::string name;

  /// parse takes the forms above. Error: invalid_argument, with what is expected.
  static Result<PolicySelector> parse(std::string_view text);
  [[nodiscard]] std::string str() const;
  friend bool operator==(const PolicySelector&, const PolicySelector&) = default;
  friend auto operator<=>(const PolicySelector&, const PolicySelector&) = default;
};

/// PolicyRole is a set of permissions and of those who have them. A permission is a name
/// ("sessions.read"), all below one ("sessions.*"), or "*".
struct PolicyRole {
  std::string name;
  std::vector<PolicySelector> members;  ///< no role, permission or owner among them
  std::vector<std::string> permissions;
  int line = 0;  ///< where it stands in its file; 0: in code
};

/// HttpPattern is a method, "*" for every one, and paths. An upgrade to WebSocket has the method WEBSOCKET,
/// whatever is on the wire: who may read need not be let into a terminal.
struct HttpPattern {
  std::string method;
  PathPattern path;
  /// parse_list takes "GET /s/x", "GET,HEAD /s/*", "* /*". Error: invalid_argument.
  static Result<std::vector<HttpPattern>> parse_list(std::string_view text);
};

/// RpcPattern is "package.Service/Method", "package.Service/*" or "*".
struct RpcPattern {
  std::string key;     ///< the service; "*" for all
  std::string method;  ///< "*" for all
  static Result<RpcPattern> parse(std::string_view text);
};

enum class PolicyEffect : std::uint8_t { deny, allow };

/// PolicyRule matches where one of `who` is the principal, and one of the patterns is what he wants.
struct PolicyRule {
  std::string name;
  PolicyEffect effect = PolicyEffect::deny;
  std::vector<PolicySelector> who;
  std::vector<HttpPattern> http;
  std::vector<RpcPattern> rpc;
  std::vector<std::string> permissions;
  enum class Covers : std::uint8_t { patterns, everything } covers = Covers::patterns;
  std::vector<std::string> sessions;  ///< ids; empty: any
  int line = 0;
};

struct PolicyDraft {
  std::vector<PolicyRole> roles;
  std::vector<PolicyRule> rules;
};

/// PolicyFault is what is wrong with a draft; `line` as in the role or rule.
struct PolicyFault {
  int line = 0;
  std::string what;
};

/// PolicySubject is whom a policy is asked about. Borrows for the call.
struct PolicySubject {
  PrincipalKind kind = PrincipalKind::user;
  std::string_view id;
  std::span<const std::string> groups;
  std::span<const std::string> scopes;
  std::span<const std::string> certificate_names;  ///< "uri:..." and "dns:..."

  static PolicySubject of(const Principal& principal) noexcept;
};

/// PolicyQuestion is what somebody wants. Borrows for the call.
struct PolicyQuestion {
  enum class What : std::uint8_t { http, rpc, permission } what = What::http;
  std::string_view method;  ///< HTTP: the method, or WEBSOCKET; RPC: the method's name
  std::string_view name;  ///< HTTP: the decoded path; RPC: the service with its package; else the permission
  std::string_view session{};
  std::string_view owner{};  ///< whose the session is; empty: nobody's

  /// parse takes "GET /s/x", "rpc package.Service/Method" and "sessions.read". Views into `text`. Error:
  /// invalid_argument.
  static Result<PolicyQuestion> parse(std::string_view text);
};

/// PolicyDecision is the answer. The default one is a denial.
struct PolicyDecision {
  PolicyEffect effect = PolicyEffect::deny;
  const PolicyRule* rule = nullptr;  ///< that decided; lives as long as the policy
  const PolicyRole* role = nullptr;  ///< whose permission allowed it, where no rule spoke of it
  [[nodiscard]] bool allowed() const noexcept { return effect == PolicyEffect::allow; }
  /// explain says it in a sentence for the operator.
  [[nodiscard]] std::string explain() const;
};

/// Policy promises: nothing is allowed but by a rule that matches it, whole name against whole name, or, for
/// a named permission that no rule speaks of, by a role that has it and that the principal is a member of.
/// The first rule that matches decides. It does not promise that a backend takes two paths for different that
/// we take for different. Immutable; any thread; decide() does not allocate.
class Policy {
 public:
  /// check names every fault of a draft: unknown roles, roles and rules without anybody or anything, double
  /// names, too many.
  static std::vector<PolicyFault> check(const PolicyDraft& draft);
  /// make fails with invalid_argument where check() finds anything, one fault a line.
  static Result<std::shared_ptr<const Policy>> make(PolicyDraft draft);
  ~Policy();
  Policy(const Policy&) = delete;
  Policy& operator=(const Policy&) = delete;

  [[nodiscard]] PolicyDecision decide(const PolicySubject& who, const PolicyQuestion& question) const;
  [[nodiscard]] const PolicyDraft& draft() const noexcept { return draft_; }

 private:
  struct Index;
  class Decider;
  explicit Policy(PolicyDraft draft);
  const PolicyDraft draft_;
  std::unique_ptr<const Index> index_;
};

}  // namespace sallyport
