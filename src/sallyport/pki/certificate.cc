// SPDX-License-Identifier: Apache-2.0
#include "sallyport/pki/certificate.h"

#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/crypto/digest.h"
#include "sallyport/pki/internal/data.h"
#include "sallyport/pki/internal/general_names.h"
#include "sallyport/pki/key.h"

namespace sallyport {
namespace {

constexpr std::size_t kShownMax = 256;  // of one foreign text
constexpr std::string_view kPemBegin = "-----BEGIN ";

struct UsageBit {
  std::uint32_t bit;
  std::string_view name;
};
constexpr std::array kUsageBits{UsageBit{KU_DIGITAL_SIGNATURE, "digitalSignature"},
                                UsageBit{KU_NON_REPUDIATION, "nonRepudiation"},
                                UsageBit{KU_KEY_ENCIPHERMENT, "keyEncipherment"},
                                UsageBit{KU_DATA_ENCIPHERMENT, "dataEncipherment"},
                                UsageBit{KU_KEY_AGREEMENT, "keyAgreement"},
                                UsageBit{KU_KEY_CERT_SIGN, "keyCertSign"},
                                UsageBit{KU_CRL_SIGN, "cRLSign"},
                                UsageBit{KU_ENCIPHER_ONLY, "encipherOnly"},
                                UsageBit{KU_DECIPHER_ONLY, "decipherOnly"}};

std::string common_name_of(const X509& certificate) {
  const X509_NAME* const subject = X509_get_subject_name(&certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return {};
  const ASN1_STRING* const text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
  return escaped({reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                  static_cast<std::size_t>(ASN1_STRING_length(text))},
                 kShownMax);
}

std::vector<std::string> usages_of(X509& certificate) {
  std::vector<std::string> names;
  if ((X509_get_extension_flags(&certificate) & EXFLAG_KUSAGE) == 0) return names;
  const std::uint32_t usage = X509_get_key_usage(&certificate);
  for (const UsageBit& each : kUsageBits) {
    if ((usage & each.bit) != 0) names.emplace_back(each.name);
  }
  return names;
}

std::vector<std::string> extended_usages_of(const X509& certificate) {
  std::vector<std::string> names;
  const ossl::ExtendedKeyUsage held(
      static_cast<EXTENDED_KEY_USAGE*>(X509_get_ext_d2i(&certificate, NID_ext_key_usage, nullptr, nullptr)));
  for (int i = 0; held != nullptr && i < sk_ASN1_OBJECT_num(held.get()); ++i) {
    const ASN1_OBJECT* const object = sk_ASN1_OBJECT_value(held.get(), i);
    char text[80] = "";
    const int nid = OBJ_obj2nid(object);
    if (nid == NID_undef) OBJ_obj2txt(text, sizeof text, object, 1);
    names.emplace_back(nid == NID_undef ? text : OBJ_nid2sn(nid));
  }
  return names;
}

Status read_names(const X509& certificate, CertificateFacts& facts) {
  const ossl::GeneralNames held(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  ERR_clear_error();
  const int count = held != nullptr ? sk_GENERAL_NAME_num(held.get()) : 0;
  if (count > static_cast<int>(kCertificateNamesMax)) {
    return fail(Code::exhausted, concat("a certificate with ", count, " names is refused; at most ",
                                        kCertificateNamesMax, " are read"));
  }
  for (int i = 0; i < count; ++i) {
    const GENERAL_NAME& general = *sk_GENERAL_NAME_value(held.get(), i);
    if (auto name = ossl::subject_name_of(general)) {
      facts.names.push_back(*std::move(name));
    } else {
      facts.other_names.push_back(ossl::describe(general));
    }
  }
  return ok();
}

Result<CertificateFacts> facts_of(X509& certificate, std::span<const std::byte> der) {
  CertificateFacts facts;
  SALLYPORT_TRY(first, ossl::wall_time(X509_get0_notBefore(&certificate)));
  SALLYPORT_TRY(last, ossl::wall_time(X509_get0_notAfter(&certificate)));
  SALLYPORT_CHECK(read_names(certificate, facts));
  facts.not_before = first;
  facts.not_after = last;
  facts.subject = ossl::name_text_of(X509_get_subject_name(&certificate));
  facts.issuer = ossl::name_text_of(X509_get_issuer_name(&certificate));
  facts.common_name = common_name_of(certificate);
  facts.serial = ossl::serial_text(X509_get0_serialNumber(&certificate));
  facts.key = ossl::describe_key(X509_get0_pubkey(&certificate));
  const int signature = X509_get_signature_nid(&certificate);
  facts.signature = signature == NID_undef ? "unknown" : OBJ_nid2sn(signature);
  facts.key_usage = usages_of(certificate);
  facts.extended_key_usage = extended_usages_of(certificate);
  facts.authority = (X509_get_extension_flags(&certificate) & EXFLAG_CA) != 0;
  if (const long length = X509_get_pathlen(&certificate); facts.authority && length >= 0)
    facts.path_length = static_cast<unsigned>(length);
  facts.fingerprint = sha256(der);
  facts.pin = ossl::pin_of(certificate);
  ERR_clear_error();
  return facts;
}

Error too_large() {
  return fail(Code::exhausted,
              concat("a certificate larger than ", kCertificateBytesMax, " bytes is refused"));
}

bool is_certificate_label(std::string_view label) noexcept {
  return label == PEM_STRING_X509 || label == PEM_STRING_X509_OLD || label == PEM_STRING_X509_TRUSTED;
}

/// Block is what PEM_read_bio gives: owned until the end of a turn. A private key beside a certificate passes
/// through it, so it is wiped.
struct Block {
  char* label = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
  Block() = default;
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() {
    OPENSSL_free(label);
    OPENSSL_free(header);
    OPENSSL_clear_free(data, static_cast<std::size_t>(size));
  }
};

enum class Wanted : std::uint8_t { first, all };

Result<std::vector<Certificate>> read_list(std::string_view pem, std::size_t certificates_max,
                                           Wanted wanted) {
  const ossl::Memory memory = ossl::reading(pem);
  std::vector<Certificate> list;
  while (memory != nullptr && (wanted == Wanted::all || list.empty())) {
    Block block;
    if (PEM_read_bio(memory.get(), &block.label, &block.header, &block.data, &block.size) != 1) {
      const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
      ERR_clear_error();
      if (!at_end) return fail(Code::invalid_argument, "the PEM text is damaged");
      break;
    }
    if (!is_certificate_label(block.label)) continue;
    if (list.size() == certificates_max)
      return fail(Code::exhausted,
                  concat("more than ", certificates_max, " certificates in one text are refused"));
    SALLYPORT_TRY(
        certificate,
        Certificate::from_der(std::as_bytes(std::span(block.data, static_cast<std::size_t>(block.size)))));
    list.push_back(std::move(certificate));
  }
  if (list.empty()) {
    return fail(Code::invalid_argument, pem.find(kPemBegin) == std::string_view::npos
                                            ? "there is no certificate in it (PEM, BEGIN CERTIFICATE)"
                                            : "there is no certificate in it, only other PEM blocks");
  }
  return list;
}

}  // namespace

std::string_view name_of(CertificateUse use) noexcept {
  constexpr std::array<std::string_view, 3> kNames{"server", "client", "peer"};
  return kNames.at(static_cast<std::size_t>(use));
}

Result<Certificate> ossl::CertificateData::read(CertificateHandle handle) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(handle.get(), &der);
  if (size <= 0) return ossl::error(Code::invalid_argument, "encode a certificate");
  const auto bytes = std::as_bytes(std::span(der, static_cast<std::size_t>(size)));
  auto data = std::make_shared<CertificateData>();
  data->der.assign(bytes.begin(), bytes.end());
  OPENSSL_free(der);
  X509_check_purpose(handle.get(), -1, 0);  // fills the caches that verification would fill later
  SALLYPORT_TRY(facts, facts_of(*handle, data->der));
  data->facts = std::move(facts);
  data->handle = std::move(handle);
  return Certificate(std::shared_ptr<const CertificateData>(std::move(data)));
}

Result<Certificate> Certificate::from_der(std::span<const std::byte> der) {
  if (der.size() > kCertificateBytesMax) return too_large();
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const auto* const begin = at;
  ossl::CertificateHandle handle(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (handle == nullptr) return ossl::error(Code::invalid_argument, "read a certificate");
  if (static_cast<std::size_t>(at - begin) != der.size())
    return fail(Code::invalid_argument, "there are bytes behind the certificate");
  return ossl::CertificateData::read(std::move(handle));
}

Result<Certificate> Certificate::from_pem(std::string_view pem) {
  SALLYPORT_TRY(list, read_list(pem, 1, Wanted::first));
  return std::move(list.front());
}

Result<std::vector<Certificate>> Certificate::list_from_pem(std::string_view pem,
                                                            std::size_t certificates_max) {
  return read_list(pem, certificates_max, Wanted::all);
}

const CertificateFacts& Certificate::facts() const noexcept { return data_->facts; }
std::span<const std::byte> Certificate::to_der() const noexcept { return data_->der; }

std::string Certificate::to_pem() const {
  const ossl::Memory memory(BIO_new(BIO_s_mem()));
  if (memory == nullptr || PEM_write_bio_X509(memory.get(), data_->handle.get()) != 1) std::abort();
  return std::string(ossl::written(memory));
}

bool Certificate::valid_at(WallTime now) const noexcept {
  // notAfter is inclusive, and a certificate's times have whole seconds (RFC 5280 section 4.1.2.5).
  return now >= facts().not_before && std::chrono::floor<std::chrono::seconds>(now) <= facts().not_after;
}

bool Certificate::is_pair(const PrivateKey& key) const {
  const bool pair = X509_check_private_key(data_->handle.get(), key.data().key.get()) == 1;
  ERR_clear_error();
  return pair;
}

bool Certificate::self_issued() const noexcept {
  const X509_NAME* const subject = X509_get_subject_name(data_->handle.get());
  return X509_NAME_entry_count(subject) > 0 &&
         X509_NAME_cmp(subject, X509_get_issuer_name(data_->handle.get())) == 0;
}

std::string name_text(const Certificate& certificate) {
  const CertificateFacts& facts = certificate.facts();
  if (!facts.names.empty()) return facts.names.front().str();
  if (!facts.common_name.empty()) return facts.common_name;
  return to_hex(facts.fingerprint.bytes).substr(0, 16);
}

Duration time_left(const Certificate& certificate, WallTime now) noexcept {
  const WallTime end = certificate.facts().not_after;
  if (now < WallTime{} && end > WallTime::max() + now.time_since_epoch()) return Duration::max();
  return end - now;
}

}  // namespace sallyport
