// SPDX-License-Identifier: Apache-2.0
// `sallyport user logout`: asks a running gateway over its admin socket.
#include <iostream>
#include <nlohmann/json.hpp>

#include "admin_client.h"
#include "commands.h"

namespace sallyport {

int command_user_logout(const LogoutCall& call, Output output, const Environment& environment) {
  using Json = nlohmann::ordered_json;
  Json wish = {{"user", call.name}};
  if (call.tokens == LogoutCall::Tokens::revoke) wish["tokens"] = true;
  const AdminRequest request{"POST", "/logins/end",
                             wish.dump(-1, ' ', false, Json::error_handler_t::replace)};
  const auto body = admin_ask(call.state_dir, environment, call.session, request);
  if (!body) return complain(body.error());
  if (output == Output::json) {
    std::cout << *body << '\n';
    return kExitDone;
  }
  const auto told = Json::parse(*body, nullptr, false);
  const auto count = [&told](const char* name) { return told.is_object() ? told.value(name, 0) : 0; };
  std::cout << "ended: " << count("logins") << " logins, " << count("tokens") << " access tokens\n";
  return kExitDone;
}

}  // namespace sallyport
