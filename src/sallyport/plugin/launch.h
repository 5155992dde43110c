// SPDX-License-Identifier: Apache-2.0
// PluginLaunch: how a host starts a plugin, and what the plugin finds in its environment.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/digest.h"
#include "sallyport/base/result.h"
#include "sallyport/base/secret.h"
#include "sallyport/base/time.h"
#include "sallyport/credential/magic_cookie.h"
#include "sallyport/env/clock.h"
#include "sallyport/launch/environment.h"
#include "sallyport/launch/stop.h"
#include "sallyport/plugin/handshake.h"
#include "sallyport/plugin/host_tls.h"

namespace sallyport {

inline constexpr Duration kPluginStartTimeout = std::chrono::seconds(60);
inline constexpr Duration kPluginAskTimeout = std::chrono::seconds(2);

/// PluginCookie is what a plugin is handed, so that it knows that a host started it. A resource.
///
/// In the environment (`agreed`) it is a courtesy: who can read the plugin's environment reads it, and the
/// value is known to whoever has the plugin. A `fresh` one is drawn for each launch and handed over by
/// descriptor, where our own plugins look for it.
class PluginCookie {
 public:
  /// agreed is the static pair that a go-plugin or pyvider plugin was built with. Error: invalid_argument: a
  /// key that is no variable's name or means something else (PATH, LD_*, SALLYPORT_*, go-plugin's own), a
  /// value that is empty, longer than kCookieTextMax or has control characters. The value is not told.
  static Result<PluginCookie> agreed(std::string_view key, SecretText value);
  /// secret is one that a plugin of ours expects. Its format was checked when the MagicCookie was made.
  static PluginCookie secret(const MagicCookie& cookie);
  /// fresh is a secret one that each launch draws anew.
  static PluginCookie fresh() { return PluginCookie(Way::drawn, {}, {}); }

  enum class Way : std::uint8_t { environment, descriptor, drawn };
  [[nodiscard]] Way way() const noexcept { return way_; }
  [[nodiscard]] const std::string& key() const noexcept { return key_; }
  [[nodiscard]] const SecretText& value() const& noexcept { return value_; }

 private:
  PluginCookie(Way way, std::string key, SecretText value)
      : way_(way), key_(std::move(key)), value_(std::move(value)) {}
  Way way_;
  std::string key_;
  SecretText value_;
};

/// PluginLaunch is one plugin to start, as often as it takes. A resource, for its secrets.
struct PluginLaunch {
  std::vector<std::string> command;     ///< argv; the program is looked up in PATH where it has no '/'
  std::string name = {};                ///< for logs; empty: the program's
  std::optional<Digest> checksum = {};  ///< SHA-256 of the program: what was checked is what runs
  PluginCookie cookie = PluginCookie::fresh();
  PluginTls tls = PluginTls::automatic();
  std::vector<std::uint32_t> versions = {1};  ///< of the application's protocol, that we speak

  std::vector<std::string> host_environment =
      {};                              ///< ours, as NAME=VALUE: what may be handed on comes from it
  std::vector<std::string> pass = {};  ///< names handed on besides ChildEnvironment's own list
  std::vector<ChildEnvironment::Variable> set = {};  ///< wins over what is handed on
  std::string directory = {};                        ///< empty: ours

  std::string socket_parent = "/tmp";  ///< where a directory of mode 0700 is made for the plugin's sockets
  std::uint16_t port_min = 10000;      ///< for plugins that listen on TCP
  std::uint16_t port_max = 25000;

  Duration start_timeout = kPluginStartTimeout;
  /// `interrupt` is for the plugin to leave after the Shutdown call; then TERM, then KILL.
  StopWaits stop = {kPluginAskTimeout, std::chrono::seconds(2), std::chrono::seconds(5)};
  std::string shepherd = "/proc/self/exe";  ///< executable whose main() calls run_as_shepherd
};

/// check_launch finds what cannot work before anything is started. Error: invalid_argument.
Status check_launch(const PluginLaunch& launch);
/// plugin_name is how logs call it.
std::string plugin_name(const PluginLaunch& launch);

/// plugin_environment makes the environment of one launch: what may be handed on, what the caller sets, then
/// the protocol's own variables, which nobody overrides. `client_certificate` is PEM, empty without AutoMTLS.
/// Errors as ChildEnvironment's.
Result<ChildEnvironment> plugin_environment(const PluginLaunch& launch, const std::string& socket_directory,
                                            std::string_view client_certificate);

}  // namespace sallyport
