// SPDX-License-Identifier: Apache-2.0
#include "sallyport/pki/verify.h"

#include <openssl/err.h>

#include <algorithm>
#include <array>

#include "sallyport/base/text.h"
#include "sallyport/pki/internal/data.h"
#include "sallyport/pki/internal/path_check.h"
#include "sallyport/pki/internal/paths.h"
#include "sallyport/pki/internal/profile_check.h"

namespace sallyport {
namespace {

using ossl::Finding;
using Found = std::optional<Finding>;

constexpr unsigned kHostFlags = X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;

ChainVerdict refused(Finding finding) { return {finding.fault, std::move(finding.why), {}}; }

bool has_name(const Certificate& leaf, const SubjectName& name) {
  X509* const object = ossl::object_of(leaf);
  if (name.is_ip()) {
    const std::size_t size = name.ip().is_v4() ? 4 : 16;
    return X509_check_ip(object, name.ip().bytes().data(), size, kHostFlags) == 1;
  }
  if (name.is_dns())
    return X509_check_host(object, name.dns().data(), name.dns().size(), kHostFlags, nullptr) == 1;
  return std::ranges::find(leaf.facts().names, name) != leaf.facts().names.end();
}

std::string names_shown(const Certificate& leaf) {
  constexpr std::size_t kShown = 4;
  std::string text;
  for (std::size_t i = 0; i < std::min(leaf.facts().names.size(), kShown); ++i)
    text += concat(i == 0 ? "" : ", ", leaf.facts().names[i].str());
  if (leaf.facts().names.size() > kShown) text += ", ...";
  return text.empty() ? "none" : text;
}

Found check_name(const Certificate& leaf, const VerifyRequest& request) {
  if (request.name && !has_name(leaf, *request.name)) {
    return Finding{CertificateFault::wrong_name,
                   concat("it is not for ", request.name->str(), "; its names: ", names_shown(leaf))};
  }
  for (const std::string& email : request.emails) {
    if (X509_check_email(ossl::object_of(leaf), email.data(), email.size(), kHostFlags) != 1)
      return Finding{CertificateFault::wrong_name, concat("it is not for the address ", escaped(email))};
  }
  return std::nullopt;
}

Found check_time(const Certificate& certificate, WallTime now) {
  if (certificate.valid_at(now)) return std::nullopt;
  const bool early = now < certificate.facts().not_before;
  return Finding{early ? CertificateFault::not_yet_valid : CertificateFault::expired,
                 concat("\"", name_text(certificate), early ? "\" is not valid yet" : "\" has expired")};
}

Found check_length(const std::vector<Certificate>& path, std::size_t intermediates_max) {
  std::size_t counted = 0;
  for (std::size_t i = 1; i + 1 < path.size(); ++i) counted += path[i].self_issued() ? 0 : 1;
  if (counted <= intermediates_max) return std::nullopt;
  return Finding{CertificateFault::path_too_long,
                 concat("there are ", counted, " authorities between it and the anchor; at most ",
                        intermediates_max, " are admitted")};
}

/// check_one judges one path; what is cheap comes before what a stranger could make dear.
Found check_one(const std::vector<Certificate>& path, const VerifyRequest& request) {
  if (auto found = check_length(path, request.intermediates_max)) return found;
  for (const Certificate& each : path) {
    if (auto found = check_time(each, request.now)) return found;
  }
  if (auto found = ossl::check_path(path, request.profile)) return found;
  if (auto found = ossl::check_signatures(path, request.use)) return found;
  return ossl::check_revocation(path, request);
}

}  // namespace

std::string_view name_of(CertificateFault fault) noexcept {
  constexpr std::array<std::string_view, 15> kNames{
      "none",          "malformed",     "unknown_authority",  "bad_signature",   "expired",
      "not_yet_valid", "wrong_purpose", "wrong_name",         "name_constraint", "path_too_long",
      "weak_key",      "revoked",       "no_revocation_list", "profile",         "wrong_pin"};
  return kNames.at(static_cast<std::size_t>(fault));
}

ChainVerdict verify(const Certificate& leaf, const VerifyRequest& request) {
  if (request.intermediates.size() > kChainCertificatesMax) {
    return refused({CertificateFault::path_too_long,
                    concat("more than ", kChainCertificatesMax, " certificates came with it")});
  }
  if (auto found = check_time(leaf, request.now)) return refused(*std::move(found));
  if (auto found = ossl::check_leaf(leaf, request.use, request.profile)) return refused(*std::move(found));
  if (auto found = check_name(leaf, request)) return refused(*std::move(found));
  ChainVerdict verdict{CertificateFault::unknown_authority,
                       concat("its authority is not among those trusted: ",
                              leaf.facts().issuer.empty() ? "(no name)" : leaf.facts().issuer),
                       {}};
  bool first = true;
  ossl::for_each_path(leaf, request.anchors, request.intermediates,
                      [&](const std::vector<Certificate>& path) {
                        auto found = check_one(path, request);
                        if (!found) {
                          verdict = {CertificateFault::none, {}, path};
                          return ossl::Search::stop;
                        }
                        if (first)
                          verdict = refused(*std::move(found));  // the first path is the one that people mean
                        first = false;
                        return ossl::Search::go_on;
                      });
  ERR_clear_error();
  return verdict;
}

ChainVerdict verify_pinned(const Certificate& leaf, const Digest& fingerprint, WallTime now) {
  if (!leaf.facts().fingerprint.matches(fingerprint))
    return refused({CertificateFault::wrong_pin, "it is not the certificate that was pinned"});
  if (auto found = check_time(leaf, now)) return refused(*std::move(found));
  return {CertificateFault::none, {}, {leaf}};
}

ChainVerdict check_pin(const Certificate& leaf, const std::vector<Digest>& pins) {
  const auto same = [&leaf](const Digest& pin) { return leaf.facts().pin.matches(pin); };
  if (std::ranges::any_of(pins, same)) return {CertificateFault::none, {}, {leaf}};
  return refused({CertificateFault::wrong_pin, "its public key is not among those pinned"});
}

}  // namespace sallyport
