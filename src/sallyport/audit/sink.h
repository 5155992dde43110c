// SPDX-License-Identifier: Apache-2.0
// AuditSink: the end of the audit log that touches the world. FileSink: a file that is only ever appended to.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "sallyport/base/result.h"
#include "sallyport/env/posix/descriptor.h"

namespace sallyport {

/// AuditSink takes whole lines. One thread at a time.
class AuditSink {
 public:
  virtual ~AuditSink() = default;
  /// append writes from the start of `lines` and adds to `taken` what it wrote, also where it then fails.
  virtual Status append(std::string_view lines, std::size_t& taken) = 0;
  /// reopen goes on in a new file where the old one was moved away. On failure the old one stays in use.
  virtual Status reopen() = 0;
};

/// FileSink appends to a file of mode 0600 that it makes if there is none. A symbolic link is not followed; a
/// file that belongs to another user, or that others may read or write, is refused. A last line that a crash
/// tore is closed with a newline first.
class FileSink final : public AuditSink {
 public:
  /// open takes a path, or "-" for standard output. Errors: permission_denied, not_found, unavailable.
  static Result<std::unique_ptr<AuditSink>> open(const std::string& path);

  Status append(std::string_view lines, std::size_t& taken) override;
  Status reopen() override;

 private:
  FileSink(std::string path, Descriptor file) : path_(std::move(path)), file_(std::move(file)) {}
  std::string path_;
  Descriptor file_;
};

}  // namespace sallyport
