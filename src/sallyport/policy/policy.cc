// SPDX-License-Identifier: Apache-2.0
// The decision: an index by path prefix, service and permission, so that a policy of a thousand rules asks
// only the few that speak of the question.
#include "sallyport/policy/policy.h"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <unordered_map>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

using Kind = PolicySelector::Kind;

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
};

/// Entry is a rule and the method that its pattern asks for; none: every one.
struct Entry {
  std::uint32_t rule = 0;
  const std::string* method = nullptr;
};
using Entries = std::vector<Entry>;
using Table = std::unordered_map<std::string, Entries, TextHash, std::equal_to<>>;
using RoleTable = std::unordered_map<std::string, std::vector<std::uint32_t>, TextHash, std::equal_to<>>;

constexpr std::size_t kListsMax = kPolicyPathDepthMax + 4;  // exact, "/*", everything, and one to spare

std::size_t depth_of(std::string_view path) noexcept {
  return static_cast<std::size_t>(std::count(path.begin(), path.end(), '/'));
}

/// Who is a list of selectors, ready to be asked.
struct Who {
  std::vector<PolicySelector> exact;  // sorted
  std::vector<std::uint32_t> roles;
  std::vector<std::string> permissions;
  enum class Owner : std::uint8_t { no, yes } owner = Owner::no;
  enum class Anyone : std::uint8_t { no, yes } anyone = Anyone::no;

  [[nodiscard]] bool names(Kind kind, std::string_view name) const noexcept {
    const auto before = [](const PolicySelector& a, const std::pair<Kind, std::string_view>& b) {
      return a.kind != b.first ? a.kind < b.first : std::string_view(a.name) < b.second;
    };
    const auto at = std::lower_bound(exact.begin(), exact.end(), std::pair(kind, name), before);
    return at != exact.end() && at->kind == kind && at->name == name;
  }
};

std::optional<Kind> kind_of(PrincipalKind kind) noexcept {
  if (kind == PrincipalKind::user) return Kind::user;
  if (kind == PrincipalKind::service) return Kind::service;
  if (kind == PrincipalKind::plugin) return Kind::plugin;
  return std::nullopt;
}

bool is_any(const Who& who, Kind kind, std::span<const std::string> names) noexcept {
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& name) { return who.names(kind, name); });
}

/// is_certificate takes the names apart at their first colon: "uri:spiffe://a" is the URI name spiffe://a.
bool is_certificate(const Who& who, std::span<const std::string> names) noexcept {
  constexpr std::string_view kUri = "uri:";
  constexpr std::string_view kDns = "dns:";
  return std::any_of(names.begin(), names.end(), [&who, kUri, kDns](std::string_view name) {
    if (name.starts_with(kUri)) return who.names(Kind::uri, name.substr(kUri.size()));
    return name.starts_with(kDns) && who.names(Kind::dns, name.substr(kDns.size()));
  });
}

bool names_subject(const Who& who, const PolicySubject& subject) noexcept {
  if (subject.id.empty()) return false;
  if (who.anyone == Who::Anyone::yes) return true;
  const auto kind = kind_of(subject.kind);
  return (kind && who.names(*kind, subject.id)) || is_any(who, Kind::group, subject.groups) ||
         is_any(who, Kind::scope, subject.scopes) || is_certificate(who, subject.certificate_names);
}

}  // namespace

struct Policy::Index {
  std::vector<Who> members;  // of each role
  std::vector<Who> whos;     // of each rule
  RoleTable roles_with;      // by permission pattern
  Table exact_paths;
  Table subtrees;
  Table calls;
  Table permissions;
  Entries everything;
  std::size_t subtree_depth_max = 0;
};

/// Decider asks one question.
class Policy::Decider {
 public:
  Decider(const Policy& policy, const PolicySubject& subject, const PolicyQuestion& question)
      : policy_(policy), index_(*policy.index_), subject_(subject), question_(question) {}

  PolicyDecision run() {
    if (subject_.id.empty()) return {};
    gather();
    while (true) {
      const Entry* next = nullptr;
      for (auto& list : std::span(lists_).first(count_)) {
        if (!list.empty() && (next == nullptr || list.front().rule < next->rule)) next = &list.front();
      }
      if (next == nullptr) return by_role();
      if (matches(*next)) {
        const PolicyRule& rule = policy_.draft_.rules[next->rule];
        return {rule.effect, &rule, nullptr};
      }
      for (auto& list : std::span(lists_).first(count_)) {
        if (!list.empty() && &list.front() == next) {
          list = list.subspan(1);
          break;
        }
      }
    }
  }

 private:
  void add(const Entries& entries) noexcept {
    if (!entries.empty()) lists_[count_++] = entries;
  }
  void look_up(const Table& table, std::string_view key) {
    if (const auto found = table.find(key); found != table.end()) add(found->second);
  }

  void gather() {
    add(index_.everything);
    switch (question_.what) {
      case PolicyQuestion::What::http:
        gather_paths();
        break;
      case PolicyQuestion::What::rpc:
        look_up(index_.calls, "*");
        look_up(index_.calls, question_.name);
        break;
      case PolicyQuestion::What::permission:
        for_each_form(question_.name, [this](std::string_view form) { look_up(index_.permissions, form); });
        break;
    }
  }

  void gather_paths() {
    const std::string_view path = question_.name;
    look_up(index_.exact_paths, path);
    look_up(index_.subtrees, "");
    std::size_t depth = 0;
    for (std::size_t at = 1; at <= path.size() && depth < index_.subtree_depth_max; ++at) {
      if (at < path.size() && path[at] != '/') continue;
      look_up(index_.subtrees, path.substr(0, at));
      ++depth;
    }
  }

