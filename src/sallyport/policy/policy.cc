// SPDX-License-Identifier: Apache-2.0
// The decision: an index by path prefix, service and permission, and in it by who is named, so that a policy
// of a thousand rules asks only the few that speak of the question and of him who asks.
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

/// Bucket is all rules that speak of one path, service or permission. `open` are those whose people cannot be
/// told by name alone; the others stand in Index::named.
struct Bucket {
  std::uint32_t id = 0;
  Entries open;
};
using Table = std::unordered_map<std::string, Bucket, TextHash, std::equal_to<>>;
using NameTable = std::unordered_map<std::string, std::uint32_t, TextHash, std::equal_to<>>;
using RoleTable = std::unordered_map<std::string, std::vector<std::uint32_t>, TextHash, std::equal_to<>>;

constexpr std::size_t kBucketsMax = kPolicyPathDepthMax + 4;  // exact, "/*", everything, and one to spare
constexpr std::size_t kKinds = static_cast<std::size_t>(Kind::anyone) + 1;
constexpr std::string_view kUriPrefix = "uri:";
constexpr std::string_view kDnsPrefix = "dns:";
constexpr std::uint32_t kNoRule = UINT32_MAX;

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
  return std::any_of(names.begin(), names.end(), [&who](std::string_view name) {
    if (name.starts_with(kUriPrefix)) return who.names(Kind::uri, name.substr(kUriPrefix.size()));
    return name.starts_with(kDnsPrefix) && who.names(Kind::dns, name.substr(kDnsPrefix.size()));
  });
}

bool names_subject(const Who& who, const PolicySubject& subject) noexcept {
  if (subject.id.empty()) return false;
  if (who.anyone == Who::Anyone::yes) return true;
  const auto kind = kind_of(subject.kind);
  return (kind && who.names(*kind, subject.id)) || is_any(who, Kind::group, subject.groups) ||
         is_any(who, Kind::scope, subject.scopes) || is_certificate(who, subject.certificate_names);
}

/// is_name: whether a principal is meant by it follows from his names and roles, not from the question.
bool is_name(const PolicySelector& selector) noexcept {
  return selector.kind != Kind::owner && selector.kind != Kind::anyone && selector.kind != Kind::permission;
}

}  // namespace

struct Policy::Index {
  std::vector<Who> members;                          // of each role
  std::vector<Who> whos;                             // of each rule
  RoleTable roles_with;                              // by permission pattern
  std::array<NameTable, kKinds> names;               // numbers of names
  std::vector<std::vector<std::uint32_t>> roles_of;  // by a name's number: the names of its roles
  std::vector<std::uint32_t> roles_of_all;           // roles that everybody is a member of
  Table exact_paths;
  Table subtrees;
  Table calls;
  Table permissions;
  Bucket everything;
  std::unordered_map<std::uint64_t, Entries> named;  // by key_of()
  std::uint32_t buckets = 1;
  std::size_t subtree_depth_max = 0;

  static std::uint64_t key_of(std::uint32_t bucket, std::uint32_t name) noexcept {
    return std::uint64_t{bucket} << 32 | name;
  }

  std::uint32_t number_of(Kind kind, const std::string& name) {
    const auto next = static_cast<std::uint32_t>(roles_of.size());
    const auto [found, is_new] = names[static_cast<std::size_t>(kind)].try_emplace(name, next);
    if (is_new) roles_of.emplace_back();
    return found->second;
  }

  Bucket& bucket_of(Table& table, const std::string& key) {
    const auto [found, is_new] = table.try_emplace(key);
    if (is_new) found->second.id = buckets++;
    return found->second;
  }

  void put(Bucket& bucket, const PolicyRule& rule, Entry entry) {
    if (!std::all_of(rule.who.begin(), rule.who.end(), is_name)) return bucket.open.push_back(entry);
    for (const auto& one : rule.who) named[key_of(bucket.id, number_of(one.kind, one.name))].push_back(entry);
  }

  void put_role(const PolicyRole& role) {
    const std::uint32_t number = number_of(Kind::role, role.name);
    for (const auto& member : role.members) {
      if (member.kind == Kind::anyone) {
        roles_of_all.push_back(number);
      } else {
        roles_of[number_of(member.kind, member.name)].push_back(number);
      }
    }
  }
};

