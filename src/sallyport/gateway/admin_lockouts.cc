// SPDX-License-Identifier: Apache-2.0
#include "sallyport/gateway/admin_lockouts.h"

#include <nlohmann/json.hpp>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

using Json = nlohmann::ordered_json;

Error expected() {
  return fail(Code::invalid_argument,
              "say whom to let off: {\"network\": \"192.0.2.1\"}, {\"principal\": \"alice\"}, both, or "
              "{\"all\": true}");
}

}  // namespace

Response lockouts_answer(const Lockout* lockout, MonotonicTime now) {
  Json all = Json::array();
  if (lockout != nullptr) {
    for (const LockedOut& one : lockout->list(now)) {
      all.push_back({{"lane", name_of(one.lane)},
                     {"network", one.network},
                     {"principal", one.principal},
                     {"failures", one.failures},
                     {"wait_s", std::chrono::ceil<std::chrono::seconds>(one.wait_left).count()}});
    }
  }
  const Json body{{"lockouts", std::move(all)}};
  Response response(200, "application/json", body.dump(-1, ' ', false, Json::error_handler_t::replace));
  response.add("Cache-Control", "no-store");
  return response;
}

Result<LockoutRelease> LockoutRelease::parse(std::string_view json) {
  const auto wish = Json::parse(json, nullptr, false);
  if (!wish.is_object() || wish.empty()) return expected();
  LockoutRelease release;
  bool all = false;
  for (const auto& [key, value] : wish.items()) {
    if (key == "all" && value.is_boolean() && value.get<bool>()) {
      all = true;
    } else if (key == "principal" && value.is_string() && !value.get<std::string>().empty()) {
      release.principal = value.get<std::string>();
    } else if (key == "network" && value.is_string()) {
      release.network = NetworkKey::parse(value.get<std::string>());
      if (!release.network) return expected();
    } else {
      return expected();
    }
  }
  const bool some = release.network || !release.principal.empty();
  if (all == some) return expected();
  return release;
}

std::string LockoutRelease::str() const {
  if (!network && principal.empty()) return "all";
  return concat(network ? network->str() : "any network", principal.empty() ? "" : ", ", principal);
}

}  // namespace sallyport
