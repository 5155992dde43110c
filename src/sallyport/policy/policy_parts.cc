// SPDX-License-Identifier: Apache-2.0
// The parts of a policy and what is wrong with them.
#include <algorithm>
#include <array>
#include <set>

#include "sallyport/base/text.h"
#include "sallyport/http/target.h"
#include "sallyport/policy/policy.h"

namespace sallyport {
namespace {

using Kind = PolicySelector::Kind;

constexpr std::array<std::string_view, 11> kKinds{"user", "service", "plugin",     "group", "scope", "uri",
                                                  "dns",  "role",    "permission", "owner", "anyone"};
static_assert(kKinds.size() == static_cast<std::size_t>(Kind::anyone) + 1);
constexpr std::string_view kRpcLead = "rpc ";
constexpr std::string_view kMethods[] = {"GET",     "HEAD",  "POST",  "PUT", "DELETE",   "CONNECT",
                                         "OPTIONS", "TRACE", "PATCH", "*",   "WEBSOCKET"};

bool is_plain(std::string_view text) noexcept {
  return !text.empty() && text.size() <= kPolicyTextBytesMax && text == trimmed(text) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
}

bool is_word(std::string_view text) noexcept {
  return is_plain(text) && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                  c == '-' || c == '.';
         });
}

bool is_method(std::string_view text) noexcept {
  const bool known = std::find(std::begin(kMethods), std::end(kMethods), text) != std::end(kMethods);
  return known || (text.size() > 1 && std::all_of(text.begin(), text.end(),
                                                  [](char c) { return (c >= 'A' && c <= 'Z') || c == '-'; }));
}

/// is_permission takes "a.b", "a.*" and "*".
bool is_permission(std::string_view text) noexcept {
  if (text == "*") return true;
  if (text.ends_with(".*")) text.remove_suffix(2);
  return is_word(text) && text.front() != '.' && text.back() != '.' && text.find("..") == text.npos;
}

bool may_be_member(Kind kind) noexcept {
  return kind != Kind::role && kind != Kind::permission && kind != Kind::owner;
}

Error expected(std::string_view what, std::string_view got) {
  return fail(Code::invalid_argument, concat("expected ", what, ", got \"", escaped(got, 80), '"'));
}

class Checker {
 public:
  explicit Checker(const PolicyDraft& draft) : draft_(draft) {}

  std::vector<PolicyFault> run() {
    if (draft_.rules.size() > kPolicyRulesMax) add(0, concat("more than ", kPolicyRulesMax, " rules"));
    if (draft_.roles.size() > kPolicyRolesMax) add(0, concat("more than ", kPolicyRolesMax, " roles"));
    for (const auto& role : draft_.roles) check_role(role);
    for (const auto& rule : draft_.rules) check_rule(rule);
    return std::move(faults_);
  }

 private:
  void add(int line, std::string what) { faults_.push_back({line, std::move(what)}); }

  void check_role(const PolicyRole& role) {
    const std::string it = concat("role \"", escaped(role.name, 60), "\" ");
    if (!is_word(role.name)) add(role.line, concat(it, "has no name of letters, digits, - _ and ."));
    if (!roles_.insert(role.name).second) add(role.line, concat(it, "stands twice"));
    if (role.members.empty()) add(role.line, concat(it, "has no members"));
    if (role.members.size() > kPolicyListMax) add(role.line, concat(it, "has too many members"));
    for (const auto& member : role.members) {
      if (!may_be_member(member.kind))
        add(role.line, concat(it, "cannot have ", member.str(), " as a member"));
    }
    for (const auto& permission : role.permissions) {
      if (!is_permission(permission))
        add(role.line, concat(it, "has \"", escaped(permission, 60), "\", which is no permission"));
      granted_.insert(permission);
    }
  }

  void check_rule(const PolicyRule& rule) {
    const std::string it =
        rule.name.empty() ? std::string("a rule ") : concat("rule \"", escaped(rule.name, 60), "\" ");
    if (!rule.name.empty() && !is_plain(rule.name))
      add(rule.line, concat(it, "has a name that cannot be shown"));
    if (!rule.name.empty() && !rules_.insert(rule.name).second) add(rule.line, concat(it, "stands twice"));
    if (rule.who.empty()) add(rule.line, concat(it, "names nobody: give it allow or deny, with a list"));
    const bool has_patterns = !rule.http.empty() || !rule.rpc.empty() || !rule.permissions.empty();
    const bool all = rule.covers == PolicyRule::Covers::everything;
    if (all == has_patterns)
      add(rule.line, concat(it, "needs http, rpc or permission, or else everything: true, and not both"));
    const std::size_t largest =
        std::max({rule.who.size(), rule.http.size(), rule.rpc.size(), rule.permissions.size()});
    if (largest > kPolicyListMax) add(rule.line, concat(it, "has too long a list"));
    for (const auto& pattern : rule.http) {
      const std::string& path = pattern.path.base();
      if (std::count(path.begin(), path.end(), '/') > static_cast<std::ptrdiff_t>(kPolicyPathDepthMax))
        add(rule.line, concat(it, "has a path of more than ", kPolicyPathDepthMax, " segments"));
    }
    for (const auto& one : rule.who) {
      if (one.kind == Kind::permission && !is_granted(one.name))
        add(rule.line,
            concat(it, "asks for the permission \"", escaped(one.name, 60), "\", which no role has"));
      if (one.kind == Kind::role && !roles_.contains(one.name))
        add(rule.line, concat(it, "names the role \"", escaped(one.name, 60), "\", which there is not"));
    }
    for (const auto& permission : rule.permissions) {
      if (!is_permission(permission))
        add(rule.line, concat(it, "has \"", escaped(permission, 60), "\", which is no permission"));
    }
  }

