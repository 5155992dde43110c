// SPDX-License-Identifier: Apache-2.0
#include "sallyport/pki/internal/issue.h"

#include <algorithm>
#include <array>
#include <span>

#include "sallyport/base/text.h"
#include "sallyport/pki/identity.h"

namespace sallyport::ossl {
namespace {

constexpr long kVersion3 = 2;
constexpr std::size_t kSerialBytes = 20;

struct Validity {
  WallTime first;
  WallTime last;
};

std::time_t seconds_of(WallTime time) noexcept {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

/// set_serial draws 20 bytes, positive and not zero (RFC 5280 section 4.1.2.2).
bool set_serial(X509& certificate, Entropy& entropy) {
  std::array<unsigned char, kSerialBytes> random{};
  entropy.fill(std::as_writable_bytes(std::span(random)));
  random[0] = static_cast<unsigned char>((random[0] & 0x7f) | 0x40);
  const Number number(BN_bin2bn(random.data(), static_cast<int>(random.size()), nullptr));
  return number != nullptr &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(&certificate)) != nullptr;
}

bool add_extension(X509& certificate, X509V3_CTX& context, int nid, const std::string& value) {
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension != nullptr && X509_add_ext(&certificate, extension.get(), -1) == 1;
}

bool add_common_name(X509_NAME* name, const std::string& text) {
  return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(text.c_str()),
                                    static_cast<int>(text.size()), -1, 0) == 1;
}

Result<Certificate> begin(EVP_PKEY& key, const std::string& name, Validity validity, Entropy& entropy) {
  Certificate certificate(X509_new());
  const bool begun =
      certificate != nullptr && X509_set_version(certificate.get(), kVersion3) == 1 &&
      set_serial(*certificate, entropy) &&
      ASN1_TIME_set(X509_getm_notBefore(certificate.get()), seconds_of(validity.first)) != nullptr &&
      ASN1_TIME_set(X509_getm_notAfter(certificate.get()), seconds_of(validity.last)) != nullptr &&
      add_common_name(X509_get_subject_name(certificate.get()), name) &&
      X509_set_pubkey(certificate.get(), &key) == 1;
  if (!begun) return error(Code::internal, "begin a certificate");
  return certificate;
}

std::string alternative_names(const std::vector<SubjectName>& names) {
  std::string text;
  for (const SubjectName& name : names) {
    if (!text.empty()) text += ',';
    text += concat(name.is_ip() ? "IP:" : "DNS:", name.str());
  }
  return text;
}

/// name_of_general reads one alternative name back; nullopt for types and forms that we do not issue.
std::optional<SubjectName> name_of_general(const GENERAL_NAME& general) {
  const ASN1_STRING* const held = general.type == GEN_DNS     ? general.d.dNSName
                                  : general.type == GEN_IPADD ? general.d.iPAddress
                                                              : nullptr;
  if (held == nullptr) return std::nullopt;
  const std::span bytes(ASN1_STRING_get0_data(held), static_cast<std::size_t>(ASN1_STRING_length(held)));
  if (general.type == GEN_DNS)
    return SubjectName::parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (bytes.size() == 4) {
    return SubjectName::parse(IpAddress::v4({bytes[0], bytes[1], bytes[2], bytes[3]}).str());
  }
  std::array<std::uint8_t, 16> v6{};
  if (bytes.size() != v6.size()) return std::nullopt;
  std::ranges::copy(bytes, v6.begin());
  return SubjectName::parse(IpAddress::v6(v6).str());
}

}  // namespace

Result<Issuer> new_authority(Entropy& entropy, WallTime now) {
  SALLYPORT_TRY(key, new_p256_key());
  const std::string name = concat("sallyport local authority ", seconds_of(now));
  SALLYPORT_TRY(certificate, begin(*key, name, {now - kBackdating, now + kAuthorityLife}, entropy));
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate.get(), certificate.get(), nullptr, nullptr, 0);
  X509* const made = certificate.get();
  const bool complete = X509_set_issuer_name(made, X509_get_subject_name(made)) == 1 &&
                        add_extension(*made, context, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
                        add_extension(*made, context, NID_key_usage, "critical,keyCertSign,cRLSign") &&
                        add_extension(*made, context, NID_subject_key_identifier, "hash") &&
                        X509_sign(made, key.get(), EVP_sha256()) > 0;
  if (!complete) return error(Code::internal, "make a local authority");
  return Issuer{std::move(certificate), std::move(key)};
}

Result<Certificate> new_server(const Issuer& issuer, EVP_PKEY& key, const std::vector<SubjectName>& names,
                               Entropy& entropy, WallTime now) {
  if (names.empty()) return fail(Code::invalid_argument, "a server certificate needs a name");
  SALLYPORT_TRY(issuer_end, not_after(*issuer.certificate));
  const Validity validity{now - kBackdating, std::min(now + kServerLife, issuer_end)};
  SALLYPORT_TRY(certificate, begin(key, names.front().str(), validity, entropy));
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer.certificate.get(), certificate.get(), nullptr, nullptr, 0);
  X509* const made = certificate.get();
  const bool complete = X509_set_issuer_name(made, X509_get_subject_name(issuer.certificate.get())) == 1 &&
                        add_extension(*made, context, NID_basic_constraints, "critical,CA:FALSE") &&
                        add_extension(*made, context, NID_key_usage, "critical,digitalSignature") &&
                        add_extension(*made, context, NID_ext_key_usage, "serverAuth") &&
                        add_extension(*made, context, NID_subject_key_identifier, "hash") &&
                        add_extension(*made, context, NID_authority_key_identifier, "keyid:always") &&
                        add_extension(*made, context, NID_subject_alt_name, alternative_names(names)) &&
                        X509_sign(made, issuer.key.get(), EVP_sha256()) > 0;
  if (!complete) return error(Code::internal, "make a server certificate");
  return certificate;
}

bool covers(const X509& certificate, const std::vector<SubjectName>& names) {
  using GeneralNames = std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>>;
  const GeneralNames held(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  if (held == nullptr || sk_GENERAL_NAME_num(held.get()) != static_cast<int>(names.size())) return false;
  for (int i = 0; i < sk_GENERAL_NAME_num(held.get()); ++i) {
    const auto name = name_of_general(*sk_GENERAL_NAME_value(held.get(), i));
    if (!name || std::ranges::find(names, *name) == names.end()) return false;
  }
  return true;
}

}  // namespace sallyport::ossl
