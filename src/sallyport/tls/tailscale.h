// SPDX-License-Identifier: Apache-2.0
// Tailscale: the certificate of this machine's name on its tailnet, which a public authority has signed.
#pragma once

#include "sallyport/tls/source.h"
#include "sallyport/tls/tailscale_api.h"

namespace sallyport {

/// TailscaleWish says when its certificate would do.
struct TailscaleWish {
  /// Listeners of ours; an unspecified one stands for every address. Where none is on the tailnet, nobody
  /// could come by the certificate's name. Empty: not judged.
  std::vector<IpAddress> listeners;
  std::vector<std::string> hosts;  ///< names that the certificate must have
  Duration patience = std::chrono::seconds(10);
};

class Tailscale final : public TlsSource {
 public:
  Tailscale(TailscaleApi api, const MonotonicClock& monotonic, TailscaleWish wish)
      : api_(std::move(api)), monotonic_(monotonic), wish_(std::move(wish)) {}

  [[nodiscard]] TlsTier tier() const noexcept override { return TlsTier::tailscale; }
  /// obtain asks the daemon each time: it keeps certificates and renews them by itself.
  Result<SourcedIdentity> obtain(WallTime now, MonotonicTime deadline) override;
  Result<SourceLook> look(WallTime now, MonotonicTime deadline) override;
  [[nodiscard]] Duration patience() const noexcept override { return wish_.patience; }
  [[nodiscard]] std::vector<std::string> watched() const override { return {api_.socket_path()}; }

 private:
  Result<std::string> choose_domain(MonotonicTime deadline);
  TailscaleApi api_;
  const MonotonicClock& monotonic_;
  TailscaleWish wish_;
};

}  // namespace sallyport
