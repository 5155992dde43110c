// SPDX-License-Identifier: Apache-2.0
// Whether one path holds: OpenSSL's check of signatures and constraints, and the revocation lists.
#pragma once

#include <optional>
#include <vector>

#include "sallyport/pki/internal/profile_check.h"

namespace sallyport::ossl {

/// check_signatures has OpenSSL judge exactly this path, leaf to anchor, with X509_STRICT, authentication
/// level 2 and a purpose. Times are not looked at.
std::optional<Finding> check_signatures(const std::vector<Certificate>& path, CertificateUse use);
/// check_revocation looks every certificate below the anchor up in the lists that its issuer signed.
std::optional<Finding> check_revocation(const std::vector<Certificate>& path, const VerifyRequest& request);

}  // namespace sallyport::ossl
