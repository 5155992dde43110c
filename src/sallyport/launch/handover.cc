// SPDX-License-Identifier: Apache-2.0
#include "sallyport/launch/handover.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

Error system_error(std::string_view what) {
  return fail(Code::unavailable, concat("cannot ", what, ": ", std::strerror(errno)));
}

}  // namespace

Result<Descriptor> sealed_memory(std::string_view content) {
  Descriptor made(::memfd_create("sallyport", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!made) return system_error("make a memory file");
  while (!content.empty()) {
    const auto written = ::write(made.get(), content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return system_error("write a memory file");
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fcntl(made.get(), F_ADD_SEALS, kSeals) != 0) return system_error("seal a memory file");
  if (::lseek(made.get(), 0, SEEK_SET) != 0) return system_error("rewind a memory file");
  return made;
}

RunDirectory::RunDirectory(RunDirectory&& other) noexcept
    : files_(std::exchange(other.files_, nullptr)), path_(std::move(other.path_)) {}

RunDirectory::~RunDirectory() {
  if (files_ == nullptr) return;
  (void)files_->remove(token_file());
  (void)files_->remove(internal_file());
  clear_socket();
  ::unlink(door().c_str());
  ::rmdir(path_.c_str());
}

Result<RunDirectory> RunDirectory::make(Files& files, const std::string& state_directory,
                                        const SessionId& session) {
  auto path = concat(state_directory, "/run/", session.view());
  if (path.size() + std::string_view("/socket").size() > kUnixPathBytesMax) {
    return fail(Code::invalid_argument,
                concat(path, "/socket is longer than the ", kUnixPathBytesMax,
                       " bytes that a socket's path may have; use a shorter --state-dir or --name"));
  }
  SALLYPORT_CHECK(files.ensure_private_directory(state_directory));
  SALLYPORT_CHECK(files.ensure_private_directory(concat(state_directory, "/run")));
  SALLYPORT_CHECK(files.ensure_private_directory(path));
  return RunDirectory(files, std::move(path));
}

Status RunDirectory::write_token(const SecretText& token) {
  return files_->replace_private(token_file(), token.expose());
}

Status RunDirectory::write_internal(const SecretText& credential) {
  return files_->replace_private(internal_file(), credential.expose());
}

void RunDirectory::clear_socket() const noexcept { ::unlink(socket().c_str()); }

}  // namespace sallyport
