// SPDX-License-Identifier: Apache-2.0
#include "sallyport/pki/internal/template.h"

#include <algorithm>
#include <array>
#include <span>

#include "sallyport/base/text.h"
#include "sallyport/pki/internal/general_names.h"

namespace sallyport::ossl {
namespace {

constexpr long kVersion3 = 2;
constexpr std::size_t kSerialBytes = 20;

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
  return text.empty() || X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                                    reinterpret_cast<const unsigned char*>(text.data()),
                                                    static_cast<int>(text.size()), -1, 0) == 1;
}

Status check_common_name(std::string_view name) {
  if (name.size() > kCommonNameMax)
    return fail(Code::invalid_argument, concat("a name (CN) has at most ", kCommonNameMax, " bytes"));
  if (std::ranges::any_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
    return fail(Code::invalid_argument, "a name (CN) holds no control characters");
  return ok();
}

Result<CertificateHandle> begin(EVP_PKEY& key, const std::string& common_name, Validity validity,
                                Entropy& entropy) {
  SALLYPORT_CHECK(check_common_name(common_name));
  CertificateHandle certificate(X509_new());
  const bool begun = certificate != nullptr && X509_set_version(certificate.get(), kVersion3) == 1 &&
                     set_serial(*certificate, entropy) &&
                     set_time(X509_getm_notBefore(certificate.get()), validity.first) &&
                     set_time(X509_getm_notAfter(certificate.get()), validity.last) &&
                     add_common_name(X509_get_subject_name(certificate.get()), common_name) &&
                     X509_set_pubkey(certificate.get(), &key) == 1;
  if (!begun) return error(Code::internal, "begin a certificate");
  return certificate;
}

GENERAL_SUBTREE* subtree_of(int type, std::span<const unsigned char> bytes) {
  GENERAL_SUBTREE* const subtree = GENERAL_SUBTREE_new();
  ASN1_STRING* const string = type == GEN_IPADD ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
  if (subtree == nullptr || string == nullptr ||
      ASN1_STRING_set(string, bytes.data(), static_cast<int>(bytes.size())) != 1) {
    ASN1_STRING_free(string);
    GENERAL_SUBTREE_free(subtree);
    return nullptr;
  }
  GENERAL_NAME_set0_value(subtree->base, type, string);
  return subtree;
}

bool push_subtree(STACK_OF(GENERAL_SUBTREE) * &list, int type, std::span<const unsigned char> bytes) {
  if (list == nullptr) list = sk_GENERAL_SUBTREE_new_null();
  GENERAL_SUBTREE* const subtree = list != nullptr ? subtree_of(type, bytes) : nullptr;
  if (subtree != nullptr && sk_GENERAL_SUBTREE_push(list, subtree) > 0) return true;
  GENERAL_SUBTREE_free(subtree);
  return false;
}

/// network_bytes: address and mask (RFC 5280 section 4.2.1.10); empty where the text is no network.
std::vector<unsigned char> network_bytes(const Cidr& network) {
  const std::string text = network.str();
  const auto parts = split(text, '/');
  const auto base = IpAddress::parse(parts.front());
  if (!base) return {};
  const std::size_t size = base->is_v4() ? 4 : 16;
  unsigned left = static_cast<unsigned>(size) * 8;
  if (parts.size() == 2) left = parse_decimal<unsigned>(parts[1]).value_or(left);
  std::vector<unsigned char> bytes(base->bytes().begin(),
                                   base->bytes().begin() + static_cast<std::ptrdiff_t>(size));
  for (std::size_t i = 0; i < size; ++i) {
    const unsigned here = std::min(left, 8U);
    bytes.push_back(static_cast<unsigned char>(0xff00U >> here));
    left -= here;
  }
  return bytes;
}

bool permit(NAME_CONSTRAINTS& constraints, const NameConstraints& permitted) {
  bool good = true;
  for (const DnsName& name : permitted.dns) {
    good =
        good && push_subtree(constraints.permittedSubtrees, GEN_DNS,
                             {reinterpret_cast<const unsigned char*>(name.str().data()), name.str().size()});
  }
  for (const Cidr& network : permitted.networks)
    good = good && push_subtree(constraints.permittedSubtrees, GEN_IPADD, network_bytes(network));
  // A kind of which no name is permitted would be free altogether: an empty subtree excludes all of it.
  constexpr std::array<unsigned char, 32> kZero{};
  const std::span<const unsigned char> zero(kZero);
  if (permitted.dns.empty()) good = good && push_subtree(constraints.excludedSubtrees, GEN_DNS, {});
  if (permitted.networks.empty()) {
    good = good && push_subtree(constraints.excludedSubtrees, GEN_IPADD, zero.first(8)) &&
           push_subtree(constraints.excludedSubtrees, GEN_IPADD, zero);
  }
  return good && push_subtree(constraints.excludedSubtrees, GEN_EMAIL, {});
}

bool add_constraints(X509& certificate, const NameConstraints& permitted) {
  if (permitted.empty()) return true;
  const Constraints constraints(NAME_CONSTRAINTS_new());
  return constraints != nullptr && permit(*constraints, permitted) &&
         X509_add1_ext_i2d(&certificate, NID_name_constraints, constraints.get(), 1, 0) == 1;
}

bool add_names(X509& certificate, const LeafNames& names) {
  const GeneralNames list = general_names_of(names.names);
  const int critical = names.common_name.empty() ? 1 : 0;  // RFC 5280 section 4.2.1.6
  return list != nullptr &&
         X509_add1_ext_i2d(&certificate, NID_subject_alt_name, list.get(), critical, 0) == 1;
}

std::string extended_usage(CertificateUse use) {
  if (use == CertificateUse::peer) return "serverAuth,clientAuth";
  return use == CertificateUse::server ? "serverAuth" : "clientAuth";
}

std::string usage(CertificateUse use, const EVP_PKEY& key) {
  const bool exchange = EVP_PKEY_get_base_id(&key) == EVP_PKEY_RSA && use != CertificateUse::client;
  return exchange ? "critical,digitalSignature,keyEncipherment" : "critical,digitalSignature";
}

}  // namespace

