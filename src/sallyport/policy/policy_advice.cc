// SPDX-License-Identifier: Apache-2.0
#include "sallyport/policy/policy_advice.h"

#include <algorithm>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

constexpr std::string_view kSessionPaths = "/s/";

/// all_in: each of `few` is covered by one of `many`.
template <class Item, class Covers>
bool all_in(const std::vector<Item>& few, const std::vector<Item>& many, Covers covers) {
  return std::ranges::all_of(few, [&](const Item& one) {
    return std::ranges::any_of(many, [&](const Item& other) { return covers(other, one); });
  });
}

bool covers(const PolicySelector& wide, const PolicySelector& narrow) {
  return wide == narrow || wide.kind == PolicySelector::Kind::anyone;
}

bool covers(const PathPattern& wide, const PathPattern& narrow) {
  if (wide.reach() == PathPattern::Reach::exact)
    return narrow.reach() == PathPattern::Reach::exact && wide.base() == narrow.base();
  return wide.matches(narrow.base().empty() ? "/" : narrow.base());
}

bool covers(const HttpPattern& wide, const HttpPattern& narrow) {
  return (wide.method == "*" || wide.method == narrow.method) && covers(wide.path, narrow.path);
}

bool covers(const RpcPattern& wide, const RpcPattern& narrow) {
  if (wide.key != "*" && wide.key != narrow.key) return false;
  return wide.method == "*" || wide.method == narrow.method;
}

/// covers_what: nothing that `narrow` speaks of is left by `wide`.
bool covers_what(const PolicyRule& wide, const PolicyRule& narrow) {
  if (wide.covers == PolicyRule::Covers::everything) return true;
  if (narrow.covers == PolicyRule::Covers::everything) return false;
  const auto by_kind = [](const auto& other, const auto& one) { return covers(other, one); };
  const auto same = [](const std::string& other, const std::string& one) { return other == one; };
  return all_in(narrow.http, wide.http, by_kind) && all_in(narrow.rpc, wide.rpc, by_kind) &&
         all_in(narrow.permissions, wide.permissions, same);
}

bool covers(const PolicyRule& wide, const PolicyRule& narrow) {
  const auto same = [](const std::string& other, const std::string& one) { return other == one; };
  const bool where =
      wide.sessions.empty() || (!narrow.sessions.empty() && all_in(narrow.sessions, wide.sessions, same));
  if (!where) return false;
  const auto by_selector = [](const PolicySelector& other, const PolicySelector& one) {
    return covers(other, one);
  };
  return all_in(narrow.who, wide.who, by_selector) && covers_what(wide, narrow);
}

/// session_in is the id in a path such as "/s/lab/*"; empty: it looks like no session's.
std::string_view session_in(const HttpPattern& pattern) {
  std::string_view path = pattern.path.base();
  if (!path.starts_with(kSessionPaths)) return {};
  path.remove_prefix(kSessionPaths.size());
  return path.substr(0, path.find('/'));
}

}  // namespace

std::vector<PolicyFault> policy_advice(const PolicyDraft& draft) {
  std::vector<PolicyFault> advice;
  for (std::size_t i = 0; i < draft.rules.size(); ++i) {
    const PolicyRule& rule = draft.rules[i];
    const auto earlier = std::span(draft.rules).first(i);
    const auto first =
        std::ranges::find_if(earlier, [&](const PolicyRule& one) { return covers(one, rule); });
    if (first != earlier.end()) {
      advice.push_back({rule.line, concat("rule ", rule.name, " never decides: ", first->name, " in line ",
                                          first->line, " matches before it whatever it matches")});
    }
    const auto found = std::ranges::find_if(
        rule.http, [](const HttpPattern& pattern) { return !session_in(pattern).empty(); });
    if (found == rule.http.end()) continue;
    const auto id = session_in(*found);
    advice.push_back(
        {rule.line, concat("rule ", rule.name, ": ", found->path.str(),
                           " is a path of the tool's own, without the place where the gateway has it; if the "
                           "session ",
                           id, " is meant, write session: [", id, "] and the path behind it")});
  }
  return advice;
}

}  // namespace sallyport
