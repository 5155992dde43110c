// SPDX-License-Identifier: Apache-2.0
// AccessTokenFile: keeps the store's access token the same as the file's, without a restart.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "sallyport/base/result.h"
#include "sallyport/credential/credential_store.h"
#include "sallyport/env/files.h"

namespace sallyport {

/// AccessTokenFile follows one file. A new value ends the one before, and what descends from it; so does the
/// file's removal. While the file cannot be read, or holds no token, its token is suspended: presented anew
/// it is refused, and connections that it opened before go on, so that a full descriptor table or an editor's
/// half-written file neither opens the door nor cuts everybody off. Any thread; refresh blocks on the disk.
class AccessTokenFile {
 public:
  AccessTokenFile(Files& files, CredentialStore& store, std::string path,
                  std::shared_ptr<const Principal> principal);

  /// refresh reads the file and follows it; call it at start, on a change of the file and now and then.
  /// Errors: those of read_access_token and of the store; the token is suspended then.
  Status refresh(MonotonicTime now);
  /// current is the digest of the token that is honoured; nullopt before the first refresh and while
  /// suspended.
  [[nodiscard]] std::optional<Digest> current() const;

 private:
  enum class State : std::uint8_t { none, honoured, suspended };

  [[nodiscard]] Grant grant_for(const Digest& digest, MonotonicTime issued, MonotonicTime expires) const;
  void suspend();
  void end_before(MonotonicTime now);

  Files& files_;
  CredentialStore& store_;
  const std::string path_;
  const std::shared_ptr<const Principal> principal_;
  mutable std::mutex mutex_;
  State state_ = State::none;
  Digest digest_;
};

}  // namespace sallyport
