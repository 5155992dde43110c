// SPDX-License-Identifier: Apache-2.0
// TlsSource: one place that a listener's certificate and key may come from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/base/time.h"
#include "sallyport/pki/identity.h"

namespace sallyport {

/// TlsTier is a kind of source. The cascade tries them in this order.
enum class TlsTier : std::uint8_t { given_files, tailscale, mkcert, local_authority };
/// name_of is how people and JSON spell it: "given files", "tailscale", "mkcert", "local authority".
std::string_view name_of(TlsTier tier) noexcept;

/// SourcedIdentity is a pair to serve, and why it is this one.
struct SourcedIdentity {
  ServerIdentity identity;
  std::string why;        ///< one sentence for people
  std::string root_file;  ///< the authority that clients must trust; empty: a public one, or unknown
};

/// SourceLook is what a source would do, found without making or fetching anything.
struct SourceLook {
  std::string why;
  std::string chain_pem;  ///< what it has now; empty: it would make or fetch a pair
  std::string root_file;
};

/// TlsSource blocks, on disks and local daemons: never to be called on an event loop. One thread at a time.
class TlsSource {
 public:
  virtual ~TlsSource() = default;
  [[nodiscard]] virtual TlsTier tier() const noexcept = 0;
  /// obtain gives the pair to serve at `now`: read, made or fetched anew where that is due. Its errors say
  /// why this source does not serve and, where that helps, what to do: not_found (it is not on this machine),
  /// unavailable, deadline_exceeded, permission_denied, invalid_argument (what is there is no pair).
  virtual Result<SourcedIdentity> obtain(WallTime now, MonotonicTime deadline) = 0;
  /// look has the errors of obtain.
  virtual Result<SourceLook> look(WallTime now, MonotonicTime deadline) = 0;
  /// patience is how long obtain may take.
  [[nodiscard]] virtual Duration patience() const noexcept { return std::chrono::seconds(5); }
  /// watched are the files whose change is a reason to ask again.
  [[nodiscard]] virtual std::vector<std::string> watched() const = 0;
};

/// followed gives the file that `path` leads to, since certificates are often links (certbot's, a
/// Kubernetes secret's) and Files follows none; `path` itself where nothing is there.
std::string followed(const std::string& path);

}  // namespace sallyport
