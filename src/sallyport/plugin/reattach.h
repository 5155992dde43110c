// SPDX-License-Identifier: Apache-2.0
// PluginReattach: where a plugin runs that somebody else started, as go-plugin and Terraform write it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "sallyport/base/address.h"
#include "sallyport/base/result.h"

namespace sallyport {

inline constexpr std::string_view kReattachProvidersVariable = "TF_REATTACH_PROVIDERS";
inline constexpr std::size_t kReattachBytesMax = std::size_t{256} * 1024;

/// PluginReattach is a value.
struct PluginReattach {
  std::uint32_t app_version = 1;
  SocketAddress address;
  pid_t pid = 0;
  enum class Test : std::uint8_t { no, yes } test = Test::no;  ///< in test mode the host never ends it

  /// parse reads `{"Protocol":"grpc","ProtocolVersion":6,"Pid":7,"Test":true,"Addr":{"Network":"unix",
  /// "String":"/path"}}`. Error: invalid_argument; also for a protocol that is not grpc, and an address that
  /// is not on this machine.
  static Result<PluginReattach> parse(std::string_view json);
  [[nodiscard]] std::string json() const;
  friend bool operator==(const PluginReattach&, const PluginReattach&) = default;
};

/// reattach_providers_from reads the value of TF_REATTACH_PROVIDERS: an object from name to PluginReattach.
/// Errors as PluginReattach::parse, with the name.
Result<std::map<std::string, PluginReattach>> reattach_providers_from(std::string_view json);
/// reattach_providers_text writes one.
std::string reattach_providers_text(const std::map<std::string, PluginReattach>& providers);

}  // namespace sallyport
