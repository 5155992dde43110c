// SPDX-License-Identifier: Apache-2.0
// Making certificates of our profiles (security-engineering's table of CA, process and web-tier
// certificates).
#pragma once

#include "sallyport/env/clock.h"
#include "sallyport/pki/authority.h"
#include "sallyport/pki/internal/openssl.h"

namespace sallyport::ossl {

struct Validity {
  WallTime first;
  WallTime last;
};

/// validity_of is `life` from now, kBackdating before; cut at `end`. invalid_argument: a life that is not
/// positive or overflows the clock.
Result<Validity> validity_of(Duration life, WallTime now, WallTime end = WallTime::max());

/// make_root: self-signed authority.
Result<CertificateHandle> make_root(const AuthorityRequest& request, EVP_PKEY& key, Validity validity,
                                    Entropy& entropy);

/// LeafNames are a request's names made ready: CN as it will stand, the alternative names with it.
struct LeafNames {
  std::string common_name;
  std::vector<SubjectName> names;
};
Result<LeafNames> leaf_names_of(const LeafRequest& request);

/// Signer is whose name and key a leaf carries; for a self-signed one `certificate` is nullptr.
struct Signer {
  X509* certificate = nullptr;
  EVP_PKEY* key = nullptr;
};
Result<CertificateHandle> make_leaf(CertificateUse use, const LeafNames& names, EVP_PKEY& key, Signer signer,
                                    Validity validity, Entropy& entropy);

/// digest_for: the hash that fits a signing key's strength.
const EVP_MD* digest_for(const EVP_PKEY& key) noexcept;

}  // namespace sallyport::ossl
