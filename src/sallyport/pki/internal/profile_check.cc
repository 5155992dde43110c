// SPDX-License-Identifier: Apache-2.0
#include "sallyport/pki/internal/profile_check.h"

#include <openssl/err.h>

#include <algorithm>

#include "sallyport/base/text.h"
#include "sallyport/pki/authority.h"
#include "sallyport/pki/internal/data.h"
#include "sallyport/pki/internal/general_names.h"

namespace sallyport::ossl {
namespace {

using Found = std::optional<Finding>;

constexpr long kVersion3 = 2;

Found broken(std::string_view why) { return Finding{CertificateFault::profile, std::string(why)}; }

bool is_critical(const X509& certificate, int nid) noexcept {
  const int at = X509_get_ext_by_NID(&certificate, nid, -1);
  return at >= 0 && X509_EXTENSION_get_critical(X509_get_ext(&certificate, at)) == 1;
}
bool has(const X509& certificate, int nid) noexcept {
  return X509_get_ext_by_NID(&certificate, nid, -1) >= 0;
}

/// extensions_parse: every extension that OpenSSL knows can be decoded, the informational ones included.
bool extensions_parse(const X509& certificate) {
  for (int i = 0; i < X509_get_ext_count(&certificate); ++i) {
    X509_EXTENSION* const extension = X509_get_ext(&certificate, i);
    const X509V3_EXT_METHOD* const method = X509V3_EXT_get(extension);
    if (method == nullptr) continue;
    void* const decoded = X509V3_EXT_d2i(extension);
    ERR_clear_error();
    if (decoded == nullptr) return false;
    if (method->it != nullptr) {
      ASN1_item_free(static_cast<ASN1_VALUE*>(decoded), ASN1_ITEM_ptr(method->it));
    } else {
      method->ext_free(decoded);
    }
  }
  return true;
}

/// check_serial: positive, not zero, at most 20 bytes with its sign (RFC 5280 section 4.1.2.2).
Found check_serial(const X509& certificate) {
  const ASN1_INTEGER* const serial = X509_get0_serialNumber(&certificate);
  const Number number(ASN1_INTEGER_to_BN(serial, nullptr));
  if (number == nullptr || BN_is_negative(number.get()) == 1 || BN_is_zero(number.get()))
    return broken("the serial number is not positive (RFC 5280 section 4.1.2.2)");
  if (BN_num_bits(number.get()) >= static_cast<int>(kSerialBytesMax * 8))
    return broken("the serial number has more than 20 bytes (RFC 5280 section 4.1.2.2)");
  return std::nullopt;
}

Found weak(std::string_view why) { return Finding{CertificateFault::weak_key, std::string(why)}; }

Found check_key(const Certificate& certificate, const Profile& profile) {
  const EVP_PKEY* const key = X509_get0_pubkey(object_of(certificate));
  const std::string& kind = certificate.facts().key;
  if (key == nullptr) return Finding{CertificateFault::malformed, "the public key cannot be read"};
  if (kind == "P-256" || kind == "P-384") return std::nullopt;
  if (kind == "P-521" && profile.p521 == Rule::on) return std::nullopt;
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && profile.rsa == Rule::on) {
    const int bits = EVP_PKEY_get_bits(key);
    if (bits >= kRsaBitsMin && bits <= kRsaBitsMax && bits % 8 == 0) return std::nullopt;
    return weak(concat("an RSA key of ", bits, " bits is refused: ", kRsaBitsMin, " to ", kRsaBitsMax,
                       ", a multiple of 8"));
  }
  return weak(concat("a key of kind ", kind, " is refused"));
}

/// check_dns_form: letters, digits, hyphens; a wildcard only where the profile admits it.
Found check_dns_form(std::string_view name, const Profile& profile) {
  if (DnsName::parse(name)) return std::nullopt;
  if (!DnsName::parse_pattern(name))
    return broken(
        concat("the alternative name \"", escaped(name), "\" is no DNS name (RFC 1034 section 3.5)"));
  if (profile.wildcards == Rule::on) return std::nullopt;
  return broken(concat("the wildcard \"", escaped(name), "\" is not admitted"));
}

/// check_email_form: one "@" with a part before it and a host name behind it (RFC 5280 section 4.2.1.6).
Found check_email_form(std::string_view name) {
  const auto at = name.find('@');
  if (at != std::string_view::npos && at > 0 && DnsName::parse(name.substr(at + 1))) return std::nullopt;
  return broken(concat("the alternative name \"", escaped(name), "\" is no e-mail address"));
}

/// raw_common_names of the subject; they may hold anything.
std::vector<std::string> raw_common_names(const X509& certificate) {
  std::vector<std::string> names;
  const X509_NAME* const subject = X509_get_subject_name(&certificate);
  for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;) {
    const ASN1_STRING* const text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
    names.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                       static_cast<std::size_t>(ASN1_STRING_length(text)));
  }
  return names;
}

