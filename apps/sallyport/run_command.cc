// SPDX-License-Identifier: Apache-2.0
// `sallyport run`: joins the real powers to a Guard, says at the start what a person needs to know, and waits
// for the end.
#include <ifaddrs.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "qr.h"
#include "sallyport/audit/sink.h"
#include "sallyport/base/text.h"
#include "sallyport/crypto/digest.h"
#include "sallyport/env/posix/descriptor.h"
#include "sallyport/env/posix/system.h"
#include "sallyport/gateway/guard.h"
#include "sallyport/session/preset.h"

#ifndef SALLYPORT_VERSION
#error "SALLYPORT_VERSION comes from the build"
#endif

namespace sallyport {
namespace {

constexpr Duration kDrainPatience = std::chrono::seconds(2);

/// Terminal writes whole lines to stderr, from any thread.
void say(std::string_view line) { std::cerr << concat(line, "\n") << std::flush; }

bool stderr_is_terminal() { return ::isatty(STDERR_FILENO) == 1; }

std::vector<std::string> names_of_host() {
  std::vector<std::string> names;
  char host[256] = {};
  if (::gethostname(host, sizeof host - 1) == 0 && host[0] != '\0') names.emplace_back(to_lower(host));
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return names;
  for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr) continue;
    if (at->ifa_addr->sa_family == AF_INET) {
      std::array<std::uint8_t, 4> bytes{};
      std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in*>(at->ifa_addr)->sin_addr, bytes.size());
      names.push_back(IpAddress::v4(bytes).str());
    } else if (at->ifa_addr->sa_family == AF_INET6) {
      std::array<std::uint8_t, 16> bytes{};
      std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6*>(at->ifa_addr)->sin6_addr,
                  bytes.size());
      const bool link_local =
          bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;  // needs a zone, which no URL has
      if (!link_local) names.push_back(concat('[', IpAddress::v6(bytes).str(), ']'));
    }
  }
  ::freeifaddrs(list);
  return names;
}

/// Signals are blocked before any thread is made, and read from a descriptor by the main thread alone.
Descriptor open_signals() {
  sigset_t wanted;
  sigemptyset(&wanted);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&wanted, signal);
  ::pthread_sigmask(SIG_BLOCK, &wanted, nullptr);
  return Descriptor(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
}

int next_signal(int fd, int wait_ms) {
  pollfd waiting{fd, POLLIN, 0};
  if (::poll(&waiting, 1, wait_ms) <= 0) return 0;
  signalfd_siginfo info{};
  return ::read(fd, &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
}

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

std::vector<std::string> own_environment() {
  std::vector<std::string> variables;
  for (char** at = environ; at != nullptr && *at != nullptr; ++at) variables.emplace_back(*at);
  return variables;
}

void record_service(QueuedAuditLog& audit, std::string_view what) {
  AuditEvent event;
  event.kind = AuditKind::service;
  event.outcome = Outcome::allowed;
  event.detail = what;
  audit.record(event);
}

void record_weakened(QueuedAuditLog& audit, const LoadedSettings& loaded) {
  for (const auto& row : loaded.rows) {
    if (row.rule != SettingRow::Rule::weakened) continue;
    AuditEvent event;
    event.kind = AuditKind::setting_weakened;
    event.outcome = Outcome::allowed;
    event.detail = row.option->name;
    audit.record(event);
    say(concat("sallyport: warning: --", row.option->name, " weakens a rule (from ", row.where, ")"));
  }
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

  SystemClock clock;
  SystemMonotonicClock monotonic;
  SystemEntropy entropy;
  SystemFiles files;
  if (auto made = files.ensure_private_directory(settings.state_dir); !made) return complain(made.error());
  const std::string audit_place =
      settings.audit.empty() ? settings.state_dir + "/audit.jsonl" : settings.audit;
  auto sink = FileSink::open(audit_place);
  if (!sink) return complain(sink.error());
  const Fingerprinter fingerprinter(
      FingerprintKey::filled_by([&](std::span<std::byte> out) { entropy.fill(out); }));
  AuditLogOptions audit_options;
  audit_options.failure =
      settings.audit_failure == OnAuditFailure::refuse ? AuditFailure::refuse : AuditFailure::carry_on;
  audit_options.alarm = [](std::string_view what) { say(concat("sallyport: audit log: ", what)); };
  QueuedAuditLog audit(std::move(*sink), clock, fingerprinter, std::move(audit_options));
  record_service(audit, "started");
  record_weakened(audit, *loaded);

  std::map<std::string, std::string, std::less<>> looked_up;
  GuardPowers powers{clock,
                     monotonic,
                     entropy,
                     files,
                     audit,
                     fingerprinter,
                     [&](std::string_view name) -> std::optional<std::string_view> {
                       const auto value = environment.get(name);
                       if (!value) return std::nullopt;
                       return looked_up.insert_or_assign(std::string(name), *value).first->second;
                     },
                     own_environment(),
                     names_of_host(),
                     static_cast<std::uint32_t>(::geteuid()),
                     raise_descriptor_limit(),
                     SALLYPORT_VERSION};
  GuardNotices notices;
  notices.state = tell_state;
  notices.output = [](std::string_view line) { say(concat("| ", line)); };
  auto guard = Guard::start(settings, std::move(command), std::move(powers), std::move(notices));
  if (!guard) return complain(guard.error());
  greet(**guard, settings, audit_place);
  const int signal = wait_for_end(**guard, signals.get(), audit);
  const int status = end(**guard, signals.get(), signal);
  guard->reset();
  record_service(audit, "stopped");
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