  /// for_each_form calls with "a.b.c", "a.b.*", "a.*" and "*"; of a name of more than nine words the
  /// shorter forms are left out, and so it is denied where only those would allow it.
  template <class Call>
  static void for_each_form(std::string_view name, Call&& call) {
    call(name);
    std::array<char, kPolicyTextBytesMax + 2> form{};
    int forms = 0;
    for (auto dot = name.rfind('.'); dot != std::string_view::npos && dot > 0 && forms < 8;
         dot = name.rfind('.', dot - 1), ++forms) {
      if (dot + 2 > form.size()) continue;
      std::copy_n(name.begin(), dot + 1, form.begin());
      form[dot + 1] = '*';
      call(std::string_view(form.data(), dot + 2));
    }
    call("*");
  }

  [[nodiscard]] bool matches(const Entry& entry) const {
    if (entry.method != nullptr && *entry.method != question_.method) return false;
    const PolicyRule& rule = policy_.draft_.rules[entry.rule];
    const bool here = rule.sessions.empty() || std::find(rule.sessions.begin(), rule.sessions.end(),
                                                         question_.session) != rule.sessions.end();
    return here && is_meant(index_.whos[entry.rule]);
  }

  [[nodiscard]] bool is_meant(const Who& who) const {
    if (names_subject(who, subject_)) return true;
    const bool owns = who.owner == Who::Owner::yes && subject_.kind == PrincipalKind::user &&
                      !question_.owner.empty() && subject_.id == question_.owner;
    if (owns) return true;
    for (const std::uint32_t role : who.roles) {
      if (names_subject(index_.members[role], subject_)) return true;
    }
    return std::any_of(who.permissions.begin(), who.permissions.end(),
                       [this](const std::string& name) { return role_with(name) != nullptr; });
  }

  [[nodiscard]] const PolicyRole* role_with(std::string_view permission) const {
    const PolicyRole* found = nullptr;
    for_each_form(permission, [&](std::string_view form) {
      const auto roles = index_.roles_with.find(form);
      if (found != nullptr || roles == index_.roles_with.end()) return;
      for (const std::uint32_t role : roles->second) {
        if (found == nullptr && names_subject(index_.members[role], subject_))
          found = &policy_.draft_.roles[role];
      }
    });
    return found;
  }

  [[nodiscard]] PolicyDecision by_role() const {
    if (question_.what != PolicyQuestion::What::permission) return {};
    const PolicyRole* role = role_with(question_.name);
    if (role == nullptr) return {};
    return {PolicyEffect::allow, nullptr, role};
  }

  const Policy& policy_;
  const Index& index_;
  const PolicySubject& subject_;
  const PolicyQuestion& question_;
  std::array<std::span<const Entry>, kListsMax> lists_{};
  std::size_t count_ = 0;
};

namespace {

Who compiled(const std::vector<PolicySelector>& selectors, const std::vector<PolicyRole>& roles) {
  Who who;
  for (const auto& one : selectors) {
    switch (one.kind) {
      case Kind::role:
        for (std::uint32_t i = 0; i < roles.size(); ++i) {
          if (roles[i].name == one.name) who.roles.push_back(i);
        }
        break;
      case Kind::permission:
        who.permissions.push_back(one.name);
        break;
      case Kind::owner:
        who.owner = Who::Owner::yes;
        break;
      case Kind::anyone:
        who.anyone = Who::Anyone::yes;
        break;
      default:
        who.exact.push_back(one);
    }
  }
  std::sort(who.exact.begin(), who.exact.end());
  return who;
}

}  // namespace

Policy::~Policy() = default;

Policy::Policy(PolicyDraft draft) : draft_(std::move(draft)) {
  auto index = std::make_unique<Index>();
  for (std::uint32_t i = 0; i < draft_.roles.size(); ++i) {
    index->members.push_back(compiled(draft_.roles[i].members, {}));
    for (const auto& permission : draft_.roles[i].permissions) index->roles_with[permission].push_back(i);
  }
  for (std::uint32_t i = 0; i < draft_.rules.size(); ++i) {
    const PolicyRule& rule = draft_.rules[i];
    index->whos.push_back(compiled(rule.who, draft_.roles));
    if (rule.covers == PolicyRule::Covers::everything) index->everything.push_back({i, nullptr});
    for (const auto& pattern : rule.http) {
      const bool exact = pattern.path.reach() == PathPattern::Reach::exact;
      const std::string* method = pattern.method == "*" ? nullptr : &pattern.method;
      (exact ? index->exact_paths : index->subtrees)[pattern.path.base()].push_back({i, method});
      if (!exact)
        index->subtree_depth_max = std::max(index->subtree_depth_max, depth_of(pattern.path.base()));
    }
    for (const auto& pattern : rule.rpc) {
      index->calls[pattern.key].push_back({i, pattern.method == "*" ? nullptr : &pattern.method});
    }
    for (const auto& permission : rule.permissions) index->permissions[permission].push_back({i, nullptr});
  }
  index_ = std::move(index);
}

Result<std::shared_ptr<const Policy>> Policy::make(PolicyDraft draft) {
  std::string all;
  for (const auto& fault : check(draft)) all += concat(all.empty() ? "" : "\n", fault.what);
  if (!all.empty()) return fail(Code::invalid_argument, all);
  return std::shared_ptr<const Policy>(new Policy(std::move(draft)));
}

PolicyDecision Policy::decide(const PolicySubject& who, const PolicyQuestion& question) const {
  return Decider(*this, who, question).run();
}

}  // namespace sallyport