Found check_common_name(const Certificate& leaf) {
  const auto names = raw_common_names(*object_of(leaf));
  if (names.empty()) return std::nullopt;
  if (names.size() > 1) return broken("the subject has more than one CN");
  const auto& alternatives = leaf.facts().names;
  // A certificate for a client may have a CN alone; what stands in none of the forms of a name is no name.
  if (alternatives.empty()) return std::nullopt;
  const auto same = [&names](const SubjectName& name) { return name.str() == names.front(); };
  if (std::ranges::any_of(alternatives, same)) return std::nullopt;
  if (!SubjectName::parse_any(names.front())) return std::nullopt;
  return broken(concat("the CN \"", escaped(names.front()), "\" is not among the alternative names"));
}

Found check_identity(const Certificate& leaf) {
  const auto& names = leaf.facts().names;
  const auto is_uri = [](const SubjectName& name) { return name.is_uri(); };
  const auto first = std::ranges::find_if(names, is_uri);
  if (std::ranges::count_if(names, is_uri) == 1 && first->uri().is_spiffe()) return std::nullopt;
  return broken("a process identity is exactly one URI of the form spiffe://DOMAIN/PATH");
}

Found check_names(const Certificate& leaf, CertificateUse use, const Profile& profile) {
  const X509& certificate = *object_of(leaf);
  const GeneralNames held(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  ERR_clear_error();
  const bool empty_subject = X509_NAME_entry_count(X509_get_subject_name(&certificate)) == 0;
  const bool nameless = held == nullptr || sk_GENERAL_NAME_num(held.get()) == 0;
  if (nameless && (use != CertificateUse::client || empty_subject))
    return broken("it has no alternative name (RFC 6125 section 6.4.4: the CN does not count)");
  if (!nameless && is_critical(certificate, NID_subject_alt_name) != empty_subject) {
    return broken(
        empty_subject
            ? "with an empty subject the alternative names must be critical (RFC 5280 section 4.2.1.6)"
            : "with a subject the alternative names must not be critical (RFC 5280 section 4.2.1.6)");
  }
  for (int i = 0; !nameless && i < sk_GENERAL_NAME_num(held.get()); ++i) {
    const GENERAL_NAME& general = *sk_GENERAL_NAME_value(held.get(), i);
    if (general.type == GEN_DNS) {
      if (auto found = check_dns_form(text_of(general), profile)) return found;
    } else if (general.type == GEN_EMAIL) {
      if (auto found = check_email_form(text_of(general))) return found;
    }
  }
  if (profile.common_name_in_names == Rule::on) {
    if (auto found = check_common_name(leaf)) return found;
  }
  return profile.spiffe_identity == Rule::on ? check_identity(leaf) : std::nullopt;
}

Found check_use(const Certificate& leaf, CertificateUse use, const Profile& profile) {
  const auto& listed = leaf.facts().extended_key_usage;
  const auto lists = [&listed](std::string_view name) {
    return std::ranges::find(listed, name) != listed.end();
  };
  const bool server = use != CertificateUse::client;
  const bool client = use != CertificateUse::server;
  if (lists("anyExtendedKeyUsage")) return broken("it is for any use (anyExtendedKeyUsage)");
  if (is_critical(*object_of(leaf), NID_ext_key_usage)) return broken("extendedKeyUsage is critical");
  if ((server && !lists("serverAuth")) || (client && !lists("clientAuth"))) {
    return Finding{CertificateFault::wrong_purpose,
                   concat("it is not for use as a ", name_of(use), " (extendedKeyUsage",
                          listed.empty() ? " is missing)" : concat(": ", listed.front(), ")"))};
  }
  const std::size_t wanted = use == CertificateUse::peer ? 2 : 1;
  if (profile.exact_use == Rule::on && listed.size() != wanted)
    return broken(concat("it has other uses besides ", name_of(use), " (extendedKeyUsage)"));
  return std::nullopt;
}

Found check_key_usage(const Certificate& leaf, const Profile& profile) {
  const auto& usages = leaf.facts().key_usage;
  const auto lists = [&usages](std::string_view name) {
    return std::ranges::find(usages, name) != usages.end();
  };
  if (lists("keyCertSign")) return broken("a leaf may not sign certificates (keyUsage has keyCertSign)");
  const bool absent = !has(*object_of(leaf), NID_key_usage);
  if (absent && profile.key_usage == Rule::off) return std::nullopt;
  if (lists("digitalSignature")) return std::nullopt;
  return Finding{CertificateFault::wrong_purpose, "keyUsage lacks digitalSignature"};
}

Found check_life(const Certificate& leaf, const Profile& profile) {
  if (!profile.life_max) return std::nullopt;
  const auto& facts = leaf.facts();
  const bool sound = facts.not_before >= WallTime{} && facts.not_after >= facts.not_before;
  if (sound && facts.not_after - facts.not_before <= *profile.life_max + kBackdating) return std::nullopt;
  return broken(concat("it lives longer than ",
                       std::chrono::floor<std::chrono::hours>(*profile.life_max).count() / 24, " days"));
}

/// empty_constraints: RFC 5280 section 4.2.1.10, "must not issue certificates where name constraints is an
/// empty sequence".
bool empty_constraints(const NAME_CONSTRAINTS& held) noexcept {
  const auto none = [](const STACK_OF(GENERAL_SUBTREE) * list) {
    return list == nullptr || sk_GENERAL_SUBTREE_num(list) == 0;
  };
  return none(held.permittedSubtrees) && none(held.excludedSubtrees);
}

/// sound_subtree: a dNSName subtree is a DNS name, without leading period (RFC 5280 section 4.2.1.10), or
/// empty.
bool sound_subtree(const GENERAL_NAME& base) {
  if (base.type != GEN_DNS) return true;
  const std::string_view text = text_of(base);
  return text.empty() || DnsName::parse(text).has_value();
}

/// reaches says whether a wildcard leaf name covers some name below an excluded subtree: "*.b.example"
/// reaches "a.b.example".
bool reaches(std::string_view pattern, std::string_view excluded) noexcept {
  if (!pattern.starts_with("*.") || excluded.empty()) return false;
  const std::string_view parent = pattern.substr(2);
  const auto dot = excluded.find('.');
  return dot != std::string_view::npos && iequals(excluded.substr(dot + 1), parent);
}

Found check_subtrees(const STACK_OF(GENERAL_SUBTREE) * list) {
  for (int i = 0; list != nullptr && i < sk_GENERAL_SUBTREE_num(list); ++i) {
    if (!sound_subtree(*sk_GENERAL_SUBTREE_value(list, i)->base))
      return broken("an authority's name constraint is no DNS name (RFC 5280 section 4.2.1.10)");
  }
  return std::nullopt;
}

Found check_wildcards(const NAME_CONSTRAINTS& held, const Certificate& leaf) {
  for (const SubjectName& name : leaf.facts().names) {
    if (!name.is_pattern()) continue;
    for (int i = 0; held.excludedSubtrees != nullptr && i < sk_GENERAL_SUBTREE_num(held.excludedSubtrees);
         ++i) {
      const GENERAL_NAME& base = *sk_GENERAL_SUBTREE_value(held.excludedSubtrees, i)->base;
      if (base.type == GEN_DNS && reaches(name.dns(), text_of(base))) {
        return Finding{CertificateFault::name_constraint,
                       concat("the wildcard ", name.dns(), " covers a name that an authority excludes")};
      }
    }
  }
  return std::nullopt;
}

Found check_constraints(const Certificate& authority, const Certificate& leaf) {
  const X509& certificate = *object_of(authority);
  if (!has(certificate, NID_name_constraints)) return std::nullopt;
  const Constraints held(
      static_cast<NAME_CONSTRAINTS*>(X509_get_ext_d2i(&certificate, NID_name_constraints, nullptr, nullptr)));
  ERR_clear_error();
  if (held == nullptr)
    return Finding{CertificateFault::malformed, "an authority's name constraints cannot be read"};
  if (!is_critical(certificate, NID_name_constraints))
    return broken("an authority's name constraints are not critical (RFC 5280 section 4.2.1.10)");
  if (empty_constraints(*held))
    return broken("an authority's name constraints are empty (RFC 5280 section 4.2.1.10)");
  if (auto found = check_subtrees(held->permittedSubtrees)) return found;
  if (auto found = check_subtrees(held->excludedSubtrees)) return found;
  return check_wildcards(*held, leaf);
}

/// check_key_id: RFC 5280 section 4.2.1.1. A self-signed root may leave the identifier out; where it is
/// there, it is its own, and names no other certificate.
Found check_root_key_id(const Certificate& root) {
  X509* const certificate = object_of(root);
  if (!has(*certificate, NID_authority_key_identifier)) return std::nullopt;
  const ASN1_OCTET_STRING* const id = X509_get0_authority_key_id(certificate);
  const ASN1_OCTET_STRING* const own = X509_get0_subject_key_id(certificate);
  const bool good = id != nullptr && own != nullptr && ASN1_OCTET_STRING_cmp(id, own) == 0 &&
                    X509_get0_authority_issuer(certificate) == nullptr &&
                    X509_get0_authority_serial(certificate) == nullptr;
  return good ? std::nullopt : broken("the root's authority key identifier is not its own key identifier");
}

Found check_authority(const Certificate& authority, const Certificate& leaf, const Profile& profile) {
  const X509& certificate = *object_of(authority);
  if (auto found = check_serial(certificate)) return found;
  if (auto found = check_key(authority, profile)) return found;
  if (has(certificate, NID_policy_constraints) && !is_critical(certificate, NID_policy_constraints))
    return broken("an authority's policy constraints are not critical (RFC 5280 section 4.2.1.11)");
  return check_constraints(authority, leaf);
}

}  // namespace

