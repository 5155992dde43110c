// SPDX-License-Identifier: Apache-2.0
// The rules that OpenSSL's path check does not have: of leaves, of authorities, of a path as a whole.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "sallyport/pki/verify.h"

namespace sallyport::ossl {

/// Finding is a rule that is broken.
struct Finding {
  CertificateFault fault = CertificateFault::profile;
  std::string why;
};

/// check_leaf judges the leaf alone, before any path is built.
std::optional<Finding> check_leaf(const Certificate& leaf, CertificateUse use, const Profile& profile);
/// check_path judges authorities: `chain` is leaf to anchor.
std::optional<Finding> check_path(std::span<const Certificate> chain, const Profile& profile);

}  // namespace sallyport::ossl
