// SPDX-License-Identifier: Apache-2.0
#include "sallyport/audit/file_sink.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include "sallyport/audit/event.h"
#include "sallyport/audit/internal/tail.h"
#include "sallyport/audit/log_files.h"
#include "sallyport/base/text.h"

namespace sallyport {
namespace {

constexpr std::string_view kStandardOutput = "-";
constexpr std::size_t kChunkBytes = std::size_t{256} << 10;
constexpr std::size_t kTailBytes = 8 * kStoredLineBytesMax;
constexpr Duration kCheckpointEvery = std::chrono::seconds(5);
constexpr int kLockTries = 400;
constexpr auto kLockPause = std::chrono::milliseconds(5);

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

struct OpenFile {
  Descriptor file;
  bool regular = false;
};

Result<OpenFile> open_file(const std::string& path) {
  if (path == kStandardOutput) {
    Descriptor copy(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
    if (!copy) return audit_error("open", path, errno);
    return OpenFile{std::move(copy), false};
  }
  // O_NONBLOCK: opening a pipe that nobody reads must fail, not wait. It means nothing to a file.
  Descriptor file(::open(path.c_str(),
                         O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600));
  if (!file) return audit_error("open", path, errno);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return audit_error("inspect", path, errno);
  SALLYPORT_CHECK(judge(info, path));
  return OpenFile{std::move(file), S_ISREG(info.st_mode)};
}

Result<std::string> read_from(int fd, const std::string& path, off_t begin, off_t end) {
  std::string text(static_cast<std::size_t>(end - begin), '\0');
  std::size_t have = 0;
  while (have < text.size()) {
    const ssize_t got = ::pread(fd, text.data() + have, text.size() - have, begin + static_cast<off_t>(have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return audit_error("read", path, errno);
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  text.resize(have);
  return text;
}

/// read_tail reads whole lines at the end of a file, as many as kTailBytes hold.
Result<std::string> read_tail(int fd, const std::string& path, off_t size) {
  const off_t begin = std::max<off_t>(0, size - static_cast<off_t>(kTailBytes));
  SALLYPORT_TRY(text, read_from(fd, path, begin, size));
  if (begin != 0) text.erase(0, text.find('\n') == std::string::npos ? 0 : text.find('\n') + 1);
  return text;
}

std::string event_line(const Clock& clock, AuditKind kind, std::string_view detail) {
  AuditEvent event;
  event.kind = kind;
  event.outcome = Outcome::failed;
  event.detail = detail;
  const Fingerprinter unused = Fingerprinter::derived_from(SecretText("no credential is named"));
  std::string line;
  append_json_line(line, clock.now(), event, unused);
  return line;
}

}  // namespace

/// Turn is the lock on the file while we look and write; several processes of one user may share a log.
class FileSink::Turn {
 public:
  Turn(int fd, bool wanted) : fd_(wanted ? fd : -1) {
    for (int i = 0; fd_ >= 0 && !held_ && i < kLockTries; ++i) {
      held_ = ::flock(fd_, LOCK_EX | LOCK_NB) == 0;
      if (!held_) std::this_thread::sleep_for(kLockPause);
    }
  }
  ~Turn() {
    if (held_) ::flock(fd_, LOCK_UN);
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  explicit operator bool() const noexcept { return held_ || fd_ < 0; }

 private:
  int fd_;
  bool held_ = false;
};

FileSink::FileSink(std::string path, AuditSinkOptions options)
    : path_(std::move(path)),
      files_(options.files),
      clock_(options.clock),
      sync_(options.sync),
      key_(options.key.expose()),
      chain_(options.key) {}

FileSink::~FileSink() { (void)settle(); }

Result<std::unique_ptr<AuditSink>> FileSink::open(const std::string& path, AuditSinkOptions options) {
  auto sink = std::unique_ptr<FileSink>(new FileSink(path, options));
  SALLYPORT_TRY(opened, open_file(path));
  sink->file_ = std::move(opened.file);
  sink->regular_ = opened.regular;
  const Turn turn(sink->file_.get(), sink->regular_);
  if (!turn) return fail(Code::unavailable, concat("another process holds the audit log ", path));
  SALLYPORT_CHECK(sink->catch_up());
  return std::unique_ptr<AuditSink>(std::move(sink));
}

Status FileSink::append(std::string_view lines, std::size_t& taken) {
  SALLYPORT_CHECK(follow());
  const Turn turn(file_.get(), regular_);
  if (!turn) return fail(Code::unavailable, concat("another process holds the audit log ", path_));
  SALLYPORT_CHECK(catch_up());
  while (!lines.empty()) {
    auto end = lines.size();
    if (end > kChunkBytes) {
      const auto cut = lines.rfind('\n', kChunkBytes);
      end = cut == std::string_view::npos ? lines.size() : cut + 1;
    }
    SALLYPORT_CHECK(write_chained(lines.substr(0, end)));
    taken += end;
    lines.remove_prefix(end);
  }
  if (sync_ == AuditSync::disk && regular_ && ::fdatasync(file_.get()) != 0)
    return audit_error("sync", path_, errno);
  return clock_.now() - checkpoint_at_ >= kCheckpointEvery ? renew_checkpoint() : ok();
}

/// write_chained writes one chunk of lines, all or none of them.
Status FileSink::write_chained(std::string_view lines) {
  const ChainPoint before = chain_.at();
  const bool named = std::exchange(name_previous_, false) || !started_ || (regular_ && size_ == 0);
  auto first = named ? NamesPrevious::yes : NamesPrevious::no;
  buffer_.clear();
  while (!lines.empty()) {
    const auto end = std::min(lines.find('\n'), lines.size() - 1) + 1;
    chain_.append(buffer_, lines.substr(0, end), first);
    first = NamesPrevious::no;
    lines.remove_prefix(end);
  }
  std::string_view left = buffer_;
  while (!left.empty()) {
    const ssize_t put = ::write(file_.get(), left.data(), left.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) {
      const int error = errno;
      if (regular_ && left.size() != buffer_.size() && ::ftruncate(file_.get(), size_) != 0)
        size_ = -1;  // the next turn finds and closes the torn line
      chain_.move_to(before);
      return audit_error("write", path_, error);
    }
    left.remove_prefix(static_cast<std::size_t>(put));
  }
  started_ = true;
  size_ += static_cast<off_t>(buffer_.size());
  return ok();
}

/// follow goes on in a new file where the path has come to mean another one: it was rotated away.
Status FileSink::follow() {
  if (!regular_) return ok();
  struct stat named {};
  struct stat held {};
  if (::fstat(file_.get(), &held) != 0) return audit_error("inspect", path_, errno);
  const bool there = ::lstat(path_.c_str(), &named) == 0;
  if (there && named.st_ino == held.st_ino && named.st_dev == held.st_dev) return ok();
  SALLYPORT_TRY(opened, open_file(path_));
  {
    const Turn last_look(file_.get(), true);  // what others wrote into the old file belongs to the chain
    if (!last_look) return fail(Code::unavailable, concat("another process holds the audit log ", path_));
    SALLYPORT_CHECK(catch_up());
  }
  file_ = std::move(opened.file);
  regular_ = opened.regular;
  size_ = 0;
  return ok();
}

Status FileSink::catch_up() {
  if (!regular_) return ok();
  struct stat info {};
  if (::fstat(file_.get(), &info) != 0) return audit_error("inspect", path_, errno);
  if (started_ && info.st_size == size_) return ok();
  const off_t known = started_ && size_ >= 0 ? size_ : -1;
  size_ = info.st_size;
  if (!started_) SALLYPORT_CHECK(find_start());
  if (info.st_size == 0) return ok();  // new, or emptied by who rotates with copytruncate
  const off_t grown = info.st_size - known;
  const bool small = known >= 0 && grown >= 0 && grown <= static_cast<off_t>(kTailBytes);
  auto tail = small ? read_from(file_.get(), path_, known, info.st_size)
                    : read_tail(file_.get(), path_, info.st_size);
  if (!tail) return std::move(tail).error();
  return catch_up_with(*tail, small);
}

/// catch_up_with takes over what stands at the end of the file; `known_before` where `tail` begins at the
/// point that chain_ is at.
Status FileSink::catch_up_with(std::string_view tail, bool known_before) {
  const ChainPoint from = chain_.at();
  auto finding = internal::judge_tail(chain_, tail, known_before ? &from : nullptr);
  bool broken = finding.broken;
  if (finding.found && finding.at.seq >= from.seq) {
    chain_.move_to(finding.at);
  } else if (from.seq != 0) {
    broken = true;  // events that were here before are gone: the chain keeps their place free
  }
  std::string closing;
  if (!finding.torn.empty()) {
    if (::write(file_.get(), "\n", 1) != 1) return audit_error("write", path_, errno);
    closing += event_line(clock_, AuditKind::audit_torn, internal::torn_detail(finding.torn));
    ++size_;
  } else if (finding.newline_owed) {
    if (::write(file_.get(), "\n", 1) != 1) return audit_error("write", path_, errno);
    ++size_;
  }
  if (broken) {
    name_previous_ = true;
    closing +=
        event_line(clock_, AuditKind::audit_broken,
                   "what stands before this line is not what was written there; see: sallyport audit verify");
  }
  started_ = true;
  return closing.empty() ? ok() : note(closing);
}

Status FileSink::note(std::string_view events) {
  started_ = true;
  return write_chained(events);
}

/// find_start looks for the end of the chain in rotated files and in the checkpoint: the further one counts.
Status FileSink::find_start() {
  const auto text = files_.read_text(checkpoint_path(path_), FilePrivacy::owner_only);
  if (text) {
    if (const auto point = read_checkpoint(key_, *text)) chain_.move_to(*point);
  } else if (text.error().code == Code::not_found && size_ == 0) {
    SALLYPORT_CHECK(files_.replace_private(checkpoint_path(path_), write_checkpoint(key_, {}, clock_.now())));
  }
  for (const auto& member : find_log_set(path_).files) {
    if (member == path_) continue;
    const Descriptor file(::open(member.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    struct stat info {};
    if (!file || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    const auto tail = read_tail(file.get(), member, info.st_size);
    if (!tail) continue;
    const auto finding = internal::judge_tail(chain_, *tail, nullptr);
    if (finding.found && finding.at.seq > chain_.at().seq) chain_.move_to(finding.at);
  }
  started_ = started_ || size_ == 0;
  return ok();
}

Status FileSink::reopen() { return follow(); }

Status FileSink::settle() {
  if (!regular_ || chain_.at().seq == checkpoint_seq_) return ok();
  SALLYPORT_CHECK(follow());
  const Turn turn(file_.get(), regular_);
  if (!turn) return fail(Code::unavailable, concat("another process holds the audit log ", path_));
  SALLYPORT_CHECK(catch_up());
  return renew_checkpoint();
}

/// renew_checkpoint comes after the lines are on the disk: a checkpoint never names what a power cut could
/// still take back.
Status FileSink::renew_checkpoint() {
  if (!regular_ || chain_.at().seq == checkpoint_seq_) return ok();
  if (::fdatasync(file_.get()) != 0) return audit_error("sync", path_, errno);
  const WallTime now = clock_.now();
  SALLYPORT_CHECK(files_.replace_private(checkpoint_path(path_), write_checkpoint(key_, chain_.at(), now)));
  checkpoint_seq_ = chain_.at().seq;
  checkpoint_at_ = now;
  return ok();
}

}  // namespace sallyport
