// SPDX-License-Identifier: Apache-2.0
#include "sallyport/pki/internal/path_check.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <array>

#include "sallyport/base/text.h"
#include "sallyport/pki/internal/data.h"

namespace sallyport::ossl {
namespace {

using Store = std::unique_ptr<X509_STORE, Freed<X509_STORE_free>>;
using StoreContext = std::unique_ptr<X509_STORE_CTX, Freed<X509_STORE_CTX_free>>;

constexpr int kSecurityLevel = 2;  // 112 bits

struct FaultRow {
  int error;
  CertificateFault fault;
};
constexpr std::array kFaults{
    FaultRow{X509_V_ERR_CERT_SIGNATURE_FAILURE, CertificateFault::bad_signature},
    FaultRow{X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE, CertificateFault::bad_signature},
    FaultRow{X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, CertificateFault::unknown_authority},
    FaultRow{X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, CertificateFault::unknown_authority},
    FaultRow{X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, CertificateFault::unknown_authority},
    FaultRow{X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, CertificateFault::unknown_authority},
    FaultRow{X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, CertificateFault::unknown_authority},
    FaultRow{X509_V_ERR_AKID_SKID_MISMATCH, CertificateFault::unknown_authority},
    FaultRow{X509_V_ERR_CERT_UNTRUSTED, CertificateFault::unknown_authority},
    FaultRow{X509_V_ERR_INVALID_PURPOSE, CertificateFault::wrong_purpose},
    FaultRow{X509_V_ERR_PATH_LENGTH_EXCEEDED, CertificateFault::path_too_long},
    FaultRow{X509_V_ERR_CERT_CHAIN_TOO_LONG, CertificateFault::path_too_long},
    FaultRow{X509_V_ERR_PERMITTED_VIOLATION, CertificateFault::name_constraint},
    FaultRow{X509_V_ERR_EXCLUDED_VIOLATION, CertificateFault::name_constraint},
    FaultRow{X509_V_ERR_EE_KEY_TOO_SMALL, CertificateFault::weak_key},
    FaultRow{X509_V_ERR_CA_KEY_TOO_SMALL, CertificateFault::weak_key},
    FaultRow{X509_V_ERR_CA_MD_TOO_WEAK, CertificateFault::weak_key},
    FaultRow{X509_V_ERR_OUT_OF_MEM, CertificateFault::malformed}};

CertificateFault fault_of(int error) noexcept {
  const auto row = std::ranges::find(kFaults, error, &FaultRow::error);
  return row != kFaults.end() ? row->fault : CertificateFault::profile;
}

std::optional<Finding> run(X509_STORE_CTX& context, int purpose) {
  X509_VERIFY_PARAM* const parameters = X509_STORE_CTX_get0_param(&context);
  X509_VERIFY_PARAM_set_flags(
      parameters, X509_V_FLAG_X509_STRICT | X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
  X509_VERIFY_PARAM_set_auth_level(parameters, kSecurityLevel);
  X509_VERIFY_PARAM_set_purpose(parameters, purpose);
  const int outcome = X509_verify_cert(&context);
  const int error = X509_STORE_CTX_get_error(&context);
  ERR_clear_error();
  if (outcome == 1 && error == X509_V_OK) return std::nullopt;
  return Finding{fault_of(error),
                 concat(std::string_view(X509_verify_cert_error_string(error)), " (certificate ",
                        X509_STORE_CTX_get_error_depth(&context), " of the path)")};
}

std::optional<Finding> check_purpose(const std::vector<Certificate>& path, int purpose) {
  const Store store(X509_STORE_new());
  const StoreContext context(X509_STORE_CTX_new());
  const Stack between(sk_X509_new_null());
  bool good = store != nullptr && context != nullptr && between != nullptr &&
              X509_STORE_add_cert(store.get(), object_of(path.back())) == 1;
  for (std::size_t i = 1; i + 1 < path.size(); ++i)
    good = good && sk_X509_push(between.get(), object_of(path[i])) > 0;
  good = good && X509_STORE_CTX_init(context.get(), store.get(), object_of(path.front()), between.get()) == 1;
  if (!good) return Finding{CertificateFault::malformed, "memory is short"};
  return run(*context, purpose);
}

bool may_sign_lists(const Certificate& issuer) {
  const auto& usages = issuer.facts().key_usage;
  return usages.empty() || std::ranges::find(usages, "cRLSign") != usages.end();
}

/// sound_list: what RFC 5280 section 5.2 demands of a list that covers everything, and nothing critical
/// beside.
std::optional<std::string> unsound(const RevocationList& list) {
  const X509_CRL& object = *list.data().handle;
  const int number = X509_CRL_get_ext_by_NID(&object, NID_crl_number, -1);
  if (number < 0) return "it has no number (RFC 5280 section 5.2.3)";
  for (int i = 0; i < X509_CRL_get_ext_count(&object); ++i) {
    if (X509_EXTENSION_get_critical(X509_CRL_get_ext(&object, i)) == 1)
      return "it has a critical extension: a list of parts, or of changes, is not read";
  }
  return std::nullopt;
}

std::optional<Finding> unusable(std::string_view why) {
  return Finding{CertificateFault::no_revocation_list, concat("the revocation list cannot be used: ", why)};
}

/// judge_list is for a list that `issuer` signed.
std::optional<Finding> judge_list(const RevocationList& list, const Certificate& certificate,
                                  const Certificate& issuer, WallTime now) {
  if (const Revocation* entry = list.find(certificate)) {
    return Finding{CertificateFault::revoked,
                   concat("\"", name_text(certificate), "\" is revoked (", name_of(entry->reason), ")")};
  }
  if (!may_sign_lists(issuer)) return unusable("its issuer may not sign lists (cRLSign is missing)");
  if (const auto why = unsound(list)) return unusable(*why);
  if (now < list.this_update()) return unusable("it is not valid yet");
  if (!list.next_update() || now > *list.next_update())
    return unusable("it is over; fetch or issue a new one");
  return std::nullopt;
}

}  // namespace

std::optional<Finding> check_signatures(const std::vector<Certificate>& path, CertificateUse use) {
  if (use != CertificateUse::client) {
    if (auto found = check_purpose(path, X509_PURPOSE_SSL_SERVER)) return found;
  }
  return use != CertificateUse::server ? check_purpose(path, X509_PURPOSE_SSL_CLIENT) : std::nullopt;
}

std::optional<Finding> check_revocation(const std::vector<Certificate>& path, const VerifyRequest& request) {
  bool leaf_covered = false;
  for (std::size_t i = 0; request.lists != nullptr && i + 1 < path.size(); ++i) {
    for (const RevocationList& list : *request.lists) {
      if (!list.signed_by(path[i + 1])) continue;
      if (auto found = judge_list(list, path[i], path[i + 1], request.now)) return found;
      leaf_covered = leaf_covered || i == 0;
    }
  }
  if (request.revocations == Revocations::demanded && !leaf_covered && path.size() > 1)
    return Finding{CertificateFault::no_revocation_list, "there is no revocation list of its authority"};
  return std::nullopt;
}

}  // namespace sallyport::ossl