/// Decider asks one question.
class Policy::Decider {
 public:
  Decider(const Policy& policy, const PolicySubject& subject, const PolicyQuestion& question)
      : policy_(policy), index_(*policy.index_), subject_(subject), question_(question) {}

  PolicyDecision run() {
    if (subject_.id.empty()) return {};
    gather();
    for_each_name([this](std::uint32_t name) {
      for (const Bucket* bucket : std::span(buckets_).first(count_)) {
        const auto found = index_.named.find(Index::key_of(bucket->id, name));
        if (found != index_.named.end()) consider(found->second, People::meant);
      }
    });
    for (const Bucket* bucket : std::span(buckets_).first(count_)) consider(bucket->open, People::unknown);
    if (first_ == kNoRule) return by_role();
    const PolicyRule& rule = policy_.draft_.rules[first_];
    return {rule.effect, &rule, nullptr};
  }

 private:
  enum class People : std::uint8_t { meant, unknown };

  void add(const Bucket& bucket) noexcept { buckets_[count_++] = &bucket; }
  void look_up(const Table& table, std::string_view key) {
    if (const auto found = table.find(key); found != table.end()) add(found->second);
  }

  /// consider looks for a rule that matches before the first that is known to.
  void consider(const Entries& entries, People people) {
    for (const Entry& entry : entries) {
      if (entry.rule >= first_) return;
      if (!matches(entry) || (people == People::unknown && !is_meant(index_.whos[entry.rule]))) continue;
      first_ = entry.rule;
      return;
    }
  }

  /// for_each_name calls with the number of each name of the subject's that the policy knows, and with those
  /// of his roles.
  template <class Call>
  void for_each_name(Call&& call) const {
    const auto one = [this, &call](Kind kind, std::string_view name) {
      const NameTable& table = index_.names[static_cast<std::size_t>(kind)];
      const auto found = table.empty() ? table.end() : table.find(name);
      if (found == table.end()) return;
      call(found->second);
      for (const std::uint32_t role : index_.roles_of[found->second]) call(role);
    };
    if (const auto kind = kind_of(subject_.kind)) one(*kind, subject_.id);
    for (const std::string& group : subject_.groups) one(Kind::group, group);
    for (const std::string& scope : subject_.scopes) one(Kind::scope, scope);
    for (const std::string_view name : subject_.certificate_names) {
      if (name.starts_with(kUriPrefix)) one(Kind::uri, name.substr(kUriPrefix.size()));
      if (name.starts_with(kDnsPrefix)) one(Kind::dns, name.substr(kDnsPrefix.size()));
    }
    for (const std::uint32_t role : index_.roles_of_all) call(role);
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
    return here;
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
  std::array<const Bucket*, kBucketsMax> buckets_;  // the first count_ of them are set
  std::size_t count_ = 0;
  std::uint32_t first_ = kNoRule;
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
    index->put_role(draft_.roles[i]);
  }
  for (std::uint32_t i = 0; i < draft_.rules.size(); ++i) {
    const PolicyRule& rule = draft_.rules[i];
    index->whos.push_back(compiled(rule.who, draft_.roles));
    if (rule.covers == PolicyRule::Covers::everything) index->put(index->everything, rule, {i, nullptr});
    for (const auto& pattern : rule.http) {
      const bool exact = pattern.path.reach() == PathPattern::Reach::exact;
      const std::string* method = pattern.method == "*" ? nullptr : &pattern.method;
      Table& table = exact ? index->exact_paths : index->subtrees;
      index->put(index->bucket_of(table, pattern.path.base()), rule, {i, method});
      if (!exact)
        index->subtree_depth_max = std::max(index->subtree_depth_max, depth_of(pattern.path.base()));
    }
    for (const auto& pattern : rule.rpc) {
      const std::string* method = pattern.method == "*" ? nullptr : &pattern.method;
      index->put(index->bucket_of(index->calls, pattern.key), rule, {i, method});
    }
    for (const auto& permission : rule.permissions)
      index->put(index->bucket_of(index->permissions, permission), rule, {i, nullptr});
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
