// SPDX-License-Identifier: Apache-2.0
// `sallyport lockout list|release`: who has to wait after wrong credentials, and letting him off.
#include <iostream>
#include <nlohmann/json.hpp>

#include "admin_client.h"
#include "commands.h"
#include "sallyport/base/text.h"
#include "sallyport/policy/network_key.h"

namespace sallyport {
namespace {

using Json = nlohmann::ordered_json;

Result<std::string> release_body(const LockoutCall& call) {
  const bool some = !call.network.empty() || !call.user.empty();
  if (some == (call.everybody == LockoutCall::Everybody::yes)) {
    return fail(Code::invalid_argument,
                "say whom to let off: --network ADDRESS, --user NAME, both together, or --all");
  }
  if (!call.network.empty() && !NetworkKey::parse(call.network)) {
    return fail(Code::invalid_argument,
                concat("--network takes an address such as 192.0.2.1, or uid:1000, not \"",
                       escaped(call.network), '"'));
  }
  Json body = Json::object();
  if (!call.network.empty()) body["network"] = call.network;
  if (!call.user.empty()) body["principal"] = call.user;
  if (!some) body["all"] = true;
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void print_lockouts(const Json& answer) {
  const auto all = answer.value("lockouts", Json::array());
  if (all.empty()) std::cerr << "nobody is locked out\n";
  for (const auto& one : all) {
    std::cout << one.value("network", "") << '\t' << one.value("lane", "") << '\t'
              << escaped(one.value("principal", "")) << '\t' << one.value("failures", 0) << " failures\t"
              << one.value("wait_s", 0) << " s left\n";
  }
}

}  // namespace

int command_lockout(const LockoutCall& call, Output output, const Environment& environment) {
  const bool lists = call.verb == LockoutCall::Verb::list;
  std::string body;
  if (!lists) {
    auto made = release_body(call);
    if (!made) return complain(made.error());
    body = *std::move(made);
  }
  std::string directory = call.state_dir;
  if (directory.empty()) {
    auto found = state_directory(environment);
    if (!found) return complain(found.error());
    directory = *found;
  }
  const auto answer = admin_call(find_admin_socket(directory, call.session), lists ? "GET" : "POST",
                                 lists ? "/lockouts" : "/lockouts/release", body);
  if (!answer) return complain(answer.error());
  if (answer->status == 401 || answer->status == 403)
    return complain(fail(Code::permission_denied, "the gateway refused; it answers its own user only"));
  const auto told = Json::parse(answer->body, nullptr, false);
  if (answer->status != 200 || !told.is_object())
    return complain(fail(Code::unavailable, "the gateway gave no list of lock-outs"));
  if (output == Output::json) {
    std::cout << answer->body << '\n';
  } else if (lists) {
    print_lockouts(told);
  } else {
    std::cout << "let off: " << told.value("released", 0) << '\n';
  }
  return kExitDone;
}

}  // namespace sallyport
