// SPDX-License-Identifier: Apache-2.0
#include "sallyport/env/posix/system.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "sallyport/base/text.h"
#include "sallyport/env/posix/descriptor.h"

namespace sallyport {
namespace {

Duration read_clock(clockid_t id) {
  timespec ts{};
  if (clock_gettime(id, &ts) != 0) std::abort();
  return std::chrono::seconds(ts.tv_sec) + std::chrono::nanoseconds(ts.tv_nsec);
}

Error system_error(std::string_view doing, const std::string& path, int error) {
  Code code = Code::unavailable;
  if (error == ENOENT || error == ENOTDIR) code = Code::not_found;
  if (error == EACCES || error == EPERM || error == ELOOP) code = Code::permission_denied;
  if (error == EEXIST) code = Code::already_exists;
  if (error == ENOSPC || error == EDQUOT || error == EFBIG || error == EMFILE) code = Code::exhausted;
  const char* hint = error == ELOOP ? " (a symbolic link is not followed here)" : "";
  return fail(code, concat("cannot ", doing, ' ', path, ": ", std::strerror(error), hint));
}

Status judge_privacy(const struct stat& info, const std::string& path, FilePrivacy privacy) {
  if (!S_ISREG(info.st_mode)) return fail(Code::permission_denied, concat(path, " is not a regular file"));
  if (privacy == FilePrivacy::any) return ok();
  if (info.st_uid != geteuid() && info.st_uid != 0) {
    return fail(Code::permission_denied, concat(path, " belongs to another user; it must belong to you"));
  }
  if ((info.st_mode & 077) != 0) {
    return fail(Code::permission_denied,
                concat(path, " can be read or written by others; run: chmod 600 ", path));
  }
  return ok();
}

/// read_whole reads up to size bytes into `out`, which ends with what was there.
Result<std::size_t> read_whole(int fd, const std::string& path, std::span<char> out) {
  std::size_t have = 0;
  while (have < out.size()) {
    const ssize_t got = ::read(fd, out.data() + have, out.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("read", path, errno);
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  return have;
}

Status write_whole(int fd, const std::string& path, std::string_view content) {
  while (!content.empty()) {
    const ssize_t put = ::write(fd, content.data(), content.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return system_error("write", path, errno);
    content.remove_prefix(static_cast<std::size_t>(put));
  }
  if (::fsync(fd) != 0) return system_error("sync", path, errno);
  return ok();
}

std::string name_beside(const std::string& path) {
  SystemEntropy entropy;
  std::array<std::byte, 8> random{};
  entropy.fill(random);
  return concat(path, '.', to_hex(random), ".new");
}

Status create_exclusively(const std::string& path, std::string_view content) {
  const Descriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return system_error("create", path, errno);
  auto written = write_whole(fd.get(), path, content);
  if (!written) ::unlink(path.c_str());
  return written;
}

}  // namespace

WallTime SystemClock::now() const { return WallTime(read_clock(CLOCK_REALTIME)); }
MonotonicTime SystemMonotonicClock::now() const { return MonotonicTime(read_clock(CLOCK_BOOTTIME)); }

void SystemEntropy::fill(std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t got = getrandom(out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) std::abort();
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

Result<SecretText> SystemFiles::read_secret(const std::string& path, FilePrivacy privacy) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return system_error("open", path, errno);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return system_error("inspect", path, errno);
  SALLYPORT_CHECK(judge_privacy(info, path, privacy));
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size > kSmallFileBytesMax)
    return fail(Code::exhausted, concat(path, " is larger than ", kSmallFileBytesMax, " bytes"));
  Result<std::size_t> have = std::size_t{0};
  auto read =
      SecretText::filled_by(size, [&](std::span<char> out) { have = read_whole(fd.get(), path, out); });
  if (!have) return std::move(have).error();
  if (*have != size) return fail(Code::unavailable, concat(path, " changed while it was read; try again"));
  return read;
}

Result<std::string> SystemFiles::read_text(const std::string& path, FilePrivacy privacy) {
  SALLYPORT_TRY(secret, read_secret(path, privacy));
  return std::string(secret.expose());
}

// Written beside and linked, so that nobody who races us ever reads a file that is there but not yet whole.
Status SystemFiles::create_private(const std::string& path, std::string_view content) {
  const std::string beside = name_beside(path);
  SALLYPORT_CHECK(create_exclusively(beside, content));
  const int error = ::link(beside.c_str(), path.c_str()) == 0 ? 0 : errno;
  ::unlink(beside.c_str());
  if (error != 0) return system_error("create", path, error);
  return ok();
}

Status SystemFiles::replace_private(const std::string& path, std::string_view content) {
  const std::string beside = name_beside(path);
  SALLYPORT_CHECK(create_exclusively(beside, content));
  if (::rename(beside.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(beside.c_str());
    return system_error("replace", path, error);
  }
  return ok();
}

Status SystemFiles::ensure_private_directory(const std::string& path) {
  for (std::size_t cut = path.find('/', 1); cut != std::string::npos; cut = path.find('/', cut + 1)) {
    const std::string parent = path.substr(0, cut);
    if (::mkdir(parent.c_str(), 0700) != 0 && errno != EEXIST) return system_error("create", parent, errno);
  }
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return system_error("create", path, errno);
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return system_error("open", path, errno);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return system_error("inspect", path, errno);
  if (info.st_uid != geteuid())
    return fail(Code::permission_denied, concat(path, " belongs to another user"));
  if ((info.st_mode & 077) != 0) {
    return fail(Code::permission_denied, concat(path, " is open to others; run: chmod 700 ", path));
  }
  return ok();
}

Status SystemFiles::remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return system_error("remove", path, errno);
  return ok();
}

}  // namespace sallyport
