// SPDX-License-Identifier: Apache-2.0
// TlsReport: what a person asks about a listener's certificate.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sallyport/base/time.h"
#include "sallyport/tls/cascade.h"

namespace sallyport {

/// CertificateState is how much of a certificate's life is left. `due`: five sixths are over, so that who
/// should have renewed it has not.
enum class CertificateState : std::uint8_t { none, good, due, over, not_yet_valid };
std::string_view name_of(CertificateState state) noexcept;
CertificateState certificate_state(WallTime not_before, WallTime not_after, WallTime now) noexcept;

struct TlsReport {
  std::string source = "off";
  std::string why;
  CertificateState state = CertificateState::none;
  std::vector<std::string> names;
  std::string issuer;
  WallTime not_before{};
  WallTime not_after{};
  int days_left = -1;       ///< whole ones; negative once it is over
  std::string fingerprint;  ///< SHA-256 of the certificate; empty: there is none yet
  std::string root_file;    ///< to be trusted by clients; empty: a public authority's, or unknown
  std::vector<PassedOver> passed_over;
  std::string fault;          ///< why the last try to renew or reload failed; empty: it did not
  WallTime changed_at{};      ///< when this certificate was first served
  std::uint64_t changes = 0;  ///< certificates that were replaced while connections lived
};

/// report_choice tells of what is served; report_look of what would be.
TlsReport report_choice(const TlsChoice& choice, WallTime now);
TlsReport report_look(const TlsLook& look, WallTime now);

}  // namespace sallyport
