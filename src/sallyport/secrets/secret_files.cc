// SPDX-License-Identifier: Apache-2.0
#include "sallyport/secrets/secret_files.h"

#include "sallyport/base/text.h"

namespace sallyport {

std::string SecretFiles::follow(const SecretRef& ref, std::unique_ptr<FreshSecret> secret) {
  std::string name = ref.str();
  if (followed_.contains(name))
    name += concat(" (", followed_.size() + 1, ")");  // a program's words are not shown
  followed_.insert_or_assign(name, std::move(secret));
  return name;
}

Result<SecretText> SecretFiles::read_secret(const std::string& path, FilePrivacy privacy) {
  const auto followed = followed_.find(path);
  return followed == followed_.end() ? files_.read_secret(path, privacy) : followed->second->get();
}

Result<std::string> SecretFiles::read_text(const std::string& path, FilePrivacy privacy) {
  return files_.read_text(path, privacy);
}

Status SecretFiles::create_private(const std::string& path, std::string_view content) {
  return files_.create_private(path, content);
}

Status SecretFiles::replace_private(const std::string& path, std::string_view content) {
  return files_.replace_private(path, content);
}

Status SecretFiles::ensure_private_directory(const std::string& path) {
  return files_.ensure_private_directory(path);
}

Status SecretFiles::remove(const std::string& path) { return files_.remove(path); }

}  // namespace sallyport
