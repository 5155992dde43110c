// SPDX-License-Identifier: Apache-2.0
#include "sallyport/plugin/internal/socket_directory.h"

#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/launch/handover.h"

namespace sallyport {
namespace {

constexpr std::size_t kSocketNameBytes = 24;  ///< "/plugin" and what go-plugin adds at random

}  // namespace

Result<SocketDirectory> SocketDirectory::make(const std::string& parent) {
  auto path = concat(parent, "/sallyport-plugin-XXXXXX");
  if (path.size() + kSocketNameBytes > kUnixPathBytesMax) {
    return fail(Code::invalid_argument,
                concat(escaped(parent), " is too long a path for sockets; name a shorter directory"));
  }
  if (::mkdtemp(path.data()) == nullptr) {
    const auto code = errno == EACCES ? Code::permission_denied : Code::unavailable;
    return fail(
        code, concat("cannot make a directory for sockets in ", escaped(parent), ": ", std::strerror(errno)));
  }
  return SocketDirectory(std::move(path));
}

SocketDirectory::SocketDirectory(SocketDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}

SocketDirectory::~SocketDirectory() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace sallyport
