// SPDX-License-Identifier: Apache-2.0
#include "sallyport/audit/log_files.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

#include "sallyport/audit/chain.h"
#include "sallyport/base/text.h"

namespace sallyport {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kReadBytes = std::size_t{256} << 10;

/// is_rotated: what logrotate makes of "audit.jsonl": "audit.jsonl.1", "audit.jsonl-20260131".
bool is_rotated(std::string_view name, std::string_view base) noexcept {
  if (name.size() < base.size() + 2 || !name.starts_with(base)) return false;
  const char separator = name[base.size()];
  const char first = name[base.size() + 1];
  return (separator == '.' || separator == '-') && first >= '0' && first <= '9';
}

bool is_compressed(std::string_view name) noexcept {
  return std::ranges::any_of(std::initializer_list<std::string_view>{".gz", ".xz", ".zst", ".bz2"},
                             [name](std::string_view end) { return name.ends_with(end); });
}

/// first_seq is the number of the first event in a file that has the form of ours; 0 where none has.
std::uint64_t first_seq(const std::string& path) {
  constexpr int kLinesTried = 8;
  auto reader = LineReader::open(path);
  if (!reader) return 0;
  LineReader::Line line;
  for (int i = 0; i < kLinesTried; ++i) {
    const auto more = reader->next(line);
    if (!more || !*more) return 0;
    if (const auto read = read_chained_line(line.text)) return read->seq;
  }
  return 0;
}

}  // namespace

LogSet find_log_set(const std::string& path) {
  struct Member {
    std::uint64_t seq;
    std::string path;
  };
  std::vector<Member> members;
  LogSet set;
  const fs::path whole(path);
  const fs::path folder = whole.has_parent_path() ? whole.parent_path() : fs::path(".");
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename();
    if (!is_rotated(name, whole.filename().native())) continue;
    const std::string member = folder / name;
    if (is_compressed(name)) {
      set.unread.push_back(member);
    } else {
      members.push_back({first_seq(member), member});
    }
  }
  std::ranges::sort(members, {}, &Member::seq);
  for (auto& member : members) set.files.push_back(std::move(member.path));
  if (fs::exists(path, error)) set.files.push_back(path);
  std::ranges::sort(set.unread);
  return set;
}

Result<LineReader> LineReader::open(const std::string& path) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!file) {
    const Code code = errno == ENOENT   ? Code::not_found
                      : errno == EACCES ? Code::permission_denied
                                        : Code::unavailable;
    return fail(code, concat("cannot open the audit log ", path, ": ", std::strerror(errno)));
  }
  return LineReader(path, std::move(file));
}

Result<bool> LineReader::refill() {
  buffer_.erase(0, at_);
  at_ = 0;
  const auto have = buffer_.size();
  buffer_.resize(have + kReadBytes);
  ssize_t got = 0;
  do {
    got = ::read(file_.get(), buffer_.data() + have, kReadBytes);
  } while (got < 0 && errno == EINTR);
  buffer_.resize(have + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  if (got < 0)
    return fail(Code::unavailable, concat("cannot read the audit log ", path_, ": ", std::strerror(errno)));
  return got > 0;
}

Result<bool> LineReader::next(Line& line) {
  for (;;) {
    const std::string_view rest = std::string_view(buffer_).substr(at_);
    const auto end = rest.find('\n');
    if (end != std::string_view::npos) {
      at_ += end + 1;
      if (std::exchange(skipping_, false)) continue;
      const bool fits = end <= kStoredLineBytesMax;
      line = {rest.substr(0, std::min(end, kStoredLineBytesMax)),
              fits ? Line::End::newline : Line::End::too_long};
      return true;
    }
    if (rest.size() > kStoredLineBytesMax) {
      const bool told = std::exchange(skipping_, true);
      at_ += rest.size();
      if (told) continue;
      line = {rest.substr(0, kStoredLineBytesMax), Line::End::too_long};
      return true;
    }
    SALLYPORT_TRY(more, refill());
    if (more) continue;
    const std::string_view last = std::string_view(buffer_).substr(at_);
    if (last.empty() || skipping_) return false;
    at_ = buffer_.size();
    line = {last, Line::End::file_end};
    return true;
  }
}

}  // namespace sallyport
