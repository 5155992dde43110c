// SPDX-License-Identifier: Apache-2.0
// `sallyport serve`: a gateway for many sessions, which come and go by its admin API.
#include <csignal>
#include <utility>

#include "commands.h"
#include "real_powers.h"
#include "sallyport/base/text.h"

namespace sallyport {
namespace {

constexpr Duration kDrainPatience = std::chrono::seconds(2);

void greet(const Guard& guard, const std::string& audit_place) {
  const GuardStart& start = guard.started();
  for (const auto& url : start.urls) say(concat("sallyport: serving at ", url));
  say(concat("  sessions at ", start.session_urls));
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
  if (!start.admin_url.empty()) say(concat("  admin API: ", start.admin_url));
  if (!start.metrics_url.empty()) say(concat("  metrics: ", start.metrics_url));
  for (const auto& warning : start.warnings) say(concat("  note: ", warning));
  say("  start a tool: sallyport session create -- python3 -m http.server --bind 127.0.0.1 {port}");
}

}  // namespace

int command_serve(const SettingsArguments& arguments, const Environment& environment) {
  const auto loaded = load(arguments, environment);
  if (!loaded) return complain(loaded.error());
  const Descriptor signals = open_signals();
  auto opened = RealPowers::open(*loaded, environment);
  if (!opened) return complain(opened.error());
  RealPowers& powers = **opened;
  auto guard = Guard::serve(loaded->settings, powers.for_guard(), {});
  if (!guard) return complain(guard.error());
  greet(**guard, powers.audit_place());
  bool keep = false;
  for (;;) {
    const int signal = next_signal(signals.get(), 1000);
    if (signal == SIGHUP) powers.audit().reopen();
    if (signal == SIGTERM) keep = loaded->settings.on_stop == OnStop::keep;
    if (signal == SIGINT || signal == SIGTERM) break;
    for (const auto& complaint : (*guard)->housekeep()) say(concat("sallyport: ", complaint));
  }
  int status = 0;
  if (keep) {
    say("sallyport: stopping; tools go on, for the next gateway");
    (*guard)->leave(kDrainPatience);
  } else {
    say("sallyport: stopping, and every tool with it");
    status = (*guard)->stop(kDrainPatience);
  }
  guard->reset();
  powers.record_service("stopped");
  return status;
}

}  // namespace sallyport
