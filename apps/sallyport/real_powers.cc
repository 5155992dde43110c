// SPDX-License-Identifier: Apache-2.0
#include "real_powers.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <iostream>
#include <utility>

#include "audit_setup.h"
#include "sallyport/base/text.h"

#ifndef SALLYPORT_VERSION
#error "SALLYPORT_VERSION comes from the build"
#endif

namespace sallyport {
namespace {

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

std::string own_user_name() {
  const passwd* self = ::getpwuid(::geteuid());
  return self == nullptr ? std::string() : self->pw_name;
}

std::vector<std::string> own_environment() {
  std::vector<std::string> variables;
  for (char** at = environ; at != nullptr && *at != nullptr; ++at) variables.emplace_back(*at);
  return variables;
}

}  // namespace

void say(std::string_view line) { std::cerr << concat(line, "\n") << std::flush; }

bool stderr_is_terminal() { return ::isatty(STDERR_FILENO) == 1; }

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

RealPowers::RealPowers(const Environment& environment)
    : environment_(environment),
      fingerprinter_(FingerprintKey::filled_by([this](std::span<std::byte> out) { entropy_.fill(out); })) {}

Result<std::unique_ptr<RealPowers>> RealPowers::open(const LoadedSettings& loaded,
                                                     const Environment& environment) {
  const Settings& settings = loaded.settings;
  std::unique_ptr<RealPowers> made(new RealPowers(environment));
  SALLYPORT_CHECK(made->files_.ensure_private_directory(settings.state_dir));
  made->audit_place_ = sallyport::audit_place(settings);
  const bool is_file = settings.audit != "-" && settings.audit != "syslog" && settings.audit != "journald";
  if (is_file) made->audit_file_ = made->audit_place_;
  SALLYPORT_TRY(log, open_audit(settings, made->files_, made->entropy_, made->clock_, made->fingerprinter_));
  made->audit_ = std::move(log);
  made->counted_ = std::make_unique<CountingAuditLog>(*made->audit_);
  made->record_service("started");
  made->record_weakened(loaded);
  return made;
}

GuardPowers RealPowers::for_guard() {
  auto look_up = [this](std::string_view name) -> std::optional<std::string_view> {
    const auto value = environment_.get(name);
    if (!value) return std::nullopt;
    return looked_up_.insert_or_assign(std::string(name), *value).first->second;
  };
  return GuardPowers{clock_,
                     monotonic_,
                     entropy_,
                     files_,
                     *counted_,
                     fingerprinter_,
                     look_up,
                     own_environment(),
                     names_of_host(),
                     static_cast<std::uint32_t>(::geteuid()),
                     raise_descriptor_limit(),
                     SALLYPORT_VERSION,
                     audit_file_,
                     own_user_name()};
}

void RealPowers::record_service(std::string_view what) {
  AuditEvent event;
  event.kind = AuditKind::service;
  event.outcome = Outcome::allowed;
  event.detail = what;
  counted_->record(event);
}

void RealPowers::record_weakened(const LoadedSettings& loaded) {
  for (const auto& row : loaded.rows) {
    if (row.rule != SettingRow::Rule::weakened) continue;
    AuditEvent event;
    event.kind = AuditKind::setting_weakened;
    event.outcome = Outcome::allowed;
    event.detail = row.option->name;
    counted_->record(event);
    say(concat("sallyport: warning: --", row.option->name, " weakens a rule (from ", row.where, ")"));
  }
}

}  // namespace sallyport
