// SPDX-License-Identifier: Apache-2.0
#include "sallyport/plugin/launch.h"

#include <algorithm>
#include <array>

#include "sallyport/base/text.h"
#include "sallyport/launch/command.h"
#include "sallyport/launch/handover.h"

namespace sallyport {
namespace {

constexpr std::array<std::string_view, 8> kProtocolVariables = {
    kPluginVersionsVariable,    kPluginMinPortVariable,   kPluginMaxPortVariable,
    kPluginClientCertVariable,  kPluginMultiplexVariable, kPluginSocketDirVariable,
    kPluginSocketGroupVariable, kPluginTransportsVariable};
constexpr std::array<std::string_view, 5> kMeaningful = {"PATH", "HOME", "IFS", "ENV", "BASH_ENV"};

bool has(std::span<const std::string_view> list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

/// is_protocol_variable: what a plugin would take for the host's word.
bool is_protocol_variable(std::string_view name) { return has(kProtocolVariables, name); }

bool may_be_a_key(std::string_view name) {
  return is_variable_name(name) && !is_protocol_variable(name) && !has(kMeaningful, name) &&
         !name.starts_with("LD_") && !name.starts_with("SALLYPORT_");
}

bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

}  // namespace

Result<PluginCookie> PluginCookie::agreed(std::string_view key, SecretText value) {
  if (!may_be_a_key(key)) {
    return fail(
        Code::invalid_argument,
        concat("`", escaped(key, 60),
               "` cannot be a magic cookie's key: it names the variable that the plugin looks for, in "
               "letters, digits and '_', and none that means something else"));
  }
  const auto text = value.expose();
  if (text.empty() || text.size() > kCookieTextMax || std::any_of(text.begin(), text.end(), is_control)) {
    return cookie_error(CookieFault::malformed,
                        "the value that a plugin was built with has 1 to 2048 printable bytes");
  }
  return PluginCookie(Way::environment, std::string(key), std::move(value));
}

PluginCookie PluginCookie::secret(const MagicCookie& cookie) {
  return PluginCookie(Way::descriptor, {}, cookie.text().duplicate());
}

Status check_launch(const PluginLaunch& launch) {
  const auto wrong = [](std::string_view what) { return fail(Code::invalid_argument, what); };
  if (launch.command.empty() || launch.command.front().empty()) return wrong("name the plugin to start");
  if (launch.versions.empty() || launch.versions.size() > kPluginVersionsMax)
    return wrong("a host offers 1 to 64 versions of its protocol");
  if (launch.port_min > launch.port_max) return wrong("the plugin's lowest port is above its highest");
  if (launch.start_timeout <= Duration{}) return wrong("a plugin needs some time to start");
  if (!launch.socket_parent.starts_with('/')) return wrong("the directory for sockets must be absolute");
  for (const auto& one : launch.set) {
    if (is_protocol_variable(one.name)) {
      return wrong(concat(one.name, " is the protocol's own; the host sets it from its options"));
    }
  }
  return ok();
}

std::string plugin_name(const PluginLaunch& launch) {
  if (!launch.name.empty()) return launch.name;
  if (launch.command.empty()) return "plugin";
  const std::string_view program = launch.command.front();
  return std::string(program.substr(program.rfind('/') + 1));
}

Result<ChildEnvironment> plugin_environment(const PluginLaunch& launch, const std::string& socket_directory,
                                            std::string_view client_certificate) {
  auto made = ChildEnvironment::inherited(launch.host_environment);
  for (const auto& name : launch.pass) {
    if (!is_protocol_variable(name)) SALLYPORT_CHECK(made.pass(name, launch.host_environment));
  }
  for (const auto& one : launch.set) SALLYPORT_CHECK(made.set_by_user(one.name, one.value.duplicate()));
  const auto set = [&](std::string_view name, std::string_view value) { made.set(name, SecretText(value)); };
  set(kPluginVersionsVariable, plugin_versions_text(launch.versions));
  set(kPluginMinPortVariable, concat(launch.port_min));
  set(kPluginMaxPortVariable, concat(launch.port_max));
  set(kPluginSocketDirVariable, socket_directory);
  if (!client_certificate.empty()) set(kPluginClientCertVariable, client_certificate);
  if (launch.cookie.way() == PluginCookie::Way::environment) {
    made.set(launch.cookie.key(), launch.cookie.value().duplicate());
  } else {
    set("SALLYPORT_CREDENTIAL_FD", concat(kCredentialDescriptor));
  }
  return made;
}

}  // namespace sallyport
