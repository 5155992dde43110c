// SPDX-License-Identifier: Apache-2.0
// Starting a plugin, up to a stream on which gRPC can be spoken.
#pragma once

#include <memory>
#include <optional>

#include "sallyport/base/result.h"
#include "sallyport/net/mutual_tls.h"
#include "sallyport/net/stream.h"
#include "sallyport/plugin/handshake.h"
#include "sallyport/plugin/internal/plugin_process.h"
#include "sallyport/plugin/internal/socket_directory.h"
#include "sallyport/plugin/launch.h"

namespace sallyport {

struct PluginPowers;

/// StartedPlugin is a plugin that runs. `sockets` goes last, after the process.
struct StartedPlugin {
  std::optional<SocketDirectory> sockets;
  std::unique_ptr<PluginProcess> process;
  PluginHandshake handshake;
  std::shared_ptr<const MutualTls> tls;  ///< null: plain
  std::unique_ptr<Stream> stream;        ///< on powers.loop
};

/// start_plugin blocks until the plugin is connected. Errors: those of PluginHost::start.
Result<StartedPlugin> start_plugin(const PluginLaunch& launch, const PluginPowers& powers,
                                   PluginProcessNotices notices);

}  // namespace sallyport
