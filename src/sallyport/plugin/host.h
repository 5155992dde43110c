// SPDX-License-Identifier: Apache-2.0
// PluginHost: a plugin that runs, and the connection to it. What go-plugin calls a client.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "sallyport/base/result.h"
#include "sallyport/env/clock.h"
#include "sallyport/launch/process.h"
#include "sallyport/plugin/handshake.h"
#include "sallyport/plugin/hclog.h"
#include "sallyport/plugin/launch.h"
#include "sallyport/plugin/reattach.h"
#include "sallyport/rpc/channel.h"
#include "sallyport/rpc/shared_loop.h"

namespace sallyport {

inline constexpr Duration kPluginPingTimeout = std::chrono::seconds(5);
/// The name by which a plugin's health is asked for.
inline constexpr std::string_view kPluginHealthService = "plugin";

/// PluginPowers are what a host works with; they outlive it.
struct PluginPowers {
  const MonotonicClock& monotonic;
  const Clock& clock;
  Entropy& entropy;
  std::shared_ptr<SharedLoop> loop = {};  ///< may be shared with other hosts; empty: one is made
};

/// PluginNotices tell what a plugin does, on threads of ours, one at a time each. Whoever is told must not
/// end the host from there, nor hold the thread up: the plugin would wait. Each may be empty.
struct PluginNotices {
  std::function<void(const PluginLogLine&)> log;  ///< what it writes to its stderr
  enum class Output : std::uint8_t { out, err };
  std::function<void(Output, std::string_view)> output;  ///< what it prints, sent by GRPCStdio
  std::function<void(const ExitStatus&)> ended;
};

/// PluginEnding is how a plugin was stopped.
struct PluginEnding {
  enum class By : std::uint8_t {
    itself,     ///< it was over already, or left when asked
    terminate,  ///< SIGTERM
    kill,       ///< SIGKILL
    lost,       ///< even that did not end it in time, or it is not ours to end
  } by = By::itself;
  std::optional<ExitStatus> exit;
};

/// PluginHost is a resource. It promises: what runs is the program that was pinned, if one was; its
/// environment holds nothing but what PluginLaunch says; the process that it talks to is the one that it
/// started, by the kernel's word, and proved so by its certificate unless TLS is off; the plugin and all that
/// it starts end with us, even if we are killed. What it does not: a plugin runs as our user, and is not
/// walled in. Any thread.
class PluginHost {
 public:
  /// start launches a plugin, and returns once it is connected. Blocks, launch.start_timeout at most. An
  /// error names the exit status and the end of the plugin's stderr. Errors: invalid_argument (the launch; a
  /// line that is none; a version or protocol that we do not have), not_found, permission_denied (checksum,
  /// peer), unauthenticated (certificate), deadline_exceeded, unavailable, exhausted, internal.
  static Result<std::unique_ptr<PluginHost>> start(const PluginLaunch& launch, const PluginPowers& powers,
                                                   PluginNotices notices = {});
  /// attach connects to a plugin that runs already, without TLS. Its log is not ours. Errors: unavailable
  /// where nothing listens there, permission_denied where it is not that process, invalid_argument.
  static Result<std::unique_ptr<PluginHost>> attach(const PluginReattach& to, const PluginPowers& powers,
                                                    PluginNotices notices = {});
  PluginHost(const PluginHost&) = delete;
  PluginHost& operator=(const PluginHost&) = delete;
  /// Stops the plugin, unless it was attached to in test mode.
  ~PluginHost();

  [[nodiscard]] const PluginHandshake& handshake() const noexcept;
  [[nodiscard]] Tls tls() const noexcept;
  [[nodiscard]] pid_t pid() const;
  [[nodiscard]] const std::shared_ptr<RpcChannel>& channel() const noexcept;
  /// ping asks grpc.health.v1.Health for "plugin". Errors: unavailable where it does not serve, or is over;
  /// not_found where it has no health service; deadline_exceeded.
  Status ping(Duration timeout = kPluginPingTimeout);
  /// exit is there once the plugin has ended; never for one that was attached to.
  [[nodiscard]] std::optional<ExitStatus> exit() const;
  /// wait_exit says whether it ended by `deadline`.
  bool wait_exit(MonotonicTime deadline);
  /// tail is the end of its stderr, harmless, without cookies.
  [[nodiscard]] std::string tail() const;
  /// reattach is what another host needs to attach to this plugin. Error: invalid_argument under TLS, whose
  /// keys do not leave this process.
  [[nodiscard]] Result<PluginReattach> reattach() const;
  /// stop asks the plugin to leave (GRPCController), then goes down launch.stop. A second call returns the
  /// same.
  PluginEnding stop();

 private:
  struct State;
  explicit PluginHost(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sallyport
