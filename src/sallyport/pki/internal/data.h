// SPDX-License-Identifier: Apache-2.0
// What stands behind the public values: OpenSSL's object and the facts read from it once.
#pragma once

#include <openssl/x509.h>

#include <string>
#include <vector>

#include "sallyport/pki/certificate.h"
#include "sallyport/pki/internal/openssl.h"
#include "sallyport/pki/revocation_list.h"

namespace sallyport::ossl {

struct KeyData {
  Key key;
};

struct CertificateData {
  CertificateHandle handle;
  std::vector<std::byte> der;
  CertificateFacts facts;

  /// read takes over `handle`, fills in the facts and closes OpenSSL's lazy caches, so that the object is
  /// immutable from then on.
  static Result<Certificate> read(CertificateHandle handle);
};

struct RevocationListData {
  RevocationListHandle handle;
  std::string issuer;
  WallTime this_update{};
  std::optional<WallTime> next_update;
  std::optional<std::uint64_t> number;
  std::vector<Revocation> entries;  ///< sorted by serial

  static Result<RevocationList> read(RevocationListHandle handle);
};

/// reason_number is the value of RFC 5280 section 5.3.1.
long reason_number(RevocationReason reason) noexcept;

/// object_of gives what OpenSSL 3.0 takes as non-const and does not write.
inline X509* object_of(const Certificate& certificate) noexcept { return certificate.data().handle.get(); }

}  // namespace sallyport::ossl
