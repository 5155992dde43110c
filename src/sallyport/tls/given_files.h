// SPDX-License-Identifier: Apache-2.0
// GivenFiles: a certificate chain and its key in two files that somebody else keeps.
#pragma once

#include "sallyport/env/files.h"
#include "sallyport/tls/source.h"

namespace sallyport {

class GivenFiles final : public TlsSource {
 public:
  GivenFiles(Files& files, std::string certificate_file, std::string key_file)
      : files_(files), certificate_file_(std::move(certificate_file)), key_file_(std::move(key_file)) {}

  [[nodiscard]] TlsTier tier() const noexcept override { return TlsTier::given_files; }
  /// obtain reads both anew. A pair that is over is given all the same: that is for its keeper to mend.
  Result<SourcedIdentity> obtain(WallTime now, MonotonicTime deadline) override;
  Result<SourceLook> look(WallTime now, MonotonicTime deadline) override;
  [[nodiscard]] std::vector<std::string> watched() const override { return {certificate_file_, key_file_}; }

 private:
  Files& files_;
  std::string certificate_file_;
  std::string key_file_;
};

}  // namespace sallyport
