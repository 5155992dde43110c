// SPDX-License-Identifier: Apache-2.0
#include "sallyport/pki/authority.h"

#include <openssl/err.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/pki/internal/data.h"
#include "sallyport/pki/internal/list_template.h"
#include "sallyport/pki/internal/template.h"

namespace sallyport {
namespace {

EVP_PKEY* object_of(const PrivateKey& key) noexcept { return key.data().key.get(); }

bool may(const Certificate& certificate, std::string_view usage) {
  const auto& usages = certificate.facts().key_usage;
  return usages.empty() || std::ranges::find(usages, usage) != usages.end();
}

/// check_constraints asks OpenSSL's own path code, so that what we issue is what a strict peer will take.
Status check_constraints(const Certificate& authority, const Certificate& leaf) {
  const ossl::Constraints constraints(static_cast<NAME_CONSTRAINTS*>(
      X509_get_ext_d2i(ossl::object_of(authority), NID_name_constraints, nullptr, nullptr)));
  if (constraints == nullptr) return ok();
  const int outcome = NAME_CONSTRAINTS_check(ossl::object_of(leaf), constraints.get());
  ERR_clear_error();
  if (outcome == X509_V_OK) return ok();
  return fail(
      Code::permission_denied,
      concat("the authority \"", authority.facts().common_name,
             "\" is bound to other names than these; make one for them: sallyport cert ca --permit NAME"));
}

Result<CertifiedKey> finish(ossl::CertificateHandle handle, PrivateKey key) {
  SALLYPORT_TRY(certificate, ossl::CertificateData::read(std::move(handle)));
  return CertifiedKey{std::move(certificate), std::move(key), {}};
}

}  // namespace

std::string CertifiedKey::chain_pem() const {
  std::string pem = certificate.to_pem();
  for (const Certificate& each : intermediates) pem += each.to_pem();
  return pem;
}

Result<SecretText> CertifiedKey::combined_pem() const {
  const std::string chain = chain_pem();
  SALLYPORT_TRY(key_pem, key.to_pem());
  return SecretText::filled_by(chain.size() + key_pem.size(), [&](std::span<char> out) {
    std::memcpy(out.data(), chain.data(), chain.size());
    std::memcpy(out.data() + chain.size(), key_pem.expose().data(), key_pem.size());
  });
}

Result<CertifiedKey> read_certified_key(std::string_view chain_pem, const SecretText& key_pem) {
  SALLYPORT_TRY(chain, Certificate::list_from_pem(chain_pem));
  SALLYPORT_TRY(key, PrivateKey::from_pem(key_pem));
  if (!chain.front().is_pair(key)) {
    return fail(Code::invalid_argument,
                concat("the key is not that of the certificate \"", name_text(chain.front()), "\""));
  }
  Certificate leaf = std::move(chain.front());
  chain.erase(chain.begin());
  return CertifiedKey{std::move(leaf), std::move(key), std::move(chain)};
}

Result<Authority> Authority::create(const AuthorityRequest& request, Entropy& entropy, WallTime now) {
  SALLYPORT_TRY(validity, ossl::validity_of(request.life, now));
  SALLYPORT_TRY(key, PrivateKey::generate(request.key));
  SALLYPORT_TRY(handle, ossl::make_root(request, *object_of(key), validity, entropy));
  SALLYPORT_TRY(pair, finish(std::move(handle), std::move(key)));
  return Authority(std::move(pair));
}

Result<Authority> Authority::from_pair(CertifiedKey pair) {
  if (!pair.certificate.is_pair(pair.key))
    return fail(Code::invalid_argument, "the authority's key is not that of its certificate");
  if (!pair.certificate.facts().authority) {
    return fail(Code::invalid_argument,
                concat("\"", name_text(pair.certificate),
                       "\" is no authority (CA:TRUE is missing): it cannot sign others"));
  }
  if (!may(pair.certificate, "keyCertSign")) {
    return fail(Code::invalid_argument, concat("\"", name_text(pair.certificate),
                                               "\" may not sign certificates (keyCertSign is missing)"));
  }
  return Authority(std::move(pair));
}

Result<CertifiedKey> Authority::issue(const LeafRequest& request, Entropy& entropy, WallTime now) const {
  SALLYPORT_TRY(key, PrivateKey::generate(request.key));
  return reissue(request, std::move(key), entropy, now);
}

Result<CertifiedKey> Authority::reissue(const LeafRequest& request, PrivateKey key, Entropy& entropy,
                                        WallTime now) const {
  if (!certificate().valid_at(now)) {
    return fail(Code::permission_denied,
                concat("the authority \"", name_text(certificate()),
                       "\" is over or not yet valid; make a new one: sallyport cert ca"));
  }
  SALLYPORT_TRY(validity, ossl::validity_of(request.life, now, certificate().facts().not_after));
  validity.first = std::max(validity.first, certificate().facts().not_before);
  SALLYPORT_TRY(names, ossl::leaf_names_of(request));
  const ossl::Signer signer{ossl::object_of(certificate()), object_of(pair_.key)};
  SALLYPORT_TRY(handle, ossl::make_leaf(request.use, names, *object_of(key), signer, validity, entropy));
  SALLYPORT_TRY(made, finish(std::move(handle), std::move(key)));
  SALLYPORT_CHECK(check_constraints(certificate(), made.certificate));
  if (!certificate().self_issued()) made.intermediates.push_back(certificate());
  for (const Certificate& each : pair_.intermediates) {
    if (!each.self_issued()) made.intermediates.push_back(each);
  }
  return made;
}

bool Authority::issued(const Certificate& certificate) const {
  const bool good = X509_verify(ossl::object_of(certificate), object_of(pair_.key)) == 1;
  ERR_clear_error();
  return good;
}

Result<RevocationList> Authority::revocation_list(std::span<const Revocation> revoked, std::uint64_t number,
                                                  Duration life, WallTime now) const {
  if (!may(certificate(), "cRLSign")) {
    return fail(Code::permission_denied, concat("the authority \"", name_text(certificate()),
                                                "\" may not sign revocation lists (cRLSign is missing)"));
  }
  SALLYPORT_TRY(validity, ossl::validity_of(life, now));
  const ossl::Signer signer{ossl::object_of(certificate()), object_of(pair_.key)};
  SALLYPORT_TRY(handle, ossl::make_list(revoked, number, signer, {now, validity.last}));
  return ossl::RevocationListData::read(std::move(handle));
}

Result<CertifiedKey> self_signed(const LeafRequest& request, Entropy& entropy, WallTime now) {
  SALLYPORT_TRY(validity, ossl::validity_of(request.life, now));
  SALLYPORT_TRY(names, ossl::leaf_names_of(request));
  SALLYPORT_TRY(key, PrivateKey::generate(request.key));
  const ossl::Signer signer{nullptr, object_of(key)};
  SALLYPORT_TRY(handle, ossl::make_leaf(request.use, names, *object_of(key), signer, validity, entropy));
  return finish(std::move(handle), std::move(key));
}

}  // namespace sallyport
