// SPDX-License-Identifier: Apache-2.0
// LocalAuthority: certificates from an authority of our own, made at first need.
#pragma once

#include "sallyport/env/clock.h"
#include "sallyport/env/files.h"
#include "sallyport/pki/names.h"
#include "sallyport/tls/source.h"

namespace sallyport {

class LocalAuthority final : public TlsSource {
 public:
  /// `dir` is private; see ensure_local_identity for what it holds.
  LocalAuthority(Files& files, Entropy& entropy, std::string dir, std::vector<SubjectName> names)
      : files_(files), entropy_(entropy), dir_(std::move(dir)), names_(std::move(names)) {}

  [[nodiscard]] TlsTier tier() const noexcept override { return TlsTier::local_authority; }
  Result<SourcedIdentity> obtain(WallTime now, MonotonicTime deadline) override;
  Result<SourceLook> look(WallTime now, MonotonicTime deadline) override;
  [[nodiscard]] std::vector<std::string> watched() const override;

 private:
  Files& files_;
  Entropy& entropy_;
  std::string dir_;
  std::vector<SubjectName> names_;
};

}  // namespace sallyport
