// SPDX-License-Identifier: Apache-2.0
#include "sallyport/tls/report.h"

#include <array>

#include "sallyport/base/text.h"
#include "sallyport/pki/certificate.h"

namespace sallyport {
namespace {

void tell_certificate(TlsReport& report, const std::string& chain_pem, WallTime now) {
  const auto certificate = Certificate::from_pem(chain_pem);
  if (!certificate) return;
  const CertificateFacts& facts = certificate->facts();
  report.state = certificate_state(facts.not_before, facts.not_after, now);
  for (const auto& name : facts.names) report.names.push_back(name.str());
  report.issuer = facts.issuer;
  report.not_before = facts.not_before;
  report.not_after = facts.not_after;
  report.days_left = static_cast<int>(std::chrono::floor<std::chrono::days>(facts.not_after - now).count());
  report.fingerprint = to_hex(facts.fingerprint.bytes);
}

}  // namespace

std::string_view name_of(CertificateState state) noexcept {
  constexpr std::array<std::string_view, 5> kNames{"none", "good", "due", "over", "not_yet_valid"};
  return kNames[static_cast<std::size_t>(state)];
}

CertificateState certificate_state(WallTime not_before, WallTime not_after, WallTime now) noexcept {
  if (now < not_before) return CertificateState::not_yet_valid;
  if (now > not_after) return CertificateState::over;
  const bool late = now - not_before >= (not_after - not_before) / 6 * 5;
  return late ? CertificateState::due : CertificateState::good;
}

TlsReport report_choice(const TlsChoice& choice, WallTime now) {
  TlsReport report;
  report.source = name_of(choice.tier);
  report.why = choice.serving.why;
  report.root_file = choice.serving.root_file;
  report.passed_over = choice.passed_over;
  tell_certificate(report, choice.serving.identity.chain_pem, now);
  return report;
}

TlsReport report_look(const TlsLook& look, WallTime now) {
  TlsReport report;
  report.source = look.tier ? name_of(*look.tier) : "none";
  report.why = look.tier ? look.would.why : "no source has a certificate";
  report.root_file = look.would.root_file;
  report.passed_over = look.passed_over;
  tell_certificate(report, look.would.chain_pem, now);
  return report;
}

}  // namespace sallyport
