// SPDX-License-Identifier: Apache-2.0
// Guard: the gateway, whole. It joins store, gate, sessions, loops and listeners; `sallyport run` and
// `sallyport serve` are this class with the real powers, and a test is this class with fakes.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/audit/audit.h"
#include "sallyport/config/settings.h"
#include "sallyport/credential/variables.h"
#include "sallyport/crypto/digest.h"
#include "sallyport/env/clock.h"
#include "sallyport/env/files.h"
#include "sallyport/net/limiter.h"
#include "sallyport/session/session.h"

namespace sallyport {

/// GuardPowers is all that a guard can do to the world, handed in by main() or a test. Each outlives the
/// guard.
struct GuardPowers {
  const Clock& clock;
  const MonotonicClock& monotonic;
  Entropy& entropy;
  Files& files;
  AuditLog& audit;
  const Fingerprinter& fingerprinter;
  VariableLookup variables;                     ///< of our environment
  std::vector<std::string> parent_environment;  ///< NAME=VALUE, little of which the tool inherits
  std::vector<std::string> local_names;         ///< names and addresses of this host, for wildcard listeners
  std::uint32_t own_uid = UINT32_MAX;
  std::size_t descriptors_max = 1024;
  std::string version;
  std::string audit_file;  ///< where `audit` writes, to be shown to admins; empty: no file
  std::string own_name;    ///< of this process's user; empty: unknown
};

/// GuardNotices is told what a person at the terminal wants to know. Called from the supervisor's thread.
struct GuardNotices {
  std::function<void(const SessionView&)> state;  ///< a tool's state changed
  std::function<void(std::string_view)> output;   ///< a line of the tool of `run`, harmless and redacted
};

/// GuardStart is what is said at the start.
struct GuardStart {
  SessionId session;  ///< of `run`
  std::vector<std::string> urls;
  std::string session_urls;  ///< of `serve`: how sessions are reached, with SESSION where the name stands
  std::string admin_url;     ///< of `serve --admin`; empty: the socket alone
  SecretText login_link;     ///< for a terminal only
  Duration login_link_life{};
  std::string admin_socket;
  std::string metrics_url;     ///< empty: no --metrics
  std::string tls_source;      ///< "off", "local authority", "given files"
  std::string authority_file;  ///< to be trusted by browsers; empty: none
  std::string certificate_fingerprint;
  std::string password_place;          ///< where the password is, never what
  std::string token_file;              ///< empty: no access token
  std::vector<std::string> admission;  ///< sentences: who is let in how
  std::vector<std::string> warnings;
};

/// Guard runs from start() until stop(). Any thread may call it. Errors of start: invalid_argument (settings,
/// command), permission_denied (a security rule refuses), already_exists (address or name in use), and those
/// of files and sockets.
class Guard {
 public:
  static Result<std::unique_ptr<Guard>> start(const Settings& settings, std::vector<std::string> command,
                                              GuardPowers powers, GuardNotices notices);
  /// serve starts a gateway without a session; they come by the admin API. Errors as of start.
  static Result<std::unique_ptr<Guard>> serve(const Settings& settings, GuardPowers powers,
                                              GuardNotices notices);
  ~Guard();
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  [[nodiscard]] const GuardStart& started() const noexcept;
  /// view is the present state of the tool of `run`; null in the first moment of a start.
  [[nodiscard]] std::shared_ptr<const SessionView> view() const;
  /// housekeep does what is due now and then: expired credentials, changed token and password files, a
  /// certificate that is due. Call it about once a second, from one thread. It returns what went wrong, for
  /// the log: a new text each time that something changed.
  std::vector<std::string> housekeep();
  /// stop refuses new requests, lets exchanges end for `patience`, then ends the tools; returns when all is
  /// reaped, with the status of the tool of `run` as a shell would report it.
  int stop(Duration patience);
  /// leave is stop for `serve`, but for the tools: they go on, and the next gateway finds them. Without a
  /// durable store they end.
  void leave(Duration patience);
  /// hurry kills the tools at once, while stop() waits. Any thread.
  void hurry();

 private:
  class Core;
  explicit Guard(std::unique_ptr<Core> core);
  std::unique_ptr<Core> core_;
};

}  // namespace sallyport
