// SPDX-License-Identifier: Apache-2.0
// NetworkKey: whom limits and lock-outs take for one client.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sallyport/base/address.h"
#include "sallyport/identity/facts.h"

namespace sallyport {

/// NetworkKey is a v4 address, the /64 of a v6 address (one customer has them all), or the uid of a Unix
/// peer. A value.
struct NetworkKey {
  enum class Kind : std::uint8_t { v4, v6, local_uid };
  Kind kind = Kind::v4;
  std::array<std::uint8_t, 8> bytes{};

  static NetworkKey of(const IpAddress& client) noexcept;
  static NetworkKey of_local(std::uint32_t uid) noexcept;
  /// of(facts, client): the client that the gate found, or the uid of a Unix peer.
  static NetworkKey of(const ConnectionFacts& facts, const IpAddress& client) noexcept;
  /// parse takes an address ("192.0.2.1", "2001:db8::1"), a v6 network as str() writes it, or "uid:1000".
  static std::optional<NetworkKey> parse(std::string_view text);
  [[nodiscard]] std::string str() const;
  friend bool operator==(const NetworkKey&, const NetworkKey&) = default;
};

}  // namespace sallyport
