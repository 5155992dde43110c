// SPDX-License-Identifier: Apache-2.0
// ConnInfo: the one message of plugin.GRPCBroker, by which host and plugin tell each other where a numbered
// service is to be had.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sallyport/base/address.h"
#include "sallyport/base/result.h"

namespace sallyport {

inline constexpr std::size_t kConnInfoBytesMax = 4096;

/// ConnInfo is a value. Without a knock it says where service `id` listens; with one, it asks for a stream of
/// the connection that both ends share, or answers that.
struct ConnInfo {
  struct Knock {
    bool knock = false;
    bool ack = false;
    std::string error;  ///< in an answer: why not
  };
  std::uint32_t id = 0;
  std::string network;
  std::string address;
  std::optional<Knock> knock;

  /// parse takes a message that nobody vouches for; unknown fields are passed over. Error: invalid_argument.
  static Result<ConnInfo> parse(std::string_view message);
  [[nodiscard]] std::string message() const;
  /// where reads network and address: a path, or a port of this machine's loopback. Error: invalid_argument.
  [[nodiscard]] Result<SocketAddress> where() const;
};

}  // namespace sallyport
