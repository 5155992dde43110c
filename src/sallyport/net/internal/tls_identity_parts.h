// SPDX-License-Identifier: Apache-2.0
// What a TlsIdentity holds.
#pragma once

#include "sallyport/net/internal/openssl.h"
#include "sallyport/net/tls.h"

namespace sallyport {

struct TlsIdentity::Parts {
  CertificatePtr leaf;
  ChainPtr chain{sk_X509_new_null()};
  KeyPtr key;
};

}  // namespace sallyport
