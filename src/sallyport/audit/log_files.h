// SPDX-License-Identifier: Apache-2.0
// The files of one audit log: the current one and those that were rotated away, and reading them line by line
// in bounded memory.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/env/posix/descriptor.h"

namespace sallyport {

inline constexpr std::size_t kStoredLineBytesMax = 16384;  ///< an event's 8192, its chain fields, and room

/// LogSet is what belongs to one log, oldest first; `unread` are compressed files, which nobody here opens.
struct LogSet {
  std::vector<std::string> files;
  std::vector<std::string> unread;
};

/// find_log_set looks beside `path` for PATH.1, PATH-20260131 and the like, and orders them by the numbers of
/// the events in them. A path that is not there is no member; the set may be empty.
LogSet find_log_set(const std::string& path);

/// LineReader gives the lines of a file one by one. A resource; one thread.
class LineReader {
 public:
  /// Line is one line without its '\n'; it stays until the next call of next().
  struct Line {
    std::string_view text;
    enum class End : std::uint8_t { newline, file_end, too_long } end = End::newline;
  };
  /// open reads any kind of file that opens. Errors: not_found, permission_denied, unavailable.
  static Result<LineReader> open(const std::string& path);
  /// next is false at the end. A line longer than kStoredLineBytesMax comes as its beginning, `too_long`.
  Result<bool> next(Line& line);

 private:
  LineReader(std::string path, Descriptor file) : path_(std::move(path)), file_(std::move(file)) {}
  Result<bool> refill();
  std::string path_;
  Descriptor file_;
  std::string buffer_;
  std::size_t at_ = 0;
  bool skipping_ = false;  ///< inside a line that was too long
};

}  // namespace sallyport
