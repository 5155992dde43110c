// SPDX-License-Identifier: Apache-2.0
// PluginHandshake: the one line by which a plugin tells its host where it listens; and the variables by which
// the host asked for it. As go-plugin does it, core protocol 1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/address.h"
#include "sallyport/base/result.h"
#include "sallyport/pki/certificate.h"

namespace sallyport {

inline constexpr std::uint32_t kPluginCoreVersion = 1;
inline constexpr std::size_t kPluginLineBytesMax = std::size_t{64} * 1024;
inline constexpr std::size_t kPluginVersionsMax = 64;
/// go-plugin takes a sixth field of at most this many characters for no certificate.
inline constexpr std::size_t kPluginNoCertificateMax = 50;

// What a host tells its plugin in the environment, besides the cookie.
inline constexpr std::string_view kPluginVersionsVariable = "PLUGIN_PROTOCOL_VERSIONS";
inline constexpr std::string_view kPluginMinPortVariable = "PLUGIN_MIN_PORT";
inline constexpr std::string_view kPluginMaxPortVariable = "PLUGIN_MAX_PORT";
inline constexpr std::string_view kPluginClientCertVariable = "PLUGIN_CLIENT_CERT";
inline constexpr std::string_view kPluginMultiplexVariable = "PLUGIN_MULTIPLEX_GRPC";
inline constexpr std::string_view kPluginSocketDirVariable = "PLUGIN_UNIX_SOCKET_DIR";
inline constexpr std::string_view kPluginSocketGroupVariable = "PLUGIN_UNIX_SOCKET_GROUP";
inline constexpr std::string_view kPluginTransportsVariable = "PLUGIN_TRANSPORTS";

/// PluginHandshake is what the line says. A value.
///
/// A line is `core|app|network|address|protocol|certificate[|multiplex]`. A plugin writes the seventh field
/// only where the host asked: hosts older than that field would read it as a part of the certificate.
struct PluginHandshake {
  std::uint32_t app_version = 1;
  SocketAddress address;  ///< an absolute path, or a port of this machine's loopback
  enum class Protocol : std::uint8_t { grpc, netrpc } protocol = Protocol::grpc;
  std::optional<Certificate> certificate = {};  ///< of the plugin; only where the host sent its own
  enum class Multiplex : std::uint8_t { unsaid, no, yes } multiplex = Multiplex::unsaid;

  /// parse takes a line, with or without its newline, that nobody vouches for. Strict about what is used, and
  /// it passes over fields behind the seventh. Error: invalid_argument, with what is wrong and what to do.
  static Result<PluginHandshake> parse(std::string_view line);
  /// line writes it, ending in a newline. Six fields, and the seventh unless `multiplex` is unsaid.
  [[nodiscard]] std::string line() const;
};

/// go_bool reads the spellings of a boolean that go-plugin takes: 1 t T TRUE true True 0 f F FALSE false
/// False.
std::optional<bool> go_bool(std::string_view text) noexcept;

/// plugin_versions_text writes a list of versions as PLUGIN_PROTOCOL_VERSIONS wants it.
std::string plugin_versions_text(std::span<const std::uint32_t> versions);
/// plugin_versions_from reads one. What is no number is left out, as go-plugin does; at most
/// kPluginVersionsMax are looked at.
std::vector<std::uint32_t> plugin_versions_from(std::string_view text);
/// choose_plugin_version is the plugin's choice: the highest of its own that the host offered; where there is
/// none, the lowest of its own, so that the host can complain with both sides' numbers. `own` is not empty.
std::uint32_t choose_plugin_version(std::span<const std::uint32_t> own,
                                    std::span<const std::uint32_t> offered);

}  // namespace sallyport
