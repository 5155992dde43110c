// SPDX-License-Identifier: Apache-2.0
// `config check`: the settings, the policy that they name and what it says of somebody and something, and the
// store in the state directory.
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "commands.h"
#include "sallyport/base/text.h"
#include "sallyport/config/policy_file.h"
#include "sallyport/durable/durable_store.h"
#include "sallyport/env/posix/system.h"
#include "sallyport/policy/policy_advice.h"

namespace sallyport {
namespace {

Result<std::shared_ptr<const Policy>> read_policy(const std::string& path) {
  SystemFiles files;
  const auto text = files.read_text(path, FilePrivacy::any);
  if (!text) return fail(Code::invalid_argument, text.error().what);
  const LoadedPolicy loaded = load_policy({path, *text});
  if (loaded.policy != nullptr) return loaded.policy;
  for (const auto& problem : loaded.problems)
    std::cerr << "sallyport: " << problem.where << ": " << problem.what << '\n';
  return fail(Code::invalid_argument, concat(escaped(path), " is no policy; correct what is named above"));
}

/// Named is the principal that --who describes: "alice" is a user; each further fact by its selector.
Result<Principal> read_who(const std::vector<std::string>& facts) {
  using Kind = PolicySelector::Kind;
  Principal who;
  for (const auto& fact : facts) {
    const bool bare = fact.find(':') == std::string::npos;
    SALLYPORT_TRY(selector, PolicySelector::parse(bare ? concat("user:", fact) : fact));
    switch (selector.kind) {
      case Kind::user:
      case Kind::service:
      case Kind::plugin:
        if (!who.id.empty())
          return fail(Code::invalid_argument, "--who names two principals; one asks at a time");
        who.id = selector.name;
        if (selector.kind == Kind::service) who.kind = PrincipalKind::service;
        if (selector.kind == Kind::plugin) who.kind = PrincipalKind::plugin;
        break;
      case Kind::group:
        who.roles.push_back(selector.name);
        break;
      case Kind::scope:
        who.scopes.push_back(selector.name);
        break;
      case Kind::uri:
      case Kind::dns:
        who.certificate_names.push_back(fact);
        break;
      default:
        return fail(Code::invalid_argument,
                    concat("--who takes a name, or user:, service:, plugin:, group:, scope:, "
                           "uri: or dns: and one, not \"",
                           escaped(fact, 80), '"'));
    }
  }
  if (who.id.empty()) who.id = "somebody";
  return who;
}

int tell(const PolicyDecision& decision, Output output) {
  if (output == Output::json) {
    const nlohmann::ordered_json told{{"allowed", decision.allowed()},
                                      {"rule", decision.rule == nullptr ? "" : decision.rule->name},
                                      {"line", decision.rule == nullptr ? 0 : decision.rule->line},
                                      {"role", decision.role == nullptr ? "" : decision.role->name},
                                      {"why", decision.explain()}};
    std::cout << told.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
  } else {
    std::cout << decision.explain() << '\n';
  }
  return decision.allowed() ? kExitDone : kExitRefused;
}

Result<int> ask(const Policy& policy, const PolicyCheck& check, Output output) {
  SALLYPORT_TRY(who, read_who(check.who));
  SALLYPORT_TRY(question, PolicyQuestion::parse(check.what));
  question.session = check.session;
  question.owner = check.owner;
  return tell(policy.decide(PolicySubject::of(who), question), output);
}

/// check_store_of: no store is as good as a good one. The credential folder is where systemd puts a seal key.
Result<std::optional<StoreReport>> check_store_of(const Settings& settings, const Environment& environment) {
  SystemFiles files;
  StorePlace place;
  place.state_directory = settings.state_dir;
  place.credentials_directory = environment.get("CREDENTIALS_DIRECTORY").value_or("");
  const auto report = check_store(place, files);
  if (report) return std::optional<StoreReport>(*report);
  if (report.error().code == Code::not_found) return std::optional<StoreReport>();
  return report.error();
}

void tell_good(const std::string& policy, const std::optional<StoreReport>& store, Output output) {
  if (output == Output::json) {
    nlohmann::ordered_json told{{"good", true}};
    if (store) {
      told["store"] = {
          {"schema", store->schema}, {"sessions", store->sessions}, {"access_tokens", store->access_tokens}};
    }
    std::cout << told.dump() << '\n';
    return;
  }
  std::cout << (policy.empty() ? "the settings are good\n" : "the settings and the policy are good\n");
  if (store) {
    std::cout << concat("the store is good: ", store->sessions, " sessions, ", store->access_tokens,
                        " access tokens\n");
  }
}

}  // namespace

int command_config_check(const SettingsArguments& arguments, const PolicyCheck& check, Output output,
                         const Environment& environment) {
  const auto loaded = load(arguments, environment);
  if (!loaded) return complain(loaded.error());
  const std::string& path = loaded->settings.policy;
  const bool asks = !check.what.empty() || !check.who.empty();
  if (asks && (path.empty() || check.what.empty() || check.who.empty())) {
    return complain(fail(Code::invalid_argument,
                         "to ask a policy, give --policy FILE, --who NAME and --what, such as "
                         "--what 'GET /s/x'"));
  }
  if (!path.empty()) {
    const auto policy = read_policy(path);
    if (!policy) return complain(policy.error());
    for (const auto& one : policy_advice((*policy)->draft()))
      std::cerr << concat("sallyport: warning: ", path, ':', one.line, ": ", one.what, '\n');
    if (asks) {
      const auto status = ask(**policy, check, output);
      return status ? *status : complain(status.error());
    }
  }
  const auto store = check_store_of(loaded->settings, environment);
  if (!store) return complain(store.error());
  tell_good(path, *store, output);
  return kExitDone;
}

}  // namespace sallyport
