// SPDX-License-Identifier: Apache-2.0
#include "sallyport/plugin/host_tls.h"

#include "sallyport/base/text.h"
#include "sallyport/pki/authority.h"

namespace sallyport {

Result<OneTimeIdentity> OneTimeIdentity::make(Entropy& entropy, WallTime now) {
  LeafRequest request;
  request.use = CertificateUse::peer;
  SALLYPORT_TRY(names, subject_names({"localhost"}));
  request.names = std::move(names);
  request.life = kPluginCertificateLife;
  SALLYPORT_TRY(pair, self_signed(request, entropy, now));
  SALLYPORT_TRY(key, pair.key.to_pem());
  SALLYPORT_TRY(identity, TlsIdentity::from_pem(pair.chain_pem(), key));
  return OneTimeIdentity{std::move(pair.certificate), std::move(identity)};
}

Result<std::shared_ptr<const MutualTls>> PluginTls::agreed(const PluginHandshake& handshake,
                                                           const std::optional<OneTimeIdentity>& ours) const {
  if (kind_ != Kind::automatic && handshake.certificate.has_value()) {
    return fail(Code::invalid_argument,
                "the plugin sent a certificate that was not asked for, so it expects TLS of a kind that this "
                "host was not told; use automatic TLS, or give both sides their certificates");
  }
  if (kind_ == Kind::off) return std::shared_ptr<const MutualTls>();
  if (kind_ == Kind::given) return tls_;
  if (!handshake.certificate.has_value()) {
    return fail(Code::unauthenticated,
                "the plugin sent no certificate, so it would be spoken to without TLS; it does not know "
                "AutoMTLS, or was configured without it. To go without TLS say so (--tls off)");
  }
  return MutualTls::make(ours->identity, handshake.certificate->to_pem());
}

}  // namespace sallyport
