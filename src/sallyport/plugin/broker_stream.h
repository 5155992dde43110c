// SPDX-License-Identifier: Apache-2.0
// The stream plugin.GRPCBroker/StartStream, by which a broker's messages travel: a plugin serves it, its host
// calls it.
#pragma once

#include <memory>

#include "sallyport/plugin/broker.h"
#include "sallyport/rpc/channel.h"
#include "sallyport/rpc/server.h"

namespace sallyport {

/// add_broker adds the service to a plugin's server; one host at a time. `broker` outlives the server.
void add_broker(RpcServer& server, PluginBroker& broker);

/// open_broker_stream calls the plugin's. It is there until the stream that is returned, the broker or the
/// connection ends. A plugin without a broker answers `unimplemented`: dial() and serve() then give
/// unavailable. `broker` lives on `loop`, the channel's.
std::shared_ptr<RpcStream> open_broker_stream(RpcChannel& channel, const std::shared_ptr<SharedLoop>& loop,
                                              const std::shared_ptr<PluginBroker>& broker);

}  // namespace sallyport
