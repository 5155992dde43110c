// SPDX-License-Identifier: Apache-2.0
// With yaml.cc the only file that knows yaml-cpp; see there.
#include "sallyport/config/policy_file.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <exception>
#include <set>
#include <string>

#include "sallyport/base/text.h"
#include "sallyport/config/internal/layers.h"

namespace sallyport {
namespace {

using internal::Problems;

class PolicyReader {
 public:
  PolicyReader(const ConfigFile& file, Problems& problems) : file_(file), problems_(problems) {}

  PolicyDraft read() {
    const YAML::Node root = YAML::Load(file_.text);
    each_entry(root, "a policy",
               [this](const std::string& key, const YAML::Node& at, const YAML::Node& value) {
                 if (key == "roles") {
                   read_roles(value);
                 } else if (key == "rules") {
                   read_rules(value);
                 } else {
                   unknown(at, key, "roles and rules");
                 }
               });
    return std::move(draft_);
  }

  [[nodiscard]] std::string place(const YAML::Mark& mark) const {
    return mark.line < 0 ? file_.path : place(mark.line + 1);
  }
  [[nodiscard]] std::string place(int line) const {
    return line <= 0 ? file_.path : concat(file_.path, ':', line);
  }

 private:
  static int line_of(const YAML::Node& node) { return node.Mark().line + 1; }
  void fault(const YAML::Node& node, std::string what) {
    problems_.error(place(node.Mark()), std::move(what));
  }
  void unknown(const YAML::Node& at, const std::string& key, std::string_view known) {
    fault(at, concat("there is no \"", escaped(key, 60), "\" here, only ", known));
  }

  /// each_entry calls for each key of a mapping, once; keys that stand twice are faults.
  template <class Call>
  void each_entry(const YAML::Node& map, std::string_view what, Call&& call) {
    if (!map.IsMap()) {
      fault(map, concat(what, " is a mapping, NAME: value"));
      return;
    }
    std::set<std::string> seen;
    for (const auto& entry : map) {
      const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : std::string();
      if (!seen.insert(key).second) {
        fault(entry.first, concat('"', escaped(key, 60), "\" stands twice"));
      } else {
        call(key, entry.first, entry.second);
      }
    }
  }

  /// each_text calls for each text of a list; one text by itself is a list of one.
  template <class Call>
  void each_text(const YAML::Node& list, std::string_view what, Call&& call) {
    if (list.IsScalar()) {
      call(list.Scalar(), list);
    } else if (list.IsSequence()) {
      if (list.size() == 0) fault(list, concat(what, " is an empty list"));
      for (const auto& one : list) {
        if (one.IsScalar()) {
          call(one.Scalar(), one);
        } else {
          fault(one, concat(what, " holds texts only; quote what YAML takes for something else"));
        }
      }
    } else {
      fault(list, concat(what, " is a list of texts"));
    }
  }

  template <class Type, class Parse>
  void read_parsed(const YAML::Node& list, std::string_view what, std::vector<Type>& into, Parse&& parse) {
    each_text(list, what, [&](const std::string& text, const YAML::Node& at) {
      auto parsed = parse(text);
      if (!parsed) {
        fault(at, concat(what, ": ", parsed.error().what));
      } else {
        into.push_back(*std::move(parsed));
      }
    });
  }

  void read_roles(const YAML::Node& roles) {
    each_entry(
        roles, "roles", [this](const std::string& name, const YAML::Node& at, const YAML::Node& value) {
          PolicyRole role;
          role.name = name;
          role.line = line_of(at);
          each_entry(value, "a role",
                     [&](const std::string& key, const YAML::Node& where, const YAML::Node& list) {
                       if (key == "members") {
                         read_parsed(list, "members", role.members, PolicySelector::parse);
                       } else if (key == "permissions") {
                         each_text(list, "permissions", [&role](const std::string& text, const YAML::Node&) {
                           role.permissions.push_back(text);
                         });
                       } else {
                         unknown(where, key, "members and permissions");
                       }
                     });
          draft_.roles.push_back(std::move(role));
        });
  }

