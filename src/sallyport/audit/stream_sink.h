// SPDX-License-Identifier: Apache-2.0
// SocketSink: audit lines to the system's own log, one datagram each: syslog (RFC 5424) or journald.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "sallyport/audit/sink.h"
#include "sallyport/env/posix/descriptor.h"

namespace sallyport {

enum class LogProtocol : std::uint8_t { syslog, journald };

/// SocketSink sends to a Unix datagram socket and connects anew where the log daemon was restarted. Each
/// start begins a chain of its own, since nobody but the daemon can say what it kept of the last one: see
/// `audit verify --stream`.
class SocketSink final : public AuditSink {
 public:
  /// open fails with unavailable where nobody listens.
  static Result<std::unique_ptr<AuditSink>> open(std::string socket_path, LogProtocol protocol,
                                                 AuditSinkOptions options);
  Status append(std::string_view lines, std::size_t& taken) override;
  Status reopen() override;

 private:
  SocketSink(std::string path, LogProtocol protocol, AuditSinkOptions options);
  Status connect();
  Status send(std::string_view line);

  const std::string path_;
  const LogProtocol protocol_;
  const Clock& clock_;
  AuditChain chain_;
  Descriptor socket_;
  std::string line_;
  std::string datagram_;
};

/// write_syslog makes an RFC 5424 message of facility authpriv, severity notice; write_journal one of
/// journald's native protocol. `line` is without '\n'.
void write_syslog(std::string& out, std::string_view line, WallTime now, int pid);
void write_journal(std::string& out, std::string_view line, int pid);

}  // namespace sallyport
