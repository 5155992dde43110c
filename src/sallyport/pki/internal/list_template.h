// SPDX-License-Identifier: Apache-2.0
// Making revocation lists.
#pragma once

#include <cstdint>
#include <span>

#include "sallyport/pki/internal/template.h"
#include "sallyport/pki/revocation_list.h"

namespace sallyport::ossl {

/// make_list: version 2, authority key id, CRL number not critical, entries sorted by serial.
Result<RevocationListHandle> make_list(std::span<const Revocation> revoked, std::uint64_t number,
                                       Signer signer, Validity validity);

}  // namespace sallyport::ossl
