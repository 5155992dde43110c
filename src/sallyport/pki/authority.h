// SPDX-License-Identifier: Apache-2.0
// Authority: a certificate that signs others, with its key; and the certificates it makes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sallyport/base/address.h"
#include "sallyport/base/result.h"
#include "sallyport/base/time.h"
#include "sallyport/env/clock.h"
#include "sallyport/pki/certificate.h"
#include "sallyport/pki/key.h"
#include "sallyport/pki/names.h"
#include "sallyport/pki/revocation_list.h"

namespace sallyport {

using Days = std::chrono::duration<std::int32_t, std::ratio<86400>>;

inline constexpr Duration kAuthorityLife = Days(3650);
inline constexpr Duration kServerLife = Days(90);
inline constexpr Duration kBrowserLifeMax = Days(825);  ///< Apple's limit for roots that a user installed
inline constexpr Duration kBackdating = std::chrono::minutes(5);  ///< for peers whose clocks are behind
inline constexpr std::size_t kNameConstraintsMax = 64;
inline constexpr std::size_t kCommonNameMax = 64;  ///< RFC 5280 appendix A, ub-common-name

/// CertifiedKey is a certificate with its key, checked to be a pair, and the certificates between it and the
/// root, if any.
struct CertifiedKey {
  Certificate certificate;
  PrivateKey key;
  std::vector<Certificate> intermediates;
  /// chain_pem: the leaf first, then the intermediates.
  [[nodiscard]] std::string chain_pem() const;
  /// combined_pem: chain and key in one text, so that a file of both is replaced as one. Error: internal.
  [[nodiscard]] Result<SecretText> combined_pem() const;
};

/// read_certified_key takes a pair from PEM texts; they may be one and the same text. Errors: those of
/// Certificate and PrivateKey; invalid_argument where the key is not that of the first certificate.
Result<CertifiedKey> read_certified_key(std::string_view chain_pem, const SecretText& key_pem);

/// NameConstraints bind an authority to names (RFC 5280 section 4.2.1.10); empty: to none. Where any name is
/// permitted, the kinds of which none is (DNS, IP, e-mail) are excluded altogether; URIs are not bound.
struct NameConstraints {
  std::vector<DnsName> dns = {};  ///< each permits itself and all names below
  std::vector<Cidr> networks = {};
  [[nodiscard]] bool empty() const noexcept { return dns.empty() && networks.empty(); }
};

struct AuthorityRequest {
  std::string name;  ///< CN; empty: "sallyport local authority" and the time
  KeyKind key = KeyKind::p256;
  Duration life = kAuthorityLife;
  NameConstraints permitted = {};
};

struct LeafRequest {
  CertificateUse use = CertificateUse::server;
  std::vector<SubjectName> names;  ///< a server needs one at least
  /// CN, which is added to `names` where it is a DNS name or address. Empty: the first DNS name or address
  /// that fits; where there is none the subject is empty and the alternative names are critical.
  std::string common_name;
  KeyKind key = KeyKind::p256;
  Duration life = kServerLife;  ///< cut at the issuer's end
};

/// Authority signs. Root keys have pathlen 0: it makes leaves, no further authorities. Immutable; any thread.
class Authority {
 public:
  /// create makes a self-signed root: CA with pathlen 0, keyUsage certSign and cRLSign, subject key id, a
  /// serial of 20 random bytes, not before kBackdating ago. Errors: invalid_argument (a life that is not
  /// positive or beyond the year 9999, a CN too long or with control characters, too many constraints),
  /// internal.
  static Result<Authority> create(const AuthorityRequest& request, Entropy& entropy, WallTime now);
  /// from_pair takes one that exists, mkcert's say. invalid_argument: not a pair, no authority, or may not
  /// sign certificates.
  static Result<Authority> from_pair(CertifiedKey pair);

  [[nodiscard]] const Certificate& certificate() const noexcept { return pair_.certificate; }
  [[nodiscard]] const CertifiedKey& pair() const noexcept { return pair_; }
  CertifiedKey take_pair() && { return std::move(pair_); }

  /// issue makes a key and a certificate for it: critical CA:FALSE, critical digitalSignature (and
  /// keyEncipherment for an RSA server), exactly the use asked for, both key ids. Errors: invalid_argument
  /// (no name, too many, a CN as above, a life), permission_denied (the authority is over, not yet valid, or
  /// bound to other names), internal.
  Result<CertifiedKey> issue(const LeafRequest& request, Entropy& entropy, WallTime now) const;
  /// reissue makes a new certificate for a key that stays; `request.key` is not looked at.
  Result<CertifiedKey> reissue(const LeafRequest& request, PrivateKey key, Entropy& entropy,
                               WallTime now) const;
  /// issued says whether `certificate` is signed by this authority's key.
  [[nodiscard]] bool issued(const Certificate& certificate) const;

  /// revocation_list signs a list (RFC 5280 section 5) of `revoked`, sorted by serial, valid from `now` for
  /// `life`. `number` must grow from list to list. Errors: permission_denied where the authority may not sign
  /// lists (mkcert's may not), internal.
  Result<RevocationList> revocation_list(std::span<const Revocation> revoked, std::uint64_t number,
                                         Duration life, WallTime now) const;

 private:
  explicit Authority(CertifiedKey pair) : pair_(std::move(pair)) {}
  CertifiedKey pair_;
};

/// self_signed makes a certificate that is its own root, for one peer to pin; it is no authority (CA:FALSE).
/// Errors as Authority::issue.
Result<CertifiedKey> self_signed(const LeafRequest& request, Entropy& entropy, WallTime now);

}  // namespace sallyport
