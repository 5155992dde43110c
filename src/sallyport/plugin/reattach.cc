// SPDX-License-Identifier: Apache-2.0
#include "sallyport/plugin/reattach.h"

#include <nlohmann/json.hpp>

#include "sallyport/base/text.h"
#include "sallyport/plugin/handshake.h"

namespace sallyport {
namespace {

using Json = nlohmann::ordered_json;

Error malformed(std::string_view what) {
  return fail(Code::invalid_argument, concat("the reattach data are malformed: ", what));
}

const Json* member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

template <class Number>
bool read_number(const Json* value, Number& into) {
  if (value == nullptr || !value->is_number_unsigned()) return false;
  const auto number = value->get<std::uint64_t>();
  if (number > INT32_MAX) return false;
  into = static_cast<Number>(number);
  return true;
}

bool read_text(const Json* value, std::string& into) {
  if (value == nullptr || !value->is_string()) return false;
  into = value->get<std::string>();
  return true;
}

Result<PluginReattach> from_json(const Json& object) {
  if (!object.is_object()) return malformed("not an object");
  std::string protocol = "netrpc";  // go-plugin's default
  read_text(member(object, "Protocol"), protocol);
  if (protocol != "grpc")
    return malformed(concat("protocol `", escaped(protocol, 20), "`; only grpc can be spoken"));
  PluginReattach made;
  // Terraform's older form has no version: it is 5.
  if (member(object, "ProtocolVersion") == nullptr) {
    made.app_version = 5;
  } else if (!read_number(member(object, "ProtocolVersion"), made.app_version)) {
    return malformed("ProtocolVersion is no number");
  }
  if (!read_number(member(object, "Pid"), made.pid) || made.pid <= 0) return malformed("Pid is no process");
  if (const Json* test = member(object, "Test")) {
    if (!test->is_boolean()) return malformed("Test is no boolean");
    made.test = test->get<bool>() ? PluginReattach::Test::yes : PluginReattach::Test::no;
  }
  const Json* address = member(object, "Addr");
  std::string network;
  std::string text;
  if (address == nullptr || !address->is_object() || !read_text(member(*address, "Network"), network) ||
      !read_text(member(*address, "String"), text) || text.find('|') != std::string::npos)
    return malformed("Addr has no Network and String");
  // An address is judged as in a handshake line.
  SALLYPORT_TRY(line, PluginHandshake::parse(concat("1|1|", escaped(network, 20), '|', text, "|grpc|")));
  made.address = std::move(line.address);
  return made;
}

Json to_json(const PluginReattach& one) {
  return Json{{"Protocol", "grpc"},
              {"ProtocolVersion", one.app_version},
              {"Pid", one.pid},
              {"Test", one.test == PluginReattach::Test::yes},
              {"Addr",
               {{"Network", one.address.is_unix() ? "unix" : "tcp"},
                {"String", one.address.is_unix() ? one.address.path : one.address.str()}}}};
}

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

Result<PluginReattach> PluginReattach::parse(std::string_view json) {
  if (json.size() > kReattachBytesMax) return malformed("too long");
  return from_json(Json::parse(json, nullptr, false));
}

std::string PluginReattach::json() const { return text_of(to_json(*this)); }

Result<std::map<std::string, PluginReattach>> reattach_providers_from(std::string_view json) {
  if (json.size() > kReattachBytesMax) return malformed("too long");
  const auto object = Json::parse(json, nullptr, false);
  if (!object.is_object()) return malformed("not an object from names to where they run");
  std::map<std::string, PluginReattach> made;
  for (const auto& [name, value] : object.items()) {
    auto one = from_json(value);
    if (!one) return fail(one.error().code, concat(escaped(name, 80), ": ", one.error().what));
    made.emplace(name, *std::move(one));
  }
  return made;
}

std::string reattach_providers_text(const std::map<std::string, PluginReattach>& providers) {
  auto object = Json::object();
  for (const auto& [name, one] : providers) object[name] = to_json(one);
  return text_of(object);
}

}  // namespace sallyport
