// SPDX-License-Identifier: Apache-2.0
// SharedConnection: the one connection of a host that asked for multiplexing.
#pragma once

#include <functional>
#include <memory>

#include "sallyport/plugin/broker.h"
#include "sallyport/plugin/yamux.h"

namespace sallyport {

/// SharedConnection is an end of it, host's or plugin's. On its loop.
class SharedConnection final : public BrokerShare {
 public:
  SharedConnection() = default;
  /// begin takes the connection over. `on_stream` gets the streams that the other side opens; `on_end` is
  /// called when the connection has ended, whoever ended it. Once; both outlive the session or close().
  void begin(Loop& loop, std::unique_ptr<Stream> carrier, YamuxRole role, YamuxSession::OnStream on_stream,
             std::function<void(YamuxEnding)> on_end);
  [[nodiscard]] bool begun() const noexcept { return session_ != nullptr; }
  /// open: unavailable before begin() too.
  Result<std::unique_ptr<Stream>> open() override;
  void close();

 private:
  static Task<void> run(std::shared_ptr<YamuxSession> session, std::function<void(YamuxEnding)> on_end);
  std::shared_ptr<YamuxSession> session_;
};

}  // namespace sallyport
