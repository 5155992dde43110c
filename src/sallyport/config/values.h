// SPDX-License-Identifier: Apache-2.0
// Values of settings: durations, sizes, addresses, URLs and references to secrets, each parsed once from its
// text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sallyport/base/address.h"
#include "sallyport/base/result.h"
#include "sallyport/base/time.h"

namespace sallyport {

/// parse_duration takes a decimal number and a unit, "1500ms", "30s", "5m", "24h", "30d", or several with
/// falling units, "1h30m". At most kDurationMax; a bare number is refused, since its unit would be a guess.
/// nullopt otherwise.
std::optional<Duration> parse_duration(std::string_view text) noexcept;
inline constexpr Duration kDurationMax = std::chrono::hours(24 * 3650);
/// format_duration writes the shortest text that parse_duration reads back.
std::string format_duration(Duration duration);

/// ByteCount is a size with its unit in its type.
enum class ByteCount : std::uint64_t {};
/// parse_size takes bytes: "4096", "64k", "10m", "2g" (powers of 1024; "KiB", "MiB", "GiB" as well). nullopt
/// otherwise.
std::optional<ByteCount> parse_size(std::string_view text) noexcept;

/// ListenAddress is where to listen: an address to bind, or a descriptor that is listening already.
struct ListenAddress {
  SocketAddress address;
  int descriptor = -1;  ///< >= 0: "fd:N", and `address` says nothing

  /// parse takes "HOST:PORT", "[V6]:PORT", "unix:PATH" with an absolute or relative path, and "fd:N" with N
  /// >= 3.
  static std::optional<ListenAddress> parse(std::string_view text);
  [[nodiscard]] bool is_inherited() const noexcept { return descriptor >= 0; }
  [[nodiscard]] std::string str() const;
  friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

/// PublicUrl is a name under which people reach a listener: scheme, host and port; no path, query or user.
struct PublicUrl {
  enum class Scheme : std::uint8_t { http, https } scheme = Scheme::https;
  std::string host;  ///< lower case, a name or an address; v6 in brackets
  std::uint16_t port = 443;

  /// parse takes "https://host[:port][/]". nullopt otherwise.
  static std::optional<PublicUrl> parse(std::string_view text);
  [[nodiscard]] std::string origin() const;  ///< as a browser writes it: the scheme's own port is left out
  [[nodiscard]] std::string authority() const;
  friend bool operator==(const PublicUrl&, const PublicUrl&) = default;
};

/// ClientUser says whose certificate is which user's: a name as it must stand in the certificate, exactly.
struct ClientUser {
  std::string name;  ///< "uri:URI", "dns:NAME" or "cn:NAME"
  std::string user;

  /// parse takes "NAME=USER", parted at the last '='. nullopt otherwise.
  static std::optional<ClientUser> parse(std::string_view text);
  friend bool operator==(const ClientUser&, const ClientUser&) = default;
};

/// TailnetUser says who of the tailnet may sign in, and as whom.
struct TailnetUser {
  std::string login;  ///< as Tailscale calls them, exactly: "alice@example.com"
  std::string user;

  /// parse takes "LOGIN=USER", parted at the last '=', or "LOGIN" alone, which is then the user's name too.
  /// nullopt otherwise.
  static std::optional<TailnetUser> parse(std::string_view text);
  friend bool operator==(const TailnetUser&, const TailnetUser&) = default;
};

/// SecretRef says where a secret is, so that the secret itself need not stand in a setting.
struct SecretRef {
  enum class Kind : std::uint8_t {
    none,
    file,
    environment,
    descriptor,
    credential,  ///< of the service manager: a file in $CREDENTIALS_DIRECTORY
    command,     ///< a helper program's standard output
    vault,       ///< a field of a KV version 2 secret
    inline_text,
  } kind = Kind::none;
  std::string where;  ///< path, name, command line or "MOUNT/PATH"
  std::string field;  ///< vault only
  int descriptor = -1;

  /// parse takes "file:PATH", "env:NAME", "fd:N", "cred:NAME", "exec:/PROGRAM [WORD…]" (words are parted by
  /// blanks; there is no shell and no quoting) and "vault:MOUNT/PATH#FIELD". Text without such a prefix is a
  /// secret in the open: inline_text, whose `where` stays empty; whether that is allowed is up to the source
  /// it came from.
  static std::optional<SecretRef> parse(std::string_view text);
  /// str names the place, never a secret.
  [[nodiscard]] std::string str() const;
};

}  // namespace sallyport