std::optional<Finding> check_leaf(const Certificate& leaf, CertificateUse use, const Profile& profile) {
  const X509& certificate = *object_of(leaf);
  if (X509_get_version(&certificate) != kVersion3) return broken("it is not of version 3");
  if (!extensions_parse(certificate))
    return Finding{CertificateFault::malformed, "one of its extensions cannot be read"};
  if (auto found = check_serial(certificate)) return found;
  if (leaf.facts().authority)
    return Finding{CertificateFault::wrong_purpose, "it is an authority (CA:TRUE), not a leaf"};
  if (profile.basic_constraints == Rule::on && !has(certificate, NID_basic_constraints))
    return broken("it does not say that it is no authority (basicConstraints CA:FALSE)");
  if (has(certificate, NID_name_constraints))
    return broken("a leaf has no name constraints (RFC 5280 section 4.2.1.10)");
  if (auto found = check_key_usage(leaf, profile)) return found;
  if (auto found = check_use(leaf, use, profile)) return found;
  if (auto found = check_key(leaf, profile)) return found;
  if (auto found = check_names(leaf, use, profile)) return found;
  return check_life(leaf, profile);
}

std::optional<Finding> check_path(std::span<const Certificate> chain, const Profile& profile) {
  for (const Certificate& authority : chain.subspan(1)) {
    if (auto found = check_authority(authority, chain.front(), profile)) return found;
  }
  if (chain.size() < 2 || !chain.back().self_issued()) return std::nullopt;
  if (has(*object_of(chain.back()), NID_ext_key_usage))
    return broken("the root is bound to a use (extendedKeyUsage)");
  return check_root_key_id(chain.back());
}

}  // namespace sallyport::ossl
