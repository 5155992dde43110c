// SPDX-License-Identifier: Apache-2.0
// FileSink: a file that is only ever appended to, by one process or by several that take turns, in one chain.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>

#include "sallyport/audit/sink.h"
#include "sallyport/env/posix/descriptor.h"

namespace sallyport {

/// FileSink appends to a file of mode 0600 that it makes if there is none. A symbolic link is not followed; a
/// file that belongs to another user, or that others may read or write, is refused.
///
/// Whoever appends holds a lock on the file, and first looks whether somebody else has written, torn, rotated
/// or spoilt it meanwhile; the chain goes on from the last good line, and an event says what was found. A
/// line is written whole or, where the disk is full, not at all. A checkpoint beside the log is renewed every
/// few seconds while events come, and at the end.
class FileSink final : public AuditSink {
 public:
  static Result<std::unique_ptr<AuditSink>> open(const std::string& path, AuditSinkOptions options);
  ~FileSink() override;

  Status append(std::string_view lines, std::size_t& taken) override;
  Status reopen() override;
  Status settle() override;

 private:
  FileSink(std::string path, AuditSinkOptions options);
  class Turn;
  Status follow();
  Status catch_up();
  Status catch_up_with(std::string_view tail, bool known_before);
  Status find_start();
  Status write_chained(std::string_view lines);
  Status note(std::string_view events);
  Status renew_checkpoint();

  const std::string path_;
  Files& files_;
  const Clock& clock_;
  const AuditSync sync_;
  AuditKey key_;
  AuditChain chain_;
  Descriptor file_;
  bool regular_ = false;
  bool started_ = false;        ///< chain_ stands where the log does
  bool name_previous_ = false;  ///< the next line names the MAC before it, as the first of a file does
  off_t size_ = 0;              ///< of the file, when we last wrote
  std::string buffer_;
  std::uint64_t checkpoint_seq_ = 0;
  WallTime checkpoint_at_{};
};

}  // namespace sallyport