  [[nodiscard]] bool is_granted(std::string_view name) const {
    return std::any_of(granted_.begin(), granted_.end(), [name](std::string_view pattern) {
      if (pattern == "*" || pattern == name) return true;
      return pattern.ends_with(".*") && name.starts_with(pattern.substr(0, pattern.size() - 1));
    });
  }

  const PolicyDraft& draft_;
  std::vector<PolicyFault> faults_;
  std::set<std::string> roles_;
  std::set<std::string> rules_;
  std::set<std::string> granted_;
};

}  // namespace

Result<PolicySelector> PolicySelector::parse(std::string_view text) {
  constexpr std::string_view kForms =
      "user:, service:, plugin:, group:, scope:, uri:, dns:, role: or permission: and a name, owner, or "
      "anyone";
  const auto colon = text.find(':');
  const std::string_view word = text.substr(0, colon);
  const auto found = std::find(kKinds.begin(), kKinds.end(), word);
  if (found == kKinds.end()) return expected(kForms, text);
  PolicySelector selector;
  selector.kind = static_cast<Kind>(found - kKinds.begin());
  const bool nameless = selector.kind == Kind::owner || selector.kind == Kind::anyone;
  if (nameless != (colon == std::string_view::npos)) return expected(kForms, text);
  if (nameless) return selector;
  const std::string_view name = text.substr(colon + 1);
  const bool has_star = name.find('*') != std::string_view::npos;
  if (!is_plain(name) || has_star) return expected("one whole name, without a pattern", text);
  selector.name = selector.kind == Kind::dns ? to_lower(name) : std::string(name);
  return selector;
}

std::string PolicySelector::str() const {
  const std::string_view word = kKinds[static_cast<std::size_t>(kind)];
  return name.empty() ? std::string(word) : concat(word, ':', escaped(name));
}

Result<std::vector<HttpPattern>> HttpPattern::parse_list(std::string_view text) {
  const auto blank = text.find(' ');
  if (blank == std::string_view::npos) return expected("a method and a path, as \"GET /s/*\"", text);
  SALLYPORT_TRY(path, PathPattern::parse(text.substr(blank + 1)));
  std::vector<HttpPattern> patterns;
  for (const std::string_view method : split(text.substr(0, blank), ',')) {
    if (!is_method(method)) return expected("methods in capitals, as GET,HEAD, or *", text);
    patterns.push_back(HttpPattern{std::string(method), path});
  }
  return patterns;
}

Result<RpcPattern> RpcPattern::parse(std::string_view text) {
  if (text == "*") return RpcPattern{"*", "*"};
  const auto slash = text.find('/');
  const std::string_view method = slash == std::string_view::npos ? "" : text.substr(slash + 1);
  if (slash == std::string_view::npos || !is_word(text.substr(0, slash)) ||
      !(method == "*" || is_word(method)))
    return expected("package.Service/Method, package.Service/* or *", text);
  return RpcPattern{std::string(text.substr(0, slash)), std::string(method)};
}

Result<PolicyQuestion> PolicyQuestion::parse(std::string_view text) {
  PolicyQuestion question;
  if (text.starts_with(kRpcLead)) {
    const std::string_view call = text.substr(kRpcLead.size());
    const auto slash = call.find('/');
    SALLYPORT_CHECK(RpcPattern::parse(call).transform([](const RpcPattern&) { return Unit{}; }));
    if (call.find('*') != std::string_view::npos)
      return expected("one method, as rpc package.Service/Method", text);
    question.what = What::rpc;
    question.name = call.substr(0, slash);
    question.method = call.substr(slash + 1);
    return question;
  }
  const auto blank = text.find(' ');
  if (blank == std::string_view::npos) {
    if (!is_permission(text) || is_method(text) || text.find('*') != std::string_view::npos)
      return expected("\"GET /s/x\", \"rpc package.Service/Method\" or a permission", text);
    question.what = What::permission;
    question.name = text;
    return question;
  }
  question.method = text.substr(0, blank);
  question.name = text.substr(blank + 1);
  Target target;
  const bool plain =
      question.name.starts_with('/') && question.name.find_first_of("?%#") == std::string_view::npos;
  if (question.method == "*" || !is_method(question.method) || !plain ||
      parse_target(question.name, EncodedSlash::refuse, target) != ParseFault::none)
    return expected("a method and a decoded path, as \"GET /s/x\"", text);
  return question;
}

PolicySubject PolicySubject::of(const Principal& principal) noexcept {
  return {principal.kind, principal.id, principal.roles, principal.scopes, principal.certificate_names};
}

std::string PolicyDecision::explain() const {
  const std::string_view verb = allowed() ? "allowed" : "denied";
  if (role != nullptr) return concat(verb, " by the role \"", escaped(role->name), '"');
  if (rule == nullptr) return "denied: no rule matches";
  const std::string name =
      rule->name.empty() ? std::string("a rule") : concat("rule \"", escaped(rule->name), '"');
  return rule->line > 0 ? concat(verb, " by ", name, " (line ", rule->line, ')') : concat(verb, " by ", name);
}

std::vector<PolicyFault> Policy::check(const PolicyDraft& draft) { return Checker(draft).run(); }

}  // namespace sallyport