  void read_rules(const YAML::Node& rules) {
    if (!rules.IsSequence()) {
      fault(rules, "rules is a list: \"- name: ...\" for each");
      return;
    }
    for (const auto& one : rules) {
      PolicyRule rule;
      rule.line = line_of(one);
      each_entry(one, "a rule", [&](const std::string& key, const YAML::Node& at, const YAML::Node& value) {
        read_part(rule, key, at, value);
      });
      draft_.rules.push_back(std::move(rule));
    }
  }

  void read_part(PolicyRule& rule, const std::string& key, const YAML::Node& at, const YAML::Node& value) {
    if (key == "allow" || key == "deny") {
      if (!rule.who.empty()) fault(at, "a rule has allow or deny, not both");
      rule.effect = key == "allow" ? PolicyEffect::allow : PolicyEffect::deny;
      read_parsed(value, key, rule.who, PolicySelector::parse);
    } else if (key == "http") {
      each_text(value, key, [&](const std::string& text, const YAML::Node& where) {
        auto patterns = HttpPattern::parse_list(text);
        if (!patterns) return fault(where, concat("http: ", patterns.error().what));
        rule.http.insert(rule.http.end(), patterns->begin(), patterns->end());
      });
    } else if (key == "rpc") {
      read_parsed(value, key, rule.rpc, RpcPattern::parse);
    } else if (key == "permission" || key == "session") {
      auto& into = key == "session" ? rule.sessions : rule.permissions;
      each_text(value, key, [&into](const std::string& text, const YAML::Node&) { into.push_back(text); });
    } else if (key == "name" && value.IsScalar()) {
      rule.name = value.Scalar();
    } else if (key == "everything" && value.IsScalar() && value.Scalar() == "true") {
      rule.covers = PolicyRule::Covers::everything;
    } else if (key == "name" || key == "everything") {
      fault(value, key == "name" ? "name is one text" : "everything is true, or left out");
    } else {
      unknown(at, key, "name, allow, deny, http, rpc, permission, session and everything");
    }
  }

  const ConfigFile& file_;
  Problems& problems_;
  PolicyDraft draft_;
};

/// read_draft leaves what is wrong in `problems`.
PolicyDraft read_draft(PolicyReader& reader, const ConfigFile& file, Problems& problems) {
  try {
    return reader.read();
  } catch (const YAML::Exception& error) {
    problems.error(reader.place(error.mark), concat("not YAML: ", escaped(error.msg)));
  } catch (const std::exception& error) {
    problems.error(file.path, concat("not YAML: ", escaped(error.what())));
  }
  return {};
}

int line_in(const std::string& where) {
  const auto colon = where.rfind(':');
  return static_cast<int>(parse_decimal<std::uint32_t>(where.substr(colon + 1)).value_or(0));
}

}  // namespace

Status LoadedPolicy::status() const {
  std::string all;
  for (const auto& problem : problems)
    all += concat(all.empty() ? "" : "\n", problem.where, ": ", problem.what);
  return all.empty() ? ok() : Status(fail(Code::invalid_argument, all));
}

LoadedPolicy load_policy(const ConfigFile& file) {
  LoadedPolicy loaded;
  Problems problems;
  if (file.text.size() > kPolicyFileBytesMax) {
    problems.error(file.path, concat("larger than ", kPolicyFileBytesMax, " bytes"));
    loaded.problems = problems.take();
    return loaded;
  }
  PolicyReader reader(file, problems);
  PolicyDraft draft = read_draft(reader, file, problems);
  if (draft.rules.empty() && draft.roles.empty())
    problems.error(file.path, "an empty policy lets nobody do anything: give it roles and rules");
  for (auto& fault : Policy::check(draft)) problems.error(reader.place(fault.line), std::move(fault.what));
  loaded.problems = problems.take();
  std::stable_sort(loaded.problems.begin(), loaded.problems.end(),
                   [](const Problem& a, const Problem& b) { return line_in(a.where) < line_in(b.where); });
  if (!loaded.problems.empty()) return loaded;
  auto made = Policy::make(std::move(draft));
  if (made) {
    loaded.policy = *std::move(made);
  } else {
    loaded.problems.push_back({Problem::Severity::error, file.path, made.error().what});
  }
  return loaded;
}

}  // namespace sallyport
