// SPDX-License-Identifier: Apache-2.0
// Making certificates of our profiles.
#pragma once

#include "sallyport/env/clock.h"
#include "sallyport/pki/internal/openssl.h"
#include "sallyport/pki/names.h"

namespace sallyport::ossl {

/// Issuer is an authority in use: a certificate and its key.
struct Issuer {
  Certificate certificate;
  Key key;
};

/// new_authority: CN with the creation time, CA with pathlen 0, keyUsage certSign and cRLSign, subject key
/// id; self-signed.
Result<Issuer> new_authority(Entropy& entropy, WallTime now);
/// new_server: for `key`, from `issuer`, serverAuth, with exactly `names` (at least one) as alternative names
/// and the first of them as CN. Never beyond the issuer's end.
Result<Certificate> new_server(const Issuer& issuer, EVP_PKEY& key, const std::vector<SubjectName>& names,
                               Entropy& entropy, WallTime now);
/// covers says whether the certificate has exactly these names.
bool covers(const X509& certificate, const std::vector<SubjectName>& names);

}  // namespace sallyport::ossl
