// SPDX-License-Identifier: Apache-2.0
#include "sallyport/gateway/live_settings.h"

#include <algorithm>
#include <array>
#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/config/values.h"
#include "sallyport/gateway/internal/json_fields.h"
#include "sallyport/launch/environment.h"

namespace sallyport {
namespace {

using Json = nlohmann::ordered_json;
using internal::JsonFields;

constexpr std::array<std::string_view, 3> kRestarts{"no", "on-failure", "always"};

LifeRules rules_of(const Settings& settings) {
  LifeRules life;
  life.restart = static_cast<RestartPolicy>(settings.restart);
  life.start = settings.on_demand == Switch::on ? StartMode::on_demand : StartMode::at_once;
  life.ready_timeout = settings.ready_timeout;
  life.idle_timeout = settings.idle_timeout;
  return life;
}

}  // namespace

/// Change is a patch that was read, and not judged against the present values yet.
struct LiveSettings::Change {
  struct Value {
    std::string name;
    std::optional<SecretText> text;  ///< none: remove
  };
  std::vector<Value> variables;
  std::optional<RestartPolicy> restart;
  std::optional<StartMode> start;
  std::optional<Duration> ready_timeout;
  std::optional<std::optional<Duration>> idle_timeout;
  std::optional<bool> no_auth;
};

LiveSettings::LiveSettings(const Settings& settings, std::function<void()> close_door)
    : close_door_(std::move(close_door)), life_(rules_of(settings)), no_auth_(settings.insecurely_no_auth) {
  for (const auto& [name, value] : settings.env) variables_.push_back(Variable{name, SecretText(value)});
}

const LiveSettings::Variable* LiveSettings::find(std::string_view name) const {
  const auto found = std::find_if(variables_.begin(), variables_.end(),
                                  [name](const Variable& one) { return one.name == name; });
  return found == variables_.end() ? nullptr : &*found;
}

std::string LiveSettings::json() const {
  const std::lock_guard lock(mutex_);
  Json env = Json::array();
  for (const auto& variable : variables_) env.push_back({{"name", variable.name}, {"value", kSettingMask}});
  const Json body{{"env", std::move(env)},
                  {"restart", kRestarts[static_cast<std::size_t>(life_.restart)]},
                  {"on_demand", life_.start == StartMode::on_demand},
                  {"ready_timeout", format_duration(life_.ready_timeout)},
                  {"idle_timeout", life_.idle_timeout ? Json(format_duration(*life_.idle_timeout)) : Json()},
                  {"insecurely_no_auth", no_auth_ == Switch::on}};
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<LiveSettings::Change> LiveSettings::read(std::string_view body) {
  SALLYPORT_TRY(fields, JsonFields::parse(body));
  Change change;
  if (const auto restart = fields.text("restart")) {
    const auto found = std::find(kRestarts.begin(), kRestarts.end(), *restart);
    if (found == kRestarts.end()) fields.complain("restart", "one of no, on-failure, always");
    change.restart = static_cast<RestartPolicy>(found - kRestarts.begin());
  }
  if (const auto on_demand = fields.flag("on_demand"))
    change.start = *on_demand ? StartMode::on_demand : StartMode::at_once;
  change.ready_timeout = fields.duration("ready_timeout");
  if (const auto idle = fields.any("idle_timeout")) {
    const auto parsed = idle->is_string() ? parse_duration(idle->get<std::string>()) : std::nullopt;
    if (!parsed && !idle->is_null()) fields.complain("idle_timeout", "a duration such as \"30m\", or null");
    change.idle_timeout.emplace(parsed);
  }
  change.no_auth = fields.flag("insecurely_no_auth");
  const auto env = fields.any("env");
  if (env && !env->is_array()) fields.complain("env", "a list of {\"name\": ..., \"value\": ...}");
  SALLYPORT_CHECK(fields.done());
  if (!env) return change;
  for (const auto& row : *env) {
    SALLYPORT_TRY(variable, JsonFields::of(row, "env[]"));
    const auto name = variable.text("name");
    const auto value = variable.any("value");
    if (!name || name->empty()) variable.complain("name", "the name of a variable");
    if (value && !value->is_string() && !value->is_null()) variable.complain("value", "a text, or null");
    SALLYPORT_CHECK(variable.done());
    if (!value) continue;
    Change::Value wanted{*name, std::nullopt};
    if (value->is_string()) wanted.text.emplace(value->get_ref<const std::string&>());
    change.variables.push_back(std::move(wanted));
  }
  return change;
}

Status LiveSettings::judge(const Change& change) const {
  if (change.no_auth.value_or(false) && no_auth_ == Switch::off) {
    return fail(Code::invalid_argument,
                "authentication is not switched off while people are inside; restart with "
                "--insecurely-no-auth if that is what you want");
  }
  ChildEnvironment rehearsal;
  for (const auto& [name, text] : change.variables) {
    if (!text) continue;
    SALLYPORT_CHECK(rehearsal.set_by_user(name, SecretText()));
    if (text->expose() == kSettingMask && find(name) == nullptr)
      return fail(Code::invalid_argument,
                  concat("env ", escaped(name, 60), " has no value that the mask could stand for"));
  }
  return ok();
}

void LiveSettings::apply(Change change) {
  if (change.restart) life_.restart = *change.restart;
  if (change.start) life_.start = *change.start;
  if (change.ready_timeout) life_.ready_timeout = *change.ready_timeout;
  if (change.idle_timeout) life_.idle_timeout = *change.idle_timeout;
  if (change.no_auth && !*change.no_auth) no_auth_ = Switch::off;
  for (auto& [name, text] : change.variables) {
    if (text && text->expose() == kSettingMask) continue;
    std::erase_if(variables_, [&name = name](const Variable& one) { return one.name == name; });
    if (text) variables_.push_back(Variable{name, std::move(*text)});
  }
}

Status LiveSettings::patch(std::string_view body) {
  SALLYPORT_TRY(change, read(body));
  bool closes = false;
  {
    const std::lock_guard lock(mutex_);
    SALLYPORT_CHECK(judge(change));
    closes = no_auth_ == Switch::on && change.no_auth && !*change.no_auth;
    apply(std::move(change));
  }
  if (closes) close_door_();
  return ok();
}

LifeRules LiveSettings::life() const {
  const std::lock_guard lock(mutex_);
  return life_;
}

std::vector<std::string> LiveSettings::environment() const {
  std::vector<std::string> list;
  const std::lock_guard lock(mutex_);
  for (const auto& variable : variables_) list.push_back(concat(variable.name, '=', variable.value.expose()));
  return list;
}

}  // namespace sallyport
