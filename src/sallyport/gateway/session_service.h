// SPDX-License-Identifier: Apache-2.0
// SessionService: creates, rotates and ends sessions: the one order in which directory, records, tokens,
// routes and supervisor are told.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sallyport/credential/session_tokens.h"
#include "sallyport/env/clock.h"
#include "sallyport/gateway/durable_clock.h"
#include "sallyport/gateway/session_directory.h"
#include "sallyport/session/supervisor.h"
#include "sallyport/store/session_records.h"

namespace sallyport {

inline constexpr Duration kSessionLifeMax = std::chrono::hours(24 * 366);
/// A session whose tool ended by itself is listed this long, so that its owner can see why.
inline constexpr Duration kEndedListedFor = std::chrono::minutes(10);

/// SessionWish is what somebody asks for. Empty and absent: the gateway's own setting.
struct SessionWish {
  std::vector<std::string> command;
  std::string preset;
  std::string id;     ///< empty: made from the command
  std::string label;  ///< for people
  std::string owner;  ///< empty: who asks
  std::vector<std::string> shared;
  std::vector<std::string> environment;  ///< NAME=VALUE templates
  std::vector<std::string> pass_environment;
  std::string directory;
  std::string ready_path;
  std::optional<Duration> ready_timeout;
  std::optional<Duration> ttl;
  std::optional<Duration> idle_timeout;
  std::optional<RestartPolicy> restart;
  std::optional<StartMode> start;
  std::optional<SessionRecord::Routing> routing;
};

/// CreatedSession is told once.
struct CreatedSession {
  SessionId id;
  Minted token;
};

/// SessionService blocks where the records do: call create, rotate and end from a pool. Any thread.
class SessionService {
 public:
  /// Parts outlive the service; the functions may be called from any thread.
  struct Parts {
    SessionDirectory& directory;
    Supervisor& supervisor;
    SessionTokens& tokens;
    SessionRecords& records;
    Entropy& entropy;
    const DurableClock& clock;
    std::function<LifeRules()> defaults;                    ///< of the settings now in force
    std::function<std::vector<std::string>()> environment;  ///< NAME=VALUE, for every session
    /// whether sessions have origins of their own here; else all are reached by path
    enum class Origins : std::uint8_t { none, each } origins = Origins::each;
    std::function<void(const SessionEntry&)> open_routes;
    std::function<void(const SessionId&)> close_routes;
    std::function<void(const SessionId&)> cut_streams;  ///< of the session, whoever opened them
  };
  explicit SessionService(Parts parts) : parts_(std::move(parts)) {}

  /// restore takes back the sessions of an earlier gateway, whose tools are adopted or started anew; those
  /// that were over are ended for good. It returns what could not be, for people. restore_some then puts back
  /// tokens whose makers are there, and returns how many: it is called until nothing more comes. Before the
  /// service is shared between threads.
  std::vector<std::string> restore(std::vector<SessionRecord> records);
  std::size_t restore_some();
  void forget_waiting() { waiting_.clear(); }

  /// create makes a session for wish.owner, as `by` asks. Who may ask for it is the caller's to judge: a
  /// command runs as the gateway's user. The session's token ends with `by` where that passes_on. Errors:
  /// invalid_argument (the text says what to write), already_exists, exhausted, and the records'; then
  /// nothing is left of it.
  Result<CreatedSession> create(SessionWish wish, const Grant& by);
  /// rotate mints a new session token; the one before goes on for `grace`. A session whose token has expired
  /// gets a first one. Errors: not_found, and as SessionTokens::rotate.
  Result<Minted> rotate(const SessionId& id, Duration grace, const Grant& by);
  /// rotate_backend hands the tool a new credential; see RotationRequest. Error: not_found.
  Status rotate_backend(const SessionId& id, RotationMode mode, Duration grace,
                        std::function<void(Status)> done);
  /// share replaces who may use the session besides its owner. Where somebody lost that, all streams of the
  /// session are cut: those who still may, come again.
  Status share(const SessionId& id, std::vector<std::string> with);
  /// end revokes all that opens the session and ends its tool. Errors: not_found, and the records': then it
  /// was ended, and may be back after a restart.
  Status end(const SessionId& id);

  /// retire is for a gateway that ends: from now on sessions stay as the records have them, whatever becomes
  /// of their tools. Any thread.
  void retire() noexcept { retired_.store(true); }
  /// on_change follows the supervisor, on its thread.
  void on_change(const SessionView& view);
  /// tidy forgets what ended a while ago.
  void tidy();

 private:
  struct Kept {
    SessionRecord record;
    MonotonicTime ended = kNever;  ///< when its tool ended by itself
  };

  static std::shared_ptr<const Principal> principal_of(const std::string& owner);
  void add_common(SessionWish& wish) const;
  Result<SessionId> choose_id(const SessionWish& wish);
  Result<SessionSpec> spec_of(const SessionRecord& record) const;
  SessionRecord record_of(const SessionWish& wish, const SessionId& id, const std::string& owner);
  [[nodiscard]] SessionEntry entry_of(const SessionRecord& record) const;
  Status begin(SessionRecord record, SessionSpec spec);
  Status restore_one(SessionRecord record);
  void rebase(SessionRecord& record) const;
  void note_token(SessionRecord& record, const Minted& minted, Duration grace, const Grant& by) const;
  Status note_over(const SessionId& id);
  void forget(const SessionId& id);
  void take_back(const SessionId& id);

  Parts parts_;
  std::atomic<bool> retired_{false};
  std::mutex mutex_;
  std::unordered_map<SessionId, Kept> kept_;  ///< guarded by mutex_
  std::vector<RestoredToken> waiting_;        ///< of an earlier gateway, for what they were made with
};

}  // namespace sallyport
