// SPDX-License-Identifier: Apache-2.0
// verify: is this certificate to be believed, for this use, by this name, now? OpenSSL's path check with its
// strict rules, and our profile (docs/certificates.md) on top.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/digest.h"
#include "sallyport/base/time.h"
#include "sallyport/pki/certificate.h"
#include "sallyport/pki/names.h"
#include "sallyport/pki/revocation_list.h"

namespace sallyport {

inline constexpr std::size_t kIntermediatesMax = 8;  ///< in one path, by default
inline constexpr std::size_t kPathsMax = 16;         ///< tried for one certificate

/// CertificateFault is why a certificate is refused: for audit and metrics, never for the wire, which knows
/// one alert.
enum class CertificateFault : std::uint8_t {
  none,
  malformed,          ///< it, or one of its chain, cannot be parsed, or breaks a bound of ours
  unknown_authority,  ///< no path to an anchor
  bad_signature,
  expired,
  not_yet_valid,
  wrong_purpose,  ///< not for this use; an authority shown as a leaf
  wrong_name,
  name_constraint,  ///< an authority signed beyond the names it is bound to
  path_too_long,
  weak_key,  ///< key or digest
  revoked,
  no_revocation_list,  ///< one was demanded and none fits, or it is over
  profile,             ///< a rule of the profile, named in `why`
  wrong_pin,
};
/// name_of is the fault's spelling for logs, metrics and JSON: "unknown_authority".
std::string_view name_of(CertificateFault fault) noexcept;

/// Rule switches a rule of the profile.
enum class Rule : std::uint8_t { off, on };

/// Profile is what a certificate must be, beyond a good path. Two are made here; change single rules from
/// there.
struct Profile {
  Rule basic_constraints = Rule::on;  ///< a leaf must say CA:FALSE; off: it must not say CA:TRUE
  Rule key_usage = Rule::on;  ///< a leaf must have keyUsage with digitalSignature; off: it may have none
  Rule exact_use = Rule::on;  ///< extendedKeyUsage has the wanted use and no other; off: among others
  Rule common_name_in_names = Rule::on;  ///< CN is absent, or one of the alternative names
  Rule spiffe_identity = Rule::off;      ///< exactly one URI, a SPIFFE ID, as a process identity has
  Rule wildcards = Rule::off;            ///< "*." names are admitted
  Rule rsa = Rule::off;                  ///< RSA keys from 2048 bits are admitted
  Rule p521 = Rule::off;                 ///< P-521 keys are admitted
  std::optional<Duration> life_max =
      std::chrono::hours(24 * 825);  ///< longest notAfter - notBefore of a leaf

  /// own is for certificates of our own authority: every rule.
  static Profile own() { return {}; }
  /// foreign is for those that others made by the rules of RFC 5280 and the web: mkcert's, a public
  /// authority's.
  static Profile foreign();
};

/// Revocations says when a list is needed.
enum class Revocations : std::uint8_t {
  where_listed,  ///< a list that fits counts; where there is none, none is missed
  demanded,      ///< the leaf's issuer must have a current list
};

/// VerifyRequest is one question. The vectors are borrowed for the call.
struct VerifyRequest {
  const std::vector<Certificate>& anchors;
  const std::vector<Certificate>& intermediates;  ///< from the peer or a file; not trusted
  WallTime now{};
  CertificateUse use = CertificateUse::server;     ///< peer: both
  std::optional<SubjectName> name = std::nullopt;  ///< must be among the alternative names; CN never counts
  std::vector<std::string> emails = {};            ///< each must be among them
  Profile profile = {};
  std::size_t intermediates_max = kIntermediatesMax;  ///< self-issued ones are not counted (RFC 5280 4.2.1.9)
  const std::vector<RevocationList>* lists = nullptr;
  Revocations revocations = Revocations::where_listed;
};

/// ChainVerdict is a refusal until something made it an acceptance.
struct ChainVerdict {
  CertificateFault fault = CertificateFault::unknown_authority;
  std::string why;                 ///< for the operator: one sentence, escaped; empty where accepted
  std::vector<Certificate> chain;  ///< leaf to anchor, where accepted
  [[nodiscard]] bool accepted() const noexcept { return fault == CertificateFault::none; }
};

/// verify never trusts what it could not check, and is bounded: kPathsMax paths, kChainCertificatesMax
/// intermediates. It promises nothing about revocation that no list tells. Pure; any thread.
ChainVerdict verify(const Certificate& leaf, const VerifyRequest& request);

/// verify_pinned is the compatibility check for peers whose certificates fit no profile (go-plugin's,
/// pyvider's): exactly the certificate learnt beforehand, and in time. No chain, no names, no use.
ChainVerdict verify_pinned(const Certificate& leaf, const Digest& fingerprint, WallTime now);

/// check_pin: does the certificate have a public key whose SHA-256 is among `pins`? For use beside verify().
ChainVerdict check_pin(const Certificate& leaf, const std::vector<Digest>& pins);

}  // namespace sallyport
