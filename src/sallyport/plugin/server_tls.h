// SPDX-License-Identifier: Apache-2.0
// PluginServerTls: how a plugin proves itself to its host, and whom it trusts.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "sallyport/base/result.h"
#include "sallyport/base/secret.h"
#include "sallyport/credential/variables.h"
#include "sallyport/env/clock.h"
#include "sallyport/env/files.h"
#include "sallyport/net/mutual_tls.h"
#include "sallyport/pki/certificate.h"

namespace sallyport {

/// One-time certificates live this long: a plugin that runs longer is launched again, or is given its own.
inline constexpr Duration kPluginServerCertificateLife = std::chrono::hours(24 * 365);

/// PluginServerTlsFiles is a plugin's own, explicit TLS: always mutual. PEM text, or "file:///path". Empty:
/// none.
struct PluginServerTlsFiles {
  std::string certificate;   ///< PLUGIN_SERVER_CERT: the chain that the plugin shows
  SecretText key;            ///< PLUGIN_SERVER_KEY: its key, unencrypted
  std::string client_roots;  ///< PLUGIN_CLIENT_ROOT_CERTS: who may connect, and no others
};

/// PluginServerTls is what comes of it: `tls` null means plain sockets, closed to others by their place. A
/// value.
struct PluginServerTls {
  std::shared_ptr<const MutualTls> tls;
  std::optional<Certificate> announced;  ///< for the handshake line; only with a one-time certificate
};

/// plugin_tls decides. Explicit TLS wins, of `given` or of the variables PLUGIN_SERVER_CERT,
/// PLUGIN_SERVER_KEY, PLUGIN_CLIENT_ROOT_CERTS, and announces nothing. Else, where the host sent a
/// certificate (`host`), a one-time P-256 certificate is made, and `host` alone is trusted. Else there is no
/// TLS. Errors: invalid_argument where one part is missing or cannot be read, where `host` is over or not yet
/// valid, or where PLUGIN_AUTO_MTLS forbids what the host asks for; those of Files.
Result<PluginServerTls> plugin_tls(PluginServerTlsFiles given, const std::optional<Certificate>& host,
                                   const VariableLookup& variables, Files& files, Entropy& entropy,
                                   WallTime now);

}  // namespace sallyport
