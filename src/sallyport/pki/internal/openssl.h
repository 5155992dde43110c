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

#include "sallyport/base/digest.h"
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

inline void free_stack(STACK_OF(X509) * stack) noexcept { sk_X509_free(stack); }  // not what is in it

using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using CertificateHandle = std::unique_ptr<X509, Freed<X509_free>>;
using RevocationListHandle = std::unique_ptr<X509_CRL, Freed<X509_CRL_free>>;
using RevokedHandle = std::unique_ptr<X509_REVOKED, Freed<X509_REVOKED_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>>;
using Number = std::unique_ptr<BIGNUM, Freed<BN_free>>;
using Integer = std::unique_ptr<ASN1_INTEGER, Freed<ASN1_INTEGER_free>>;
using Time = std::unique_ptr<ASN1_TIME, Freed<ASN1_TIME_free>>;
using Memory = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using GeneralNames = std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>>;
using Constraints = std::unique_ptr<NAME_CONSTRAINTS, Freed<NAME_CONSTRAINTS_free>>;
using ExtendedKeyUsage = std::unique_ptr<EXTENDED_KEY_USAGE, Freed<EXTENDED_KEY_USAGE_free>>;
using Stack = std::unique_ptr<STACK_OF(X509), Freed<free_stack>>;

/// error names the failed step and OpenSSL's reason, and empties this thread's error queue.
Error error(Code code, std::string_view step);

/// reading and written are a memory BIO over text that stays the caller's, and what a memory BIO holds.
Memory reading(std::string_view text);
std::string_view written(const Memory& memory);
/// no_password keeps OpenSSL from asking on the terminal for the password of an encrypted key.
int no_password(char*, int, int, void*) noexcept;

/// describe_key: "P-256", "RSA 2048"; the algorithm's name for others; "unreadable key" for nullptr.
std::string describe_key(const EVP_PKEY* key);

/// wall_time clamps to what WallTime holds.
Result<WallTime> wall_time(const ASN1_TIME* time);
/// seconds_of rounds down.
std::time_t seconds_of(WallTime time) noexcept;
/// set_time writes UTCTime or GeneralizedTime by the year (RFC 5280 section 4.1.2.5).
bool set_time(ASN1_TIME* to, WallTime time) noexcept;
/// serial_text is CertificateFacts::serial.
std::string serial_text(const ASN1_INTEGER* serial);
/// name_text_of is RFC 2253, printable ASCII, cut at a limit.
std::string name_text_of(const X509_NAME* name);

/// pin_of is the SHA-256 of the SubjectPublicKeyInfo; all zero where it cannot be written.
Digest pin_of(const X509& certificate);

}  // namespace sallyport::ossl
