// SPDX-License-Identifier: Apache-2.0
#include "sallyport/pki/internal/list_template.h"

#include "sallyport/base/text.h"
#include "sallyport/pki/internal/data.h"

namespace sallyport::ossl {
namespace {

constexpr long kListVersion2 = 1;

Integer integer_of(const std::string& serial) {
  BIGNUM* made = nullptr;
  if (BN_hex2bn(&made, serial.c_str()) == 0) return nullptr;
  const Number number(made);
  return Integer(BN_to_ASN1_INTEGER(number.get(), nullptr));
}

bool set_reason(X509_REVOKED& entry, RevocationReason reason) {
  if (reason == RevocationReason::unspecified) return true;  // RFC 5280 section 5.3.1: left out
  using Enumerated = std::unique_ptr<ASN1_ENUMERATED, Freed<ASN1_ENUMERATED_free>>;
  const Enumerated value(ASN1_ENUMERATED_new());
  return value != nullptr && ASN1_ENUMERATED_set(value.get(), reason_number(reason)) == 1 &&
         X509_REVOKED_add1_ext_i2d(&entry, NID_crl_reason, value.get(), 0, 0) == 1;
}

bool add_entry(X509_CRL& list, const Revocation& revocation) {
  RevokedHandle entry(X509_REVOKED_new());
  const Integer serial = integer_of(revocation.serial);
  const Time at(ASN1_TIME_new());
  const bool made =
      entry != nullptr && serial != nullptr && at != nullptr && set_time(at.get(), revocation.at) &&
      X509_REVOKED_set_serialNumber(entry.get(), serial.get()) == 1 &&
      X509_REVOKED_set_revocationDate(entry.get(), at.get()) == 1 && set_reason(*entry, revocation.reason);
  if (!made || X509_CRL_add0_revoked(&list, entry.get()) != 1) return false;
  entry.release();  // NOLINT: the list owns it
  return true;
}

bool add_number(X509_CRL& list, std::uint64_t number) {
  const Integer value(ASN1_INTEGER_new());
  return value != nullptr && ASN1_INTEGER_set_uint64(value.get(), number) == 1 &&
         X509_CRL_add1_ext_i2d(&list, NID_crl_number, value.get(), 0, 0) == 1;
}

bool add_key_id(X509_CRL& list, X509& issuer) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, &issuer, nullptr, nullptr, &list, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, NID_authority_key_identifier, "keyid"));
  return extension != nullptr && X509_CRL_add_ext(&list, extension.get(), -1) == 1;
}

}  // namespace

Result<RevocationListHandle> make_list(std::span<const Revocation> revoked, std::uint64_t number,
                                       Signer signer, Validity validity) {
  if (revoked.size() > kRevocationsMax)
    return fail(Code::exhausted, concat("a revocation list has at most ", kRevocationsMax, " entries"));
  RevocationListHandle list(X509_CRL_new());
  const Time first(ASN1_TIME_new());
  const Time last(ASN1_TIME_new());
  bool good = list != nullptr && first != nullptr && last != nullptr &&
              X509_CRL_set_version(list.get(), kListVersion2) == 1 &&
              X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(signer.certificate)) == 1 &&
              set_time(first.get(), validity.first) && set_time(last.get(), validity.last) &&
              X509_CRL_set1_lastUpdate(list.get(), first.get()) == 1 &&
              X509_CRL_set1_nextUpdate(list.get(), last.get()) == 1 &&
              add_key_id(*list, *signer.certificate) && add_number(*list, number);
  for (const Revocation& each : revoked) good = good && add_entry(*list, each);
  good = good && X509_CRL_sort(list.get()) == 1 &&
         X509_CRL_sign(list.get(), signer.key, digest_for(*signer.key)) > 0;
  if (!good) return error(Code::internal, "make a revocation list");
  return list;
}

}  // namespace sallyport::ossl
