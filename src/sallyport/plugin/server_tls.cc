// SPDX-License-Identifier: Apache-2.0
#include "sallyport/plugin/server_tls.h"

#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/pki/authority.h"
#include "sallyport/plugin/handshake.h"

namespace sallyport {
namespace {

constexpr std::string_view kCertVariable = "PLUGIN_SERVER_CERT";
constexpr std::string_view kKeyVariable = "PLUGIN_SERVER_KEY";
constexpr std::string_view kClientRootsVariable = "PLUGIN_CLIENT_ROOT_CERTS";
constexpr std::string_view kAutoVariable = "PLUGIN_AUTO_MTLS";
constexpr std::string_view kFileScheme = "file://";

/// is_on reads pyvider's spellings of a boolean beside Go's.
std::optional<bool> is_on(std::string_view text) {
  const std::string lower = to_lower(text);
  if (lower.empty() || lower == "yes" || lower == "on") return true;
  if (lower == "no" || lower == "off") return false;
  return go_bool(lower);
}

Result<std::string> text_of(std::string_view value, std::string_view name, Files& files) {
  if (!value.starts_with(kFileScheme)) return std::string(value);
  return files.read_text(std::string(value.substr(kFileScheme.size())), FilePrivacy::any)
      .transform_error(
          [name](const Error& error) { return fail(error.code, concat(name, ": ", error.what)); });
}

Result<SecretText> key_of(const SecretText& value, Files& files) {
  const auto text = value.expose();
  if (!text.starts_with(kFileScheme)) return value.duplicate();
  return files.read_secret(std::string(text.substr(kFileScheme.size())), FilePrivacy::owner_only)
      .transform_error(
          [](const Error& error) { return fail(error.code, concat(kKeyVariable, ": ", error.what)); });
}

Result<std::shared_ptr<const MutualTls>> explicit_tls(const PluginServerTlsFiles& given, Files& files) {
  if (given.certificate.empty() || given.key.empty() || given.client_roots.empty()) {
    return fail(Code::invalid_argument,
                concat("explicit TLS needs three things, and has not all: a certificate (", kCertVariable,
                       "), its key (", kKeyVariable, "), and whom to let in (", kClientRootsVariable, ")"));
  }
  SALLYPORT_TRY(chain, text_of(given.certificate, kCertVariable, files));
  SALLYPORT_TRY(key, key_of(given.key, files));
  SALLYPORT_TRY(roots, text_of(given.client_roots, kClientRootsVariable, files));
  auto identity = TlsIdentity::from_pem(chain, key);
  if (!identity) {
    return fail(Code::invalid_argument,
                concat(kCertVariable, " and ", kKeyVariable, ": ", identity.error().what));
  }
  return MutualTls::make(*std::move(identity), roots).transform_error([](const Error& error) {
    return fail(error.code, concat(kClientRootsVariable, ": ", error.what));
  });
}

Result<PluginServerTls> automatic_tls(const Certificate& host, Entropy& entropy, WallTime now) {
  if (!host.valid_at(now)) {
    return fail(Code::invalid_argument,
                concat("the host's certificate (", kPluginClientCertVariable,
                       ") is over or not yet valid; compare the clocks of host and plugin"));
  }
  LeafRequest request;
  request.use = CertificateUse::peer;  // a broker's connections swap the roles
  SALLYPORT_TRY(names, subject_names({"localhost"}));
  request.names = std::move(names);
  request.life = kPluginServerCertificateLife;
  SALLYPORT_TRY(own, self_signed(request, entropy, now));
  SALLYPORT_TRY(key, own.key.to_pem());
  SALLYPORT_TRY(identity, TlsIdentity::from_pem(own.chain_pem(), key));
  SALLYPORT_TRY(tls, MutualTls::make(std::move(identity), host.to_pem()));
  return PluginServerTls{std::move(tls), own.certificate};
}

}  // namespace

Result<PluginServerTls> plugin_tls(PluginServerTlsFiles given, const std::optional<Certificate>& host,
                                   const VariableLookup& variables, Files& files, Entropy& entropy,
                                   WallTime now) {
  if (given.certificate.empty()) given.certificate = variables(kCertVariable).value_or("");
  if (given.key.empty()) given.key = SecretText(variables(kKeyVariable).value_or(""));
  if (given.client_roots.empty()) given.client_roots = variables(kClientRootsVariable).value_or("");
  if (!given.certificate.empty() || !given.key.empty() || !given.client_roots.empty()) {
    SALLYPORT_TRY(tls, explicit_tls(given, files));
    return PluginServerTls{std::move(tls), std::nullopt};
  }
  const auto automatic = is_on(variables(kAutoVariable).value_or(""));
  if (!automatic) return fail(Code::invalid_argument, concat(kAutoVariable, " wants true or false"));
  if (!host) return PluginServerTls{};
  if (!*automatic) {
    return fail(Code::invalid_argument,
                concat("the host asks for automatic mutual TLS, and ", kAutoVariable,
                       " forbids it; change one of the two: there is no way down to plain connections"));
  }
  return automatic_tls(*host, entropy, now);
}

}  // namespace sallyport
