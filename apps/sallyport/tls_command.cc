// SPDX-License-Identifier: Apache-2.0
// `sallyport tls status`: which certificate the listeners have, from where, and why not from elsewhere.
#include <filesystem>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "admin_client.h"
#include "commands.h"
#include "real_powers.h"
#include "sallyport/base/text.h"
#include "sallyport/env/posix/system.h"
#include "sallyport/gateway/admin_json.h"
#include "sallyport/gateway/guard_plan.h"
#include "sallyport/tls/report.h"

namespace sallyport {
namespace {

using Json = nlohmann::ordered_json;

/// TextOf reads members of foreign JSON without trusting their types.
std::string text_of(const Json& value, const char* name) {
  if (!value.is_object()) return {};
  const auto found = value.find(name);
  if (found == value.end()) return {};
  return found->is_string() ? found->get<std::string>() : found->is_number() ? found->dump() : std::string();
}

/// ask_gateway gives the report of the gateway that runs; nothing where none does.
Result<std::optional<Json>> ask_gateway(const std::string& state_dir, const std::string& session) {
  const std::string socket = find_admin_socket(state_dir, session);
  std::error_code error;
  if (!std::filesystem::exists(socket, error)) return std::optional<Json>();
  const auto answer = admin_call(socket, "GET", "/tls", "");
  // A gateway that was killed leaves its socket behind.
  if (!answer && answer.error().code == Code::unavailable) return std::optional<Json>();
  if (!answer) return answer.error();
  auto told = Json::parse(answer->body, nullptr, false);
  if (answer->status == 401 || answer->status == 403)
    return fail(Code::permission_denied, "the gateway refused; it answers its own user only");
  if (answer->status != 200 || !told.is_object())
    return fail(Code::unavailable, "the gateway said nothing of its certificate");
  told["running"] = true;
  return std::optional<Json>(std::move(told));
}

/// look_myself finds out what a gateway with these settings would serve, without making or fetching anything.
Result<Json> look_myself(const Settings& settings, const Environment& environment) {
  SALLYPORT_TRY(doors, plan_doors(settings));
  const bool wanted = std::ranges::any_of(doors, [](const DoorPlan& door) { return door.tls == Tls::on; });
  TlsReport report;
  report.why = why_no_tls(settings);
  if (wanted) {
    SystemFiles files;
    SystemEntropy entropy;
    const SystemClock clock;
    const SystemMonotonicClock monotonic;
    auto cascade =
        TlsCascade::make(tls_wish(settings, doors, {}), TlsPowers{files, entropy, monotonic, environment});
    const auto now = clock.now();
    report = report_look(cascade.look(now), now);
  }
  auto told = Json::parse(json_tls(report), nullptr, false);
  told["running"] = false;
  return told;
}

void print(const Json& told) {
  const bool running = told.value("running", false);
  std::cout << "source       " << text_of(told, "source")
            << (running ? "" : "  (no gateway runs here: this is what one would take)") << '\n'
            << "why          " << text_of(told, "why") << '\n';
  const Json certificate = told.value("certificate", Json::object());
  if (!certificate.empty()) {
    std::string names;
    for (const auto& name : certificate.value("names", Json::array()))
      names += concat(names.empty() ? "" : ", ", name.is_string() ? name.get<std::string>() : "");
    std::cout << "names        " << names << '\n'
              << "issuer       " << text_of(certificate, "issuer") << '\n'
              << "valid        " << text_of(certificate, "not_before") << " to "
              << text_of(certificate, "not_after") << " (" << text_of(told, "state") << ", "
              << text_of(certificate, "days_left") << " days left)\n"
              << "fingerprint  " << text_of(certificate, "fingerprint_sha256") << "  (SHA-256)\n";
  }
  if (const auto root = text_of(told, "root_file"); !root.empty())
    std::cout << "trust        " << root << "  (what clients must have as an authority)\n";
  for (const auto& passed : told.value("passed_over", Json::array()))
    std::cout << "passed over  " << text_of(passed, "source") << ": " << text_of(passed, "why") << '\n';
  if (const auto fault = text_of(told, "fault"); !fault.empty())
    std::cout << "TROUBLE      " << fault << "; the certificate before serves on\n";
}

int status_of(const Json& told) {
  if (text_of(told, "source") == "none") return kExitFailed;
  const auto state = text_of(told, "state");
  const bool bad = state == "over" || state == "due" || state == "not_yet_valid";
  return bad || !text_of(told, "fault").empty() ? kExitRefused : kExitDone;
}

}  // namespace

int command_tls_status(const TlsStatusCall& call, Output output, const Environment& environment) {
  const auto loaded = load(call.settings, environment);
  if (!loaded) return complain(loaded.error());
  auto asked = ask_gateway(loaded->settings.state_dir, call.session);
  if (!asked) return complain(asked.error());
  auto told = *asked ? Result<Json>(**std::move(asked)) : look_myself(loaded->settings, environment);
  if (!told) return complain(told.error());
  if (output == Output::json) {
    std::cout << told->dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
  } else {
    print(*told);
  }
  return status_of(*told);
}

}  // namespace sallyport
