// SPDX-License-Identifier: Apache-2.0
// TlsCascade: the sources that a setting admits, tried in order, each with a deadline and a reason where it
// was passed over.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sallyport/config/environment.h"
#include "sallyport/env/clock.h"
#include "sallyport/env/files.h"
#include "sallyport/pki/names.h"
#include "sallyport/tls/source.h"
#include "sallyport/tls/tailscale.h"

namespace sallyport {

/// TlsWish is what the settings say about certificates.
struct TlsWish {
  std::optional<TlsTier> only;  ///< none: the cascade, which given files are no part of
  std::string certificate_file;
  std::string key_file;
  std::string dir;  ///< private; what we make is kept there
  std::string tailscale_socket;
  std::vector<SubjectName> names;  ///< of certificates that we make
  TailscaleWish tailscale;
};

/// TlsPowers outlive what is made with them.
struct TlsPowers {
  Files& files;
  Entropy& entropy;
  const MonotonicClock& monotonic;
  const Environment& environment;
};

struct PassedOver {
  TlsTier tier;
  std::string why;
};

/// TlsChoice is the pair to serve, and why no earlier source has it.
struct TlsChoice {
  TlsTier tier = TlsTier::local_authority;
  SourcedIdentity serving;
  std::vector<PassedOver> passed_over;
};

/// TlsLook is the choice that would be made; none: no source would serve.
struct TlsLook {
  std::optional<TlsTier> tier;
  SourceLook would;
  std::vector<PassedOver> passed_over;
};

/// TlsCascade blocks, on disks and local daemons: one thread at a time, and never an event loop's.
class TlsCascade {
 public:
  TlsCascade(std::vector<std::unique_ptr<TlsSource>> sources, const MonotonicClock& monotonic)
      : sources_(std::move(sources)), monotonic_(&monotonic) {}
  static TlsCascade make(const TlsWish& wish, const TlsPowers& powers);

  /// choose asks the sources down to `last`, in order, for a pair that is valid at `now`; of given files any
  /// pair will do. Error: that of the only source; unavailable, where several have none, names each reason.
  Result<TlsChoice> choose(WallTime now, TlsTier last = TlsTier::local_authority);
  /// look finds out the same without making or fetching anything.
  TlsLook look(WallTime now);
  /// be_quick bounds each later question, so that who waits for this cascade's thread to end waits for
  /// seconds.
  void be_quick() noexcept { patience_max_ = std::chrono::seconds(5); }
  /// watched are the files of all sources down to `last`.
  [[nodiscard]] std::vector<std::string> watched(TlsTier last = TlsTier::local_authority) const;

 private:
  std::vector<std::unique_ptr<TlsSource>> sources_;
  const MonotonicClock* monotonic_;
  Duration patience_max_ = std::chrono::hours(1);
};

}  // namespace sallyport
