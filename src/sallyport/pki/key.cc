// SPDX-License-Identifier: Apache-2.0
#include "sallyport/pki/key.h"

#include <openssl/err.h>

#include <array>
#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/crypto/digest.h"
#include "sallyport/pki/internal/data.h"
#include "sallyport/pki/internal/openssl.h"

namespace sallyport {
namespace {

constexpr std::array<std::pair<std::string_view, KeyKind>, 5> kKinds{{{"p256", KeyKind::p256},
                                                                      {"p384", KeyKind::p384},
                                                                      {"p521", KeyKind::p521},
                                                                      {"rsa2048", KeyKind::rsa2048},
                                                                      {"rsa3072", KeyKind::rsa3072}}};

ossl::Key generated(KeyKind kind) {
  switch (kind) {
    case KeyKind::p256:
      return ossl::Key(EVP_EC_gen("P-256"));
    case KeyKind::p384:
      return ossl::Key(EVP_EC_gen("P-384"));
    case KeyKind::p521:
      return ossl::Key(EVP_EC_gen("P-521"));
    case KeyKind::rsa2048:
      return ossl::Key(EVP_RSA_gen(2048));
    case KeyKind::rsa3072:
      return ossl::Key(EVP_RSA_gen(3072));
  }
  return nullptr;
}

bool usable(const EVP_PKEY& key) {
  if (EVP_PKEY_get_base_id(&key) == EVP_PKEY_RSA) {
    const int bits = EVP_PKEY_get_bits(&key);
    return bits >= kRsaBitsMin && bits <= kRsaBitsMax;
  }
  const std::string name = ossl::describe_key(&key);
  return name == "P-256" || name == "P-384" || name == "P-521";
}

/// blame says what is wrong with a text that holds no readable key, without quoting it.
Error blame(std::string_view pem) {
  ERR_clear_error();
  if (pem.find("-----BEGIN ENCRYPTED PRIVATE KEY-----") != std::string_view::npos ||
      pem.find("Proc-Type: 4,ENCRYPTED") != std::string_view::npos) {
    return fail(Code::invalid_argument,
                "the private key is encrypted; decrypt it first: openssl pkey -in KEY -out NEW");
  }
  if (pem.find("PRIVATE KEY-----") == std::string_view::npos)
    return fail(Code::invalid_argument, "there is no private key in it (PEM, BEGIN PRIVATE KEY)");
  return fail(Code::invalid_argument, "cannot read the private key: it is damaged");
}

}  // namespace

std::string_view name_of(KeyKind kind) noexcept {
  for (const auto& [name, each] : kKinds) {
    if (each == kind) return name;
  }
  return "unknown";
}

std::optional<KeyKind> parse_key_kind(std::string_view text) noexcept {
  for (const auto& [name, kind] : kKinds) {
    if (name == text) return kind;
  }
  return std::nullopt;
}

PrivateKey::PrivateKey(std::unique_ptr<ossl::KeyData> data) : data_(std::move(data)) {}
PrivateKey::PrivateKey(PrivateKey&&) noexcept = default;
PrivateKey& PrivateKey::operator=(PrivateKey&&) noexcept = default;
PrivateKey::~PrivateKey() = default;

Result<PrivateKey> PrivateKey::generate(KeyKind kind) {
  ossl::Key key = generated(kind);
  if (key == nullptr) return ossl::error(Code::internal, concat("make a key of kind ", name_of(kind)));
  return PrivateKey(std::make_unique<ossl::KeyData>(ossl::KeyData{std::move(key)}));
}

Result<PrivateKey> PrivateKey::from_pem(const SecretText& pem) {
  const ossl::Memory memory = ossl::reading(pem.expose());
  ossl::Key key(memory != nullptr ? PEM_read_bio_PrivateKey(memory.get(), nullptr, ossl::no_password, nullptr)
                                  : nullptr);
  if (key == nullptr) return blame(pem.expose());
  if (!usable(*key)) {
    return fail(Code::invalid_argument,
                concat("the key is ", ossl::describe_key(key.get()), "; use P-256, P-384, P-521, or RSA of ",
                       kRsaBitsMin, " to ", kRsaBitsMax, " bits"));
  }
  return PrivateKey(std::make_unique<ossl::KeyData>(ossl::KeyData{std::move(key)}));
}

Result<SecretText> PrivateKey::to_pem() const {
  const ossl::Memory memory(BIO_new(BIO_s_secmem()));  // wiped when freed
  if (memory == nullptr || PEM_write_bio_PKCS8PrivateKey(memory.get(), data_->key.get(), nullptr, nullptr, 0,
                                                         nullptr, nullptr) != 1) {
    return ossl::error(Code::internal, "write a key");
  }
  return SecretText(ossl::written(memory));
}

Digest PrivateKey::pin() const {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(data_->key.get(), &der);
  if (size <= 0) return {};
  const Digest digest = sha256(std::as_bytes(std::span(der, static_cast<std::size_t>(size))));
  OPENSSL_free(der);
  return digest;
}

std::string PrivateKey::describe() const { return ossl::describe_key(data_->key.get()); }

}  // namespace sallyport
