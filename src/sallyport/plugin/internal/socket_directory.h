// SPDX-License-Identifier: Apache-2.0
// SocketDirectory: where one plugin puts its sockets, open to nobody else.
#pragma once

#include <string>

#include "sallyport/base/result.h"

namespace sallyport {

/// SocketDirectory is a new directory of mode 0700. A resource: it goes with what is in it, since a plugin
/// that was killed leaves its sockets behind.
class SocketDirectory {
 public:
  /// make: unavailable, permission_denied, invalid_argument where a socket's path would be too long.
  static Result<SocketDirectory> make(const std::string& parent);
  SocketDirectory(SocketDirectory&& other) noexcept;
  SocketDirectory& operator=(SocketDirectory&&) = delete;
  ~SocketDirectory();
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  explicit SocketDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace sallyport
