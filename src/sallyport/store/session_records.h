// SPDX-License-Identifier: Apache-2.0
// What of a session, and of an access token, must outlive the gateway: the records, and the two interfaces
// that keep them. The memory store forgets with the process; a durable one brings them back after a restart.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sallyport/base/digest.h"
#include "sallyport/base/result.h"
#include "sallyport/base/secret.h"
#include "sallyport/base/time.h"
#include "sallyport/identity/principal.h"

namespace sallyport {

/// DurableTime is a moment as a record keeps it (decision 13 of the design): within the boot `boot_id` the
/// monotonic time rules; after a reboot the wall time does, and a clock that was set back prolongs nothing.
struct DurableTime {
  WallTime wall{};
  MonotonicTime monotonic = kNever;  ///< kNever: never, whatever `wall` says
  std::string boot_id;               ///< /proc/sys/kernel/random/boot_id
};

/// ProcessIdentity names one process for good: a pid alone is soon another's. Default: none runs.
struct ProcessIdentity {
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;  ///< field 22 of /proc/PID/stat
  std::string boot_id;
};

/// TokenRecord is one session token, current or in its grace; never its text.
struct TokenRecord {
  Digest digest;
  DurableTime issued;
  DurableTime expires;
  std::uint32_t rotations = 0;
  std::optional<Digest> made_with;  ///< the credential with which it ends; none: it stands by itself
};

/// SessionLimits is what bounds a session's life. Texts are spelled as the options of `run` are.
struct SessionLimits {
  Duration ready_timeout = std::chrono::seconds(30);
  std::optional<Duration> idle_timeout;
  std::string restart = "no";  ///< no, on-failure, always
  enum class Start : std::uint8_t { at_once, on_demand } start = Start::at_once;
};

/// SessionRecord is one session. A resource, since it holds secrets: a store that writes it anywhere seals
/// `backend_credential` and `environment`, whose values may be secrets of the tool, and keys tokens by
/// digest.
struct SessionRecord {
  SessionId id;
  std::string name;                     ///< for people; empty: the id says enough
  std::string owner;                    ///< Principal::id
  std::vector<std::string> shared;      ///< principals who may use the session besides its owner
  std::vector<std::string> command;     ///< templates, see launch/command.h
  std::string preset;                   ///< empty: generic
  std::vector<SecretText> environment;  ///< NAME=VALUE templates
  std::vector<std::string> pass_environment;
  std::string directory;
  std::string ready_path;
  enum class Routing : std::uint8_t { origin, path } routing = Routing::origin;
  SessionLimits limits;
  WallTime created{};
  DurableTime expires;  ///< of the session as a whole (--ttl)
  std::vector<TokenRecord> tokens;
  SecretText backend_credential;  ///< spb_...; the running tool knows this one
  ProcessIdentity shepherd;       ///< the parent of the tool, which ends the tool's family
  ProcessIdentity tool;
  std::string endpoint;  ///< SocketAddress::str() of the running tool; empty: none
  /// over: it was ended; its tokens are gone, and what is left of its tool is to be killed
  enum class Phase : std::uint8_t { live, over } phase = Phase::live;
};

/// SessionRecords keeps one record per session. put and remove return only when what they did will be found
/// again after a crash; callers answer nobody before that. Errors: unavailable (the store cannot be written:
/// nothing was changed), exhausted (disk full), internal (the store is damaged). Any thread; calls may block.
class SessionRecords {
 public:
  virtual ~SessionRecords() = default;
  /// put adds the record or replaces the one with its id, whole.
  virtual Status put(const SessionRecord& record) = 0;
  /// remove is no error where there is no such record.
  virtual Status remove(const SessionId& id) = 0;
  /// load_all is for the start of a gateway, in no order.
  virtual Result<std::vector<SessionRecord>> load_all() = 0;
};

/// AccessTokenRecord is one access token that was made by `token create`; never its text.
struct AccessTokenRecord {
  std::string id;     ///< random, shown in lists
  std::string label;  ///< for people
  std::string owner;  ///< Principal::id whom the token proves
  std::vector<std::string> roles;
  SessionId session;  ///< the only session that it opens; empty: not bound to one
  Digest digest;
  std::optional<Digest> made_with;  ///< the credential with which it ends; none: it stands by itself
  WallTime created{};
  DurableTime expires;
};

/// AccessTokenRecords: as SessionRecords.
class AccessTokenRecords {
 public:
  virtual ~AccessTokenRecords() = default;
  virtual Status put(const AccessTokenRecord& record) = 0;
  virtual Status remove(const std::string& id) = 0;
  virtual Result<std::vector<AccessTokenRecord>> load_all() = 0;
};

/// MemorySessionRecords is for --store memory: nothing is kept, since nothing would be there to be found
/// again.
class MemorySessionRecords final : public SessionRecords {
 public:
  Status put(const SessionRecord&) override { return ok(); }
  Status remove(const SessionId&) override { return ok(); }
  Result<std::vector<SessionRecord>> load_all() override { return std::vector<SessionRecord>(); }
};

/// MemoryAccessTokenRecords: likewise.
class MemoryAccessTokenRecords final : public AccessTokenRecords {
 public:
  Status put(const AccessTokenRecord&) override { return ok(); }
  Status remove(const std::string&) override { return ok(); }
  Result<std::vector<AccessTokenRecord>> load_all() override { return std::vector<AccessTokenRecord>(); }
};

}  // namespace sallyport
