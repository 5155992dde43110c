// SPDX-License-Identifier: Apache-2.0
// OpenSSL's objects with owners, and the few steps that certificates need. Not for public headers.
#pragma once

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/base/secret.h"
#include "sallyport/base/time.h"

namespace sallyport::ossl {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};

using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>>;
using Number = std::unique_ptr<BIGNUM, Freed<BN_free>>;
using Memory = std::unique_ptr<BIO, Freed<BIO_free_all>>;

/// error names the failed step and OpenSSL's reason, and empties this thread's error queue.
Error error(Code code, std::string_view step);

Result<Key> new_p256_key();
/// usable_key: P-256, P-384, or RSA of 2048 bits or more.
bool usable_key(const EVP_PKEY& key) noexcept;

Result<std::string> to_pem(const X509& certificate);
Result<SecretText> to_pem(const EVP_PKEY& key);
/// certificates_in reads all certificates of a PEM text; what is of another type is passed over.
Result<std::vector<Certificate>> certificates_in(std::string_view pem);
/// key_in reads the one private key of a PEM text, without password.
Result<Key> key_in(std::string_view pem);

Result<WallTime> not_before(const X509& certificate);
Result<WallTime> not_after(const X509& certificate);
/// fingerprint is the SHA-256 of the DER form, in hexadecimal.
Result<std::string> fingerprint(const X509& certificate);

}  // namespace sallyport::ossl
