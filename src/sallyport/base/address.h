// SPDX-License-Identifier: Apache-2.0
// IP addresses, sockets' addresses and networks as values. Text forms are parsed strictly, once; an
// IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) becomes the IPv4 address that it stands for.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sallyport {

/// IpAddress is a v4 or v6 address, without zone. A value.
class IpAddress {
 public:
  /// The unspecified v4 address, 0.0.0.0.
  IpAddress() = default;
  static IpAddress v4(std::array<std::uint8_t, 4> bytes) noexcept;
  /// v6 unwraps a mapped address to v4.
  static IpAddress v6(const std::array<std::uint8_t, 16>& bytes) noexcept;
  /// parse takes "192.0.2.1" or "2001:db8::1": no zone, no brackets, no leading zeros in v4; nullopt
  /// otherwise.
  static std::optional<IpAddress> parse(std::string_view text);

  [[nodiscard]] bool is_v4() const noexcept { return v4_; }
  [[nodiscard]] bool is_loopback() const noexcept;
  [[nodiscard]] bool is_unspecified() const noexcept;
  /// bytes: network order; 4 significant for v4, 16 for v6.
  [[nodiscard]] const std::array<std::uint8_t, 16>& bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::string str() const;
  friend bool operator==(const IpAddress&, const IpAddress&) = default;
  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
  bool v4_ = true;
};

/// SocketAddress is an address and port, or a Unix socket's path (empty: unnamed). A value.
struct SocketAddress {
  enum class Family : std::uint8_t { ip, unix_socket };
  Family family = Family::ip;
  IpAddress ip;
  std::uint16_t port = 0;
  std::string path;

  static SocketAddress tcp(IpAddress ip, std::uint16_t port) { return {Family::ip, ip, port, {}}; }
  static SocketAddress unix_path(std::string path) { return {Family::unix_socket, {}, 0, std::move(path)}; }
  /// parse takes "HOST:PORT" with a literal address or localhost (127.0.0.1), "[V6]:PORT", ":PORT" (any v4
  /// address) and "unix:PATH" (at most 107 bytes).
  static std::optional<SocketAddress> parse(std::string_view text);
  [[nodiscard]] bool is_unix() const noexcept { return family == Family::unix_socket; }
  [[nodiscard]] std::string str() const;
  friend bool operator==(const SocketAddress&, const SocketAddress&) = default;
};

/// Cidr is a network: "10.0.0.0/8", "2001:db8::/32", or one address. A v4 network never holds a v6 address.
class Cidr {
 public:
  /// parse refuses host bits beyond the prefix ("10.0.0.1/8"), which are a typing mistake more often than
  /// not.
  static std::optional<Cidr> parse(std::string_view text);
  [[nodiscard]] bool contains(const IpAddress& ip) const noexcept;
  [[nodiscard]] std::string str() const;

 private:
  IpAddress network_;
  std::uint8_t prefix_bits_ = 0;
};

}  // namespace sallyport
