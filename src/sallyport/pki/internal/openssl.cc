// SPDX-License-Identifier: Apache-2.0
#include "sallyport/pki/internal/openssl.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>

#include <ctime>

#include "sallyport/base/text.h"
#include "sallyport/crypto/digest.h"

namespace sallyport::ossl {
namespace {

constexpr int kRsaBitsMin = 2048;

/// no_password keeps OpenSSL from asking on the terminal for the password of an encrypted key.
int no_password(char*, int, int, void*) { return -1; }

Memory reading(std::string_view text) {
  return Memory(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string_view written(const Memory& memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

Result<WallTime> wall_time(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1)
    return error(Code::invalid_argument, "read a certificate's time");
  return WallTime(std::chrono::seconds(timegm(&parts)));
}

}  // namespace

Error error(Code code, std::string_view step) {
  char reason[256] = "no reason given";
  if (const unsigned long number = ERR_get_error(); number != 0)
    ERR_error_string_n(number, reason, sizeof reason);
  ERR_clear_error();
  return fail(code, concat("cannot ", step, ": ", std::string_view(reason)));
}

Result<Key> new_p256_key() {
  Key key(EVP_EC_gen("P-256"));
  if (key == nullptr) return error(Code::internal, "make a P-256 key");
  return key;
}

bool usable_key(const EVP_PKEY& key) noexcept {
  if (EVP_PKEY_get_base_id(&key) == EVP_PKEY_RSA) return EVP_PKEY_get_bits(&key) >= kRsaBitsMin;
  if (EVP_PKEY_get_base_id(&key) != EVP_PKEY_EC) return false;
  char group[32] = "";
  if (EVP_PKEY_get_group_name(&key, group, sizeof group, nullptr) != 1) return false;
  const std::string_view name(group);
  return name == "prime256v1" || name == "P-256" || name == "secp384r1" || name == "P-384";
}

Result<std::string> to_pem(const X509& certificate) {
  const Memory memory(BIO_new(BIO_s_mem()));
  if (memory == nullptr || PEM_write_bio_X509(memory.get(), &certificate) != 1) {
    return error(Code::internal, "write a certificate");
  }
  return std::string(written(memory));
}

Result<SecretText> to_pem(const EVP_PKEY& key) {
  const Memory memory(BIO_new(BIO_s_secmem()));  // wiped when freed
  if (memory == nullptr ||
      PEM_write_bio_PKCS8PrivateKey(memory.get(), &key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return error(Code::internal, "write a key");
  }
  return SecretText(written(memory));
}

Result<std::vector<Certificate>> certificates_in(std::string_view pem) {
  const Memory memory = reading(pem);
  std::vector<Certificate> certificates;
  while (memory != nullptr) {
    Certificate certificate(PEM_read_bio_X509(memory.get(), nullptr, no_password, nullptr));
    if (certificate == nullptr) break;
    certificates.push_back(std::move(certificate));
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (!at_end) return error(Code::invalid_argument, "read a certificate");
  ERR_clear_error();
  if (certificates.empty()) return fail(Code::invalid_argument, "there is no certificate in it");
  return certificates;
}

Result<Key> key_in(std::string_view pem) {
  const Memory memory = reading(pem);
  Key key(memory != nullptr ? PEM_read_bio_PrivateKey(memory.get(), nullptr, no_password, nullptr) : nullptr);
  if (key == nullptr) return error(Code::invalid_argument, "read a private key (unencrypted PEM)");
  return key;
}

Result<WallTime> not_before(const X509& certificate) { return wall_time(X509_get0_notBefore(&certificate)); }
Result<WallTime> not_after(const X509& certificate) { return wall_time(X509_get0_notAfter(&certificate)); }

Result<std::string> fingerprint(const X509& certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(&certificate, &der);
  if (size <= 0) return error(Code::internal, "encode a certificate");
  const Digest digest = sha256(std::as_bytes(std::span(der, static_cast<std::size_t>(size))));
  OPENSSL_free(der);
  return to_hex(digest.bytes);
}

}  // namespace sallyport::ossl
