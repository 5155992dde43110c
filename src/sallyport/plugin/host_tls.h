// SPDX-License-Identifier: Apache-2.0
// PluginTls: how a host and its plugin prove themselves to each other, as the host is told to.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "sallyport/base/result.h"
#include "sallyport/base/time.h"
#include "sallyport/env/clock.h"
#include "sallyport/net/mutual_tls.h"
#include "sallyport/net/tls.h"
#include "sallyport/pki/certificate.h"
#include "sallyport/plugin/handshake.h"

namespace sallyport {

/// A one-time certificate outlives the plugin that it was made for, and not by much more than that.
inline constexpr Duration kPluginCertificateLife = std::chrono::hours(24 * 365);

/// OneTimeIdentity is a fresh P-256 key with its own certificate, for one plugin's life: name localhost, for
/// both roles, since the broker swaps them. Its key never leaves the process.
struct OneTimeIdentity {
  Certificate certificate;
  std::shared_ptr<const TlsIdentity> identity;
  /// make: internal where OpenSSL fails.
  static Result<OneTimeIdentity> make(Entropy& entropy, WallTime now);
};

/// PluginTls is a value. Any thread.
class PluginTls {
 public:
  /// off: whoever can open the socket can call the plugin; the socket's directory and the kernel's word on
  /// its owner are all that guards it.
  static PluginTls off() { return PluginTls(Kind::off); }
  /// automatic is go-plugin's AutoMTLS: each side makes a one-time certificate, and takes the other's and
  /// none besides.
  static PluginTls automatic() { return PluginTls(Kind::automatic); }
  /// given uses certificates that both sides were configured with: our identity, and what the plugin's
  /// certificate may come from.
  static PluginTls given(std::shared_ptr<const MutualTls> tls) {
    PluginTls made(Kind::given);
    made.tls_ = std::move(tls);
    return made;
  }

  enum class Kind : std::uint8_t { off, automatic, given };
  [[nodiscard]] Kind kind() const noexcept { return kind_; }

  /// agreed gives what to connect with, after the plugin has said in `handshake` what it has; null: plain.
  /// `ours` is there where kind() is automatic. Errors: unauthenticated where the plugin sent no certificate
  /// though it was asked to, invalid_argument where it sent one unasked, internal.
  [[nodiscard]] Result<std::shared_ptr<const MutualTls>> agreed(
      const PluginHandshake& handshake, const std::optional<OneTimeIdentity>& ours) const;

 private:
  explicit PluginTls(Kind kind) noexcept : kind_(kind) {}
  Kind kind_;
  std::shared_ptr<const MutualTls> tls_;
};

}  // namespace sallyport
