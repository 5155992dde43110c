// SPDX-License-Identifier: Apache-2.0
// `sallyport run`: joins the real powers to a Guard, says at the start what a person needs to know, and waits
// for the end.

#include <atomic>
#include <csignal>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include "commands.h"
#include "qr.h"
#include "real_powers.h"
#include "sallyport/base/text.h"
#include "sallyport/env/posix/descriptor.h"
#include "sallyport/gateway/guard.h"
#include "sallyport/session/preset.h"

namespace sallyport {
namespace {

constexpr Duration kDrainPatience = std::chrono::seconds(2);

void greet(const Guard& guard, const Settings& settings, const std::string& audit_place) {
  const GuardStart& start = guard.started();
  for (const auto& url : start.urls) say(concat("sallyport: guarding ", start.session.view(), " at ", url));
  for (const auto& sentence : start.admission) say(concat("  let in: ", sentence));
  if (!start.password_place.empty()) say(concat("  password: in ", start.password_place));
  if (!start.token_file.empty()) say(concat("  access token: in ", start.token_file));
  say(concat(
      "  TLS: ", start.tls_source,
      start.certificate_fingerprint.empty() ? "" : concat(", SHA-256 ", start.certificate_fingerprint)));
  if (!start.authority_file.empty())
    say(concat("  for browsers without a warning, trust ", start.authority_file));
  say(concat("  audit log: ", audit_place));
  say(concat("  admin socket: ", start.admin_socket));
  if (!start.metrics_url.empty()) say(concat("  metrics: ", start.metrics_url));
  for (const auto& warning : start.warnings) say(concat("  note: ", warning));
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(start.login_link_life).count();
  if (stderr_is_terminal()) {
    say(concat("  one-time login link (", minutes, " minutes): ", start.login_link.expose()));
    if (settings.qr == Switch::on) std::cerr << qr_text(start.login_link.expose()) << std::flush;
  } else {
    // A log that somebody collects is no place for a link that signs in.
    say(concat("  for a one-time login link run: sallyport session link ", start.session.view()));
  }
}

void tell_state(const SessionView& view) {
  if (view.state == SessionState::ready) {
    const bool exposed = view.exposure == Exposure::environment;
    say(concat("sallyport: ", view.id.view(), " is ready",
               exposed ? " (env-exposed: this tool takes its credential from its environment only)" : ""));
    if (!view.detail.empty()) say(concat("sallyport: note: ", view.detail));
    if (view.inner_door == InnerDoor::open) {
      say(concat("sallyport: warning: ", view.id.view(),
                 " answers without its credential, so other users of this machine can go around the gate to ",
                 view.endpoint.str(), "; a {socket}, or a preset, would close that way"));
    }
  } else if (view.state == SessionState::waiting || view.state == SessionState::failed) {
    say(concat("sallyport: ", view.id.view(), ": ", view.detail));
  }
}

/// wait_for_end keeps house until the tool is over or a signal comes; it returns the signal, or 0.
int wait_for_end(Guard& guard, int signals, QueuedAuditLog& audit) {
  for (;;) {
    const int signal = next_signal(signals, 1000);
    if (signal == SIGHUP) audit.reopen();
    if (signal == SIGINT || signal == SIGTERM) return signal;
    const auto view = guard.view();
    if (view && (view->state == SessionState::stopped || view->state == SessionState::failed)) return 0;
    for (const auto& complaint : guard.housekeep()) say(concat("sallyport: ", complaint));
  }
}

int end(Guard& guard, int signals, int signal) {
  if (signal != 0) say("sallyport: stopping; once more to kill the tool at once");
  std::atomic<bool> over{false};
  std::thread impatient([&] {  // a second signal must be heard while stop() waits
    while (!over) {
      const int again = next_signal(signals, 100);
      if (again == SIGINT || again == SIGTERM) guard.hurry();
    }
  });
  const auto before = guard.view();
  const int status = guard.stop(kDrainPatience);
  over = true;
  impatient.join();
  // A tool that we gave up on did not end by itself: its status tells of our signal, not of its failure.
  if (before && before->ending == Ending::not_startable && !before->last_exit) return kExitNotFound;
  const bool gave_up = before && before->state == SessionState::failed && before->ending != Ending::exited;
  const bool not_started =
      before && before->last_exit && before->last_exit->how == ExitStatus::How::not_started;
  return gave_up && !not_started ? kExitFailed : status;
}

}  // namespace

int command_run(const SettingsArguments& arguments, std::vector<std::string> command,
                const Environment& environment) {
  const auto loaded = load(arguments, environment);
  if (!loaded) return complain(loaded.error());
  const Settings& settings = loaded->settings;
  if (command.empty()) {
    return complain(
        fail(Code::invalid_argument,
             "name the tool to guard behind --, as in: sallyport run -- python3 -m http.server {port}"));
  }
  const Descriptor signals = open_signals();
  auto opened = RealPowers::open(*loaded, environment);
  if (!opened) return complain(opened.error());
  RealPowers& powers = **opened;
  GuardNotices notices;
  notices.state = tell_state;
  notices.output = [](std::string_view line) { say(concat("| ", line)); };
  auto guard = Guard::start(settings, std::move(command), powers.for_guard(), std::move(notices));
  if (!guard) return complain(guard.error());
  greet(**guard, settings, powers.audit_place());
  const int signal = wait_for_end(**guard, signals.get(), powers.audit());
  const int status = end(**guard, signals.get(), signal);
  guard->reset();
  powers.record_service("stopped");
  return status;
}

int command_preset_list(Output output) {
  auto rows = nlohmann::ordered_json::array();
  for (const auto& preset : presets()) {
    if (output == Output::text) std::cout << preset.name << "\t" << preset.summary << '\n';
    rows.push_back({{"name", preset.name}, {"summary", preset.summary}, {"ready", preset.ready_path}});
  }
  if (output == Output::json) std::cout << rows.dump(2) << '\n';
  return kExitDone;
}

}  // namespace sallyport
