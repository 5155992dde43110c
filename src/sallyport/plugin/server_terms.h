// SPDX-License-Identifier: Apache-2.0
// PluginTerms: what a host asks of the plugin that it starts, by variables of the environment.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/credential/variables.h"
#include "sallyport/pki/certificate.h"
#include "sallyport/plugin/handshake.h"

namespace sallyport {

enum class PluginTransport : std::uint8_t { unix_socket, tcp };

/// PluginTerms is the environment, read. A value.
struct PluginTerms {
  std::uint32_t app_version = 1;
  PluginTransport transport = PluginTransport::unix_socket;
  std::string socket_directory;                 ///< empty: the plugin's own choice
  std::string socket_group;                     ///< a name or a number; empty: nobody but us
  std::uint16_t port_min = 0;                   ///< 0, and port_max 0: any
  std::uint16_t port_max = 0;                   ///< inclusive
  std::optional<Certificate> host_certificate;  ///< AutoMTLS: the one that is trusted
  PluginHandshake::Multiplex multiplex =
      PluginHandshake::Multiplex::unsaid;  ///< unsaid: do not answer either
  std::vector<std::string> notes;          ///< what was passed over, for the log
};

/// read_plugin_terms reads what go-plugin, pyvider-rpcplugin and the rpcplugin specification set:
/// PLUGIN_PROTOCOL_VERSIONS, PLUGIN_MIN_PORT, PLUGIN_MAX_PORT, PLUGIN_UNIX_SOCKET_DIR,
/// PLUGIN_UNIX_SOCKET_GROUP, PLUGIN_CLIENT_CERT, PLUGIN_MULTIPLEX_GRPC, PLUGIN_TRANSPORTS. An empty variable
/// is one that is not set. `own_versions` is not empty. Error: invalid_argument, which names the variable and
/// says what belongs there.
Result<PluginTerms> read_plugin_terms(const VariableLookup& variables,
                                      std::span<const std::uint32_t> own_versions);

}  // namespace sallyport
