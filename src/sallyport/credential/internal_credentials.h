// SPDX-License-Identifier: Apache-2.0
// Internal credentials: how a child that we started calls us back.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/credential/credential_store.h"
#include "sallyport/credential/token.h"
#include "sallyport/env/clock.h"

namespace sallyport {

inline constexpr std::string_view kInternalPrincipalId = "server-internal";
inline constexpr std::size_t kInternalEndpointsMax = 32;
inline constexpr std::size_t kInternalEndpointBytesMax = 512;

/// Route is how a connection reached us, as the gate judged it from the socket.
enum class Route : std::uint8_t { elsewhere, loopback, unix_socket };

/// InternalUse is a request that presents an internal credential.
struct InternalUse {
  std::string_view path;
  Route route = Route::elsewhere;
};

/// judge_internal: wrong_kind, expired, network_not_allowed (not on loopback or a Unix socket), wrong_path
/// (not one of the named endpoints, exactly); nullopt where all agree.
std::optional<Denial> judge_internal(const Grant& grant, const InternalUse& use, MonotonicTime now) noexcept;

/// InternalCredentials gives each child one credential: multi-use, without expiry, revocable, good for the
/// named endpoints on loopback or Unix sockets only. Its text goes to the child alone, by descriptor or
/// private file, never into a page or an API answer. It opens the same for whoever steals it from the child,
/// as long as the child lives. Any thread.
class InternalCredentials {
 public:
  InternalCredentials(CredentialStore& store, Entropy& entropy) noexcept : store_(store), entropy_(entropy) {}

  /// mint_for makes the child's credential and ends the one before. Errors: invalid_argument (no child, no
  /// endpoint, or one that is no exact path), and the store's.
  Result<Minted> mint_for(const SessionId& child, std::vector<std::string> endpoints, MonotonicTime now);
  /// admit: malformed_credential, wrong_kind, unknown_credential, and judge_internal's.
  [[nodiscard]] Admission admit(std::string_view text, const InternalUse& use, MonotonicTime now) const;
  /// revoke returns how many ended: 0 or 1.
  std::size_t revoke(const SessionId& child);

 private:
  std::size_t remove_of(const SessionId& child, std::optional<Digest> except);

  CredentialStore& store_;
  Entropy& entropy_;
};

}  // namespace sallyport