const EVP_MD* digest_for(const EVP_PKEY& key) noexcept {
  const int bits = EVP_PKEY_get_bits(&key);
  if (EVP_PKEY_get_base_id(&key) == EVP_PKEY_RSA || bits <= 256) return EVP_sha256();
  return bits <= 384 ? EVP_sha384() : EVP_sha512();
}

Result<Validity> validity_of(Duration life, WallTime now, WallTime end) {
  if (life < std::chrono::minutes(1))
    return fail(Code::invalid_argument, "a certificate lives a minute at least");
  if (life > WallTime::max() - now)
    return fail(Code::invalid_argument, "a certificate ends before the year 2262");
  return Validity{now - kBackdating, std::min(now + life, end)};
}

Result<CertificateHandle> make_root(const AuthorityRequest& request, EVP_PKEY& key, Validity validity,
                                    Entropy& entropy) {
  if (request.permitted.dns.size() + request.permitted.networks.size() > kNameConstraintsMax)
    return fail(Code::invalid_argument,
                concat("an authority has at most ", kNameConstraintsMax, " constraints"));
  const std::string name =
      request.name.empty() ? concat("sallyport local authority ", seconds_of(validity.first + kBackdating))
                           : request.name;
  SALLYPORT_TRY(certificate, begin(key, name, validity, entropy));
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate.get(), certificate.get(), nullptr, nullptr, 0);
  X509* const made = certificate.get();
  const bool complete = X509_set_issuer_name(made, X509_get_subject_name(made)) == 1 &&
                        add_extension(*made, context, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
                        add_extension(*made, context, NID_key_usage, "critical,keyCertSign,cRLSign") &&
                        add_extension(*made, context, NID_subject_key_identifier, "hash") &&
                        add_constraints(*made, request.permitted) &&
                        X509_sign(made, &key, digest_for(key)) > 0;
  if (!complete) return error(Code::internal, "make an authority");
  return certificate;
}

Result<LeafNames> leaf_names_of(const LeafRequest& request) {
  LeafNames made{request.common_name, request.names};
  if (made.common_name.empty()) {
    const auto first = std::ranges::find_if(made.names, [](const SubjectName& name) {
      return !name.is_uri() && name.str().size() <= kCommonNameMax;
    });
    if (first != made.names.end()) made.common_name = first->str();
  } else if (auto name = SubjectName::parse_any(made.common_name)) {
    made.common_name = name->str();
    if (std::ranges::find(made.names, *name) == made.names.end())
      made.names.insert(made.names.begin(), *std::move(name));
  }
  if (made.names.empty() && request.use != CertificateUse::client) {
    return fail(Code::invalid_argument,
                concat("a ", name_of(request.use), " certificate needs a name: DNS, IP or URI"));
  }
  if (made.names.empty() && made.common_name.empty())
    return fail(Code::invalid_argument, "a client certificate needs an alternative name or a CN");
  if (made.names.size() > kSubjectNamesMax)
    return fail(Code::invalid_argument, concat("a certificate has at most ", kSubjectNamesMax, " names"));
  return made;
}

Result<CertificateHandle> make_leaf(CertificateUse use, const LeafNames& names, EVP_PKEY& key, Signer signer,
                                    Validity validity, Entropy& entropy) {
  SALLYPORT_TRY(certificate, begin(key, names.common_name, validity, entropy));
  X509* const made = certificate.get();
  X509* const issuer = signer.certificate != nullptr ? signer.certificate : made;
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, made, nullptr, nullptr, 0);
  const bool complete =
      X509_set_issuer_name(made, X509_get_subject_name(issuer)) == 1 &&
      add_extension(*made, context, NID_basic_constraints, "critical,CA:FALSE") &&
      add_extension(*made, context, NID_key_usage, usage(use, key)) &&
      add_extension(*made, context, NID_ext_key_usage, extended_usage(use)) &&
      add_extension(*made, context, NID_subject_key_identifier, "hash") &&
      (issuer == made || add_extension(*made, context, NID_authority_key_identifier, "keyid")) &&
      (names.names.empty() || add_names(*made, names)) &&
      X509_sign(made, signer.key, digest_for(*signer.key)) > 0;
  if (!complete) return error(Code::internal, "make a certificate");
  return certificate;
}

}  // namespace sallyport::ossl
