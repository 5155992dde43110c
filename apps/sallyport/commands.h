// SPDX-License-Identifier: Apache-2.0
// The commands of the program. Results go to stdout, everything else to stderr; the return value is the exit
// status: 0 done, 1 failed, 2 wrong usage or configuration, 3 refused by a security rule, 130 interrupted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/audit/verify.h"
#include "sallyport/base/result.h"
#include "sallyport/config/environment.h"
#include "sallyport/config/load.h"

namespace sallyport {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitRefused = 3;
inline constexpr int kExitNotFound = 127;  ///< of `run`: there is no such tool, as a shell says it
inline constexpr int kExitInterrupted = 130;

/// exit_status_of maps an error to the documented exit status.
constexpr int exit_status_of(Code code) noexcept {
  if (code == Code::invalid_argument) return kExitUsage;
  if (code == Code::permission_denied || code == Code::unauthenticated) return kExitRefused;
  return kExitFailed;
}

enum class Output : std::uint8_t { text, json };

/// SettingsArguments is what the command line says about settings, not judged yet.
struct SettingsArguments {
  std::vector<NamedValue> flags;
  std::string config_file;
};

/// complain writes one error to stderr, "sallyport: ..." , and returns its exit status.
int complain(const Error& error);
/// load reads file, environment and flags; on a fault it has told every problem and the Error names the
/// status only.
Result<LoadedSettings> load(const SettingsArguments& arguments, const Environment& environment);
/// read_settings reads the same and leaves the problems in what it returns, for the doctor to tell.
Result<LoadedSettings> read_settings(const SettingsArguments& arguments, const Environment& environment);
/// state_directory is where the commands that take no settings look: SALLYPORT_STATE_DIR or the default.
Result<std::string> state_directory(const Environment& environment);

int command_run(const SettingsArguments& arguments, std::vector<std::string> command,
                const Environment& environment);
int command_serve(const SettingsArguments& arguments, const Environment& environment);
int command_preset_list(Output output);
int command_config_show(const SettingsArguments& arguments, Output output, const Environment& environment);
int command_config_openapi();
/// PolicyCheck is what `config check` asks of the policy beside the settings; `what` empty: nothing.
struct PolicyCheck {
  std::vector<std::string> who;
  std::string what;
  std::string session;
  std::string owner;
};
int command_config_check(const SettingsArguments& arguments, const PolicyCheck& check, Output output,
                         const Environment& environment);

struct CookieCheck {
  enum class Strictness : std::uint8_t { usual, strict } strictness = Strictness::usual;
  std::optional<std::string> value;  ///< from the command line, "-" for stdin
  std::string variable;              ///< --env NAME
};
int command_cookie_generate(std::size_t length_bytes);
int command_cookie_check(CookieCheck check, Output output, const Environment& environment);

struct SessionCall {
  enum class Verb : std::uint8_t { list, show, rotate, end, logs, link } verb = Verb::list;
  enum class Backend : std::uint8_t { keep, rotate } backend = Backend::keep;
  enum class Follow : std::uint8_t { no, yes } follow = Follow::no;
  std::string id;
  std::string grace;
  std::string user;
  std::string state_dir;
};
int command_session(const SessionCall& call, Output output, const Environment& environment);

/// NewSession is what `session create` was told, as typed; empty: not said.
struct NewSession {
  std::vector<std::string> command;
  std::string name, label, preset, owner, image, directory, ready, ttl, idle, restart, routing;
  std::vector<std::string> shared, env, pass_env;
  bool on_demand = false;
  std::string state_dir;
};
int command_session_create(const NewSession& wish, Output output, const Environment& environment);

struct TokenCall {
  enum class Verb : std::uint8_t { create, list, revoke } verb = Verb::list;
  std::string id, owner, label, session, ttl;
  std::vector<std::string> roles;
  std::string state_dir;
};
int command_token(const TokenCall& call, Output output, const Environment& environment);

/// UserCall changes the password file itself: a running gateway reads it anew.
struct UserCall {
  enum class Verb : std::uint8_t { add, list, remove, passwd } verb = Verb::list;
  std::string name;
  std::string file;
  std::string state_dir;
};
int command_user(const UserCall& call, Output output, const Environment& environment);

/// LogoutCall asks a running gateway to throw somebody out.
struct LogoutCall {
  enum class Tokens : std::uint8_t { keep, revoke } tokens = Tokens::keep;
  std::string name;
  std::string session;  ///< whose gateway, where several of one user run
  std::string state_dir;
};
int command_user_logout(const LogoutCall& call, Output output, const Environment& environment);

struct AuditCall {
  std::string file;  ///< empty: STATE/audit.jsonl
  std::string state_dir;
  std::string key;         ///< verify: a file; empty: STATE/audit.key
  std::string checkpoint;  ///< verify: a file; empty: beside the log
  AuditWish::Chains chains = AuditWish::Chains::one;
  std::string since;  ///< show
  std::string actor;
  std::string event;
  std::string outcome;
};
int command_audit_verify(const AuditCall& call, Output output, const Environment& environment);
int command_audit_show(const AuditCall& call, Output output, const Environment& environment);

struct DoctorCall {
  SettingsArguments settings;
  std::string state_dir;
};
/// command_doctor returns 0 where it found nothing, 1 for warnings, 3 for failures.
int command_doctor(const DoctorCall& call, Output output, const Environment& environment);

struct TlsStatusCall {
  SettingsArguments settings;  ///< where no gateway runs: what it would serve by these
  std::string session;         ///< whose gateway, where several of one user run
};
/// command_tls_status returns 0, 1 where there would be no certificate, 3 where the one that is served is
/// over, not valid yet, due (five sixths of its life are over), or cannot be renewed.
int command_tls_status(const TlsStatusCall& call, Output output, const Environment& environment);

struct LockoutCall {
  enum class Verb : std::uint8_t { list, release } verb = Verb::list;
  enum class Everybody : std::uint8_t { no, yes } everybody = Everybody::no;
  std::string network;
  std::string user;
  std::string session;  ///< whose gateway, where several of one user run
  std::string state_dir;
};
int command_lockout(const LockoutCall& call, Output output, const Environment& environment);

int command_version(Output output);

}  // namespace sallyport
