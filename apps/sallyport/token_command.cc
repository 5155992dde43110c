// SPDX-License-Identifier: Apache-2.0
// `sallyport token ...`: asks a running gateway over its admin socket.
#include <iostream>
#include <nlohmann/json.hpp>

#include "admin_client.h"
#include "commands.h"
#include "sallyport/base/text.h"
#include "sallyport/config/values.h"

namespace sallyport {
namespace {

using Json = nlohmann::ordered_json;
using Verb = TokenCall::Verb;

Result<AdminRequest> request_for(const TokenCall& call) {
  if (call.verb == Verb::list) return AdminRequest{"GET", "/tokens", ""};
  if (call.verb == Verb::revoke) {
    const bool plain = call.id.find_first_not_of("0123456789abcdef") == std::string::npos && !call.id.empty();
    if (!plain) {
      return fail(Code::not_found,
                  concat("\"", escaped(call.id), "\" is no token's id; see: sallyport token list"));
    }
    return AdminRequest{"DELETE", concat("/tokens/", call.id), ""};
  }
  if (!call.ttl.empty() && !parse_duration(call.ttl))
    return fail(Code::invalid_argument, "--ttl takes a duration with its unit, such as 30d");
  Json body = Json::object();
  if (!call.owner.empty()) body["owner"] = call.owner;
  if (!call.label.empty()) body["label"] = call.label;
  if (!call.session.empty()) body["session"] = call.session;
  if (!call.ttl.empty()) body["ttl"] = call.ttl;
  if (!call.roles.empty()) body["roles"] = call.roles;
  return AdminRequest{"POST", "/tokens", body.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

void print(const TokenCall& call, const std::string& body) {
  const auto answer = Json::parse(body, nullptr, false);
  if (!answer.is_object()) return;
  if (call.verb == Verb::create) {
    std::cout << "id\t" << answer.value("id", "") << "\ntoken\t" << answer.value("token", "") << '\n';
    return;
  }
  for (const auto& row : answer.value("tokens", Json::array())) {
    const bool ends = row.contains("expires") && row["expires"].is_string();
    std::cout << row.value("id", "") << '\t' << row.value("owner", "") << '\t'
              << (ends ? row["expires"].get<std::string>() : "never") << '\t' << row.value("label", "")
              << '\n';
  }
}

}  // namespace

int command_token(const TokenCall& call, Output output, const Environment& environment) {
  auto request = request_for(call);
  if (!request) return complain(request.error());
  const auto body = admin_ask(call.state_dir, environment, {}, *request);
  if (!body) return complain(body.error());
  if (output == Output::json) {
    std::cout << (body->empty() ? "{}" : *body) << '\n';
  } else {
    print(call, *body);
  }
  return kExitDone;
}

}  // namespace sallyport
