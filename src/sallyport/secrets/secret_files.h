// SPDX-License-Identifier: Apache-2.0
// SecretFiles: Files in which a reference stands where a path is expected, so that a password or a token that
// comes from a secret manager is followed like one that stands in a file.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "sallyport/env/files.h"
#include "sallyport/secrets/secret_reader.h"

namespace sallyport {

/// SecretFiles passes everything on to `files` but reads of a name that follow() gave out. Complete before
/// the first read; from then on any thread.
class SecretFiles final : public Files {
 public:
  /// `files` outlives this.
  explicit SecretFiles(Files& files) : files_(files) {}

  /// follow makes ref.str() a name to read, and returns it.
  std::string follow(const SecretRef& ref, std::unique_ptr<FreshSecret> secret);

  Result<SecretText> read_secret(const std::string& path, FilePrivacy privacy) override;
  Result<std::string> read_text(const std::string& path, FilePrivacy privacy) override;
  Status create_private(const std::string& path, std::string_view content) override;
  Status replace_private(const std::string& path, std::string_view content) override;
  Status ensure_private_directory(const std::string& path) override;
  Status remove(const std::string& path) override;

 private:
  Files& files_;
  std::map<std::string, std::unique_ptr<FreshSecret>, std::less<>> followed_;
};

}  // namespace sallyport
