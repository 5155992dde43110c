// SPDX-License-Identifier: Apache-2.0
#include "sallyport/audit/sink.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

constexpr std::string_view kStandardOutput = "-";

Error audit_error(std::string_view doing, const std::string& path, int error) {
  Code code = Code::unavailable;
  if (error == ENOENT || error == ENOTDIR) code = Code::not_found;
  if (error == EACCES || error == EPERM || error == ELOOP) code = Code::permission_denied;
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) code = Code::exhausted;
  const char* hint = error == ELOOP ? " (a symbolic link is not followed here)" : "";
  return fail(code, concat("cannot ", doing, " the audit log ", path, ": ", std::strerror(error), hint));
}

Status judge(const struct stat& info, const std::string& path) {
  if (S_ISCHR(info.st_mode)) return ok();  // a terminal, /dev/null
  if (!S_ISREG(info.st_mode))
    return fail(Code::permission_denied, concat("the audit log ", path, " is not a file"));
  if (info.st_uid != geteuid()) {
    return fail(Code::permission_denied, concat("the audit log ", path, " belongs to another user"));
  }
  if ((info.st_mode & 077) != 0) {
    return fail(Code::permission_denied,
                concat("the audit log ", path, " can be read or written by others; run: chmod 600 ", path));
  }
  return ok();
}

/// close_torn_line ends a line that a crash left without its newline, so that the next one stands alone.
Status close_torn_line(int fd, const struct stat& info, const std::string& path) {
  if (!S_ISREG(info.st_mode) || info.st_size == 0) return ok();
  char last = '\n';
  if (::pread(fd, &last, 1, info.st_size - 1) != 1 || last == '\n') return ok();
  if (::write(fd, "\n", 1) != 1) return audit_error("write", path, errno);
  return ok();
}

Result<Descriptor> open_file(const std::string& path) {
  if (path == kStandardOutput) {
    Descriptor copy(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
    if (!copy) return audit_error("open", path, errno);
    return copy;
  }
  // O_NONBLOCK: opening a pipe that nobody reads must fail, not wait. It means nothing to a file.
  Descriptor file(::open(path.c_str(),
                         O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600));
  if (!file) return audit_error("open", path, errno);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return audit_error("inspect", path, errno);
  SALLYPORT_CHECK(judge(info, path));
  SALLYPORT_CHECK(close_torn_line(file.get(), info, path));
  return file;
}

}  // namespace

Result<std::unique_ptr<AuditSink>> FileSink::open(const std::string& path) {
  SALLYPORT_TRY(file, open_file(path));
  return std::unique_ptr<AuditSink>(new FileSink(path, std::move(file)));
}

Status FileSink::append(std::string_view lines, std::size_t& taken) {
  while (!lines.empty()) {
    const ssize_t put = ::write(file_.get(), lines.data(), lines.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return audit_error("write", path_, errno);
    taken += static_cast<std::size_t>(put);
    lines.remove_prefix(static_cast<std::size_t>(put));
  }
  return ok();
}

Status FileSink::reopen() {
  if (path_ == kStandardOutput) return ok();
  SALLYPORT_TRY(file, open_file(path_));
  file_ = std::move(file);
  return ok();
}

}  // namespace sallyport
