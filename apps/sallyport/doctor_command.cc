// SPDX-License-Identifier: Apache-2.0
// `sallyport doctor`: every check of the doctor module, and what a running gateway says of itself.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "admin_client.h"
#include "commands.h"
#include "sallyport/base/text.h"
#include "sallyport/doctor/doctor.h"
#include "sallyport/env/posix/system.h"

namespace sallyport {
namespace {

using Json = nlohmann::ordered_json;
using enum Finding::Severity;

constexpr int kExitWarnings = 1;
constexpr int kExitFailures = 3;

/// core_limit_of_parent reads what the tools of who started us may dump: this process has forbidden itself
/// to.
std::uint64_t core_limit_of_parent() {
  std::ifstream limits(concat("/proc/", ::getppid(), "/limits"));
  constexpr std::string_view kName = "Max core file size";
  for (std::string line; std::getline(limits, line);) {
    if (!line.starts_with(kName)) continue;
    const auto value = trimmed(std::string_view(line).substr(kName.size()));
    return parse_decimal<std::uint64_t>(value.substr(0, value.find(' '))).value_or(UINT64_MAX);
  }
  return 0;
}

void take(std::vector<Finding>& all, std::vector<Finding> more) {
  std::ranges::move(more, std::back_inserter(all));
}

void examine_session(const Json& session, std::vector<Finding>& found) {
  const auto text = [&session](const char* name) {
    const auto at = session.find(name);
    return at != session.end() && at->is_string() ? at->get<std::string>() : std::string();
  };
  const std::string id = escaped(text("id"));
  if (text("inner_door") == "open") {
    found.push_back({warning, "upstream.unauthenticated",
                     concat("the tool of session ", id, " answers without its credential"),
                     "other users of this machine can go around the gate: use a preset, or a {socket}"});
  }
  if (session.contains("env_exposed") && session["env_exposed"] == true) {
    found.push_back({warning, "upstream.env-exposed",
                     concat("session ", id, " hands its credential over by environment"),
                     "processes of this user can read it; the tool takes it in no other way"});
  }
}

/// examine_gateway asks the gateway of the state directory, where one runs.
std::vector<Finding> examine_gateway(const std::string& state_dir) {
  std::vector<Finding> found;
  const std::string socket = find_admin_socket(state_dir, "");
  std::error_code error;
  if (!std::filesystem::exists(socket, error)) return found;
  const auto health = admin_call(socket, "GET", "/health", "");
  if (!health) {
    found.push_back({warning, "gateway.silent", health.error().what,
                     "a gateway died here without cleaning up, or hangs: start it anew"});
    return found;
  }
  const auto report = Json::parse(health->body, nullptr, false);
  if (health->status != 200 || !report.is_object()) {
    found.push_back({failure, "gateway.health", concat("it answers /health with status ", health->status),
                     "run doctor as the user who runs the gateway"});
    return found;
  }
  if (report.contains("status") && report["status"] != "ok") {
    found.push_back({failure, "gateway.health", concat("it says: ", report.dump().substr(0, 600)),
                     "look at what is not ok in it"});
  }
  if (const auto sessions = admin_call(socket, "GET", "/sessions", "")) {
    const auto list = Json::parse(sessions->body, nullptr, false);
    if (list.is_object() && list.contains("sessions") && list["sessions"].is_array()) {
      for (const auto& session : list["sessions"]) {
        if (session.is_object()) examine_session(session, found);
      }
    }
  }
  return found;
}

void print(const std::vector<Finding>& found, Output output) {
  if (output == Output::json) {
    Json rows = Json::array();
    for (const auto& one : found) {
      rows.push_back({{"id", one.id},
                      {"severity", name_of(one.severity)},
                      {"evidence", one.evidence},
                      {"remedy", one.remedy}});
    }
    std::cout << rows.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
    return;
  }
  for (const auto& one : found) {
    std::cout << (one.severity == failure ? "FAIL  " : "warn  ") << one.id << ": " << one.evidence
              << "\n      remedy: " << one.remedy << '\n';
  }
  if (found.empty()) std::cout << "nothing found\n";
}

}  // namespace

int command_doctor(const DoctorCall& call, Output output, const Environment& environment) {
  auto arguments = call.settings;
  if (!call.state_dir.empty()) arguments.flags.push_back(NamedValue{"state-dir", call.state_dir});
  auto loaded = read_settings(arguments, environment);
  if (!loaded) return complain(loaded.error());
  const SystemClock clock;
  SystemFiles files;
  std::vector<std::string> set;
  for (auto& name : environment.names("")) {
    if (const auto value = environment.get(name); value && !value->empty()) set.push_back(std::move(name));
  }
  const auto machine = look_at_machine(core_limit_of_parent(), clock.now(), set);
  const auto& settings = loaded->settings;
  std::vector<Finding> found = examine_machine(machine);
  take(found, examine_settings(*loaded));
  take(found, examine_state(settings.state_dir, machine));
  take(found, examine_store(settings.state_dir));
  take(found, examine_certificates(settings.state_dir, settings, files, machine.now));
  take(found, examine_audit(settings.state_dir, settings, files));
  take(found, examine_gateway(settings.state_dir));
  std::ranges::stable_sort(found, std::greater{}, &Finding::severity);
  print(found, output);
  if (found.empty()) return kExitDone;
  return found.front().severity == failure ? kExitFailures : kExitWarnings;
}

}  // namespace sallyport
