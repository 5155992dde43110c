// SPDX-License-Identifier: Apache-2.0
// `cert watch`: which certificates end soon, once or for as long as it runs.
#include <algorithm>
#include <array>
#include <csignal>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "cert_command.h"
#include "cert_files.h"
#include "sallyport/base/text.h"
#include "sallyport/config/values.h"
#include "sallyport/env/posix/system.h"

namespace sallyport {
namespace {

using Json = nlohmann::ordered_json;

enum class State : std::uint8_t { good, due, expired, not_yet_valid, unreadable };

std::string_view name_of(State state) noexcept {
  constexpr std::array<std::string_view, 5> kNames{"good", "due", "expired", "not_yet_valid", "unreadable"};
  return kNames.at(static_cast<std::size_t>(state));
}

/// Look is what was seen of one file.
struct Look {
  std::string path;
  State state = State::unreadable;
  std::string why;  ///< where unreadable
  std::string name;
  WallTime end{};
  Duration left{};
};

/// look_at judges the certificate of a file that ends first.
Look look_at(const std::string& path, Duration warn, WallTime now) {
  const auto list = read_certificates(path, kBundleCertificatesMax);
  if (!list) return {path, State::unreadable, list.error().what, {}, {}, {}};
  const auto first =
      std::ranges::min_element(*list, {}, [](const Certificate& each) { return each.facts().not_after; });
  Look look{path, State::good, {}, name_text(*first), first->facts().not_after, time_left(*first, now)};
  const bool early =
      std::ranges::any_of(*list, [now](const Certificate& c) { return now < c.facts().not_before; });
  if (early) {
    look.state = State::not_yet_valid;
  } else if (!first->valid_at(now)) {
    look.state = State::expired;
  } else if (look.left <= warn) {
    look.state = State::due;
  }
  return look;
}

std::int64_t days(Duration left) { return std::chrono::floor<Days>(left).count(); }

/// label escapes a value of the Prometheus text format.
std::string label(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

void print(const Look& look, CertWatch::Form form) {
  if (form == CertWatch::Form::json) {
    Json line{{"path", look.path}, {"state", name_of(look.state)}};
    if (look.state == State::unreadable) {
      line["why"] = look.why;
    } else {
      line["name"] = look.name;
      line["not_after"] = utc(look.end);
      line["days_left"] = days(look.left);
    }
    std::cout << line.dump() << '\n';
  } else if (look.state == State::unreadable) {
    std::cerr << "sallyport: " << look.why << '\n';
  } else {
    std::cout << look.path << ": " << name_of(look.state) << ", " << look.name << " until " << utc(look.end)
              << " (" << days(look.left) << " days)\n";
  }
}

void print_metrics(const std::vector<Look>& looks) {
  std::cout << "# HELP sallyport_certificate_not_after_seconds When the certificate ends, in Unix time.\n"
               "# TYPE sallyport_certificate_not_after_seconds gauge\n";
  for (const Look& look : looks) {
    if (look.state == State::unreadable) continue;
    std::cout << "sallyport_certificate_not_after_seconds{path=\"" << label(look.path) << "\",name=\""
              << label(look.name) << "\"} "
              << std::chrono::floor<std::chrono::seconds>(look.end).time_since_epoch().count() << '\n';
  }
  std::cout << "# HELP sallyport_certificate_due Whether it ends within the warning time, has ended, or "
               "cannot be read.\n"
               "# TYPE sallyport_certificate_due gauge\n";
  for (const Look& look : looks) {
    std::cout << "sallyport_certificate_due{path=\"" << label(look.path) << "\"} "
              << (look.state == State::good ? 0 : 1) << '\n';
  }
}

std::vector<Look> look_at_all(const CertWatch& call, Duration warn) {
  std::vector<Look> looks;
  const WallTime now = SystemClock().now();
  for (const std::string& path : call.paths) looks.push_back(look_at(path, warn, now));
  return looks;
}

int status_of(const std::vector<Look>& looks) {
  const auto is = [&looks](State state) {
    return std::ranges::any_of(looks, [state](const Look& look) { return look.state == state; });
  };
  if (is(State::due) || is(State::expired) || is(State::not_yet_valid)) return kExitRefused;
  return is(State::unreadable) ? kExitFailed : kExitDone;
}

/// wait_for_signal sleeps; whether somebody asked us to end.
bool interrupted_within(const sigset_t& signals, Duration interval) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(interval);
  const timespec time{seconds.count(), 0};
  return ::sigtimedwait(&signals, nullptr, &time) > 0;
}

int watch_on(const CertWatch& call, Duration warn, Duration interval) {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGINT);
  ::sigaddset(&signals, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  std::map<std::string, State> said;
  do {
    const auto looks = look_at_all(call, warn);
    if (call.form == CertWatch::Form::prometheus) print_metrics(looks);
    for (const Look& look : looks) {
      const auto [at, first] = said.try_emplace(look.path, look.state);
      const bool news = first || at->second != look.state || look.state != State::good;
      at->second = look.state;
      if (news && call.form != CertWatch::Form::prometheus) print(look, call.form);
    }
    std::cout.flush();
  } while (!interrupted_within(signals, interval));
  return kExitInterrupted;
}

}  // namespace

int command_cert_watch(const CertWatch& call) {
  const auto warn = parse_duration(call.warn);
  if (!warn)
    return complain(
        fail(Code::invalid_argument, concat("--warn: \"", escaped(call.warn), "\" is no duration; use 30d")));
  const auto interval = parse_duration(call.interval);
  if (!interval || *interval < std::chrono::seconds(1))
    return complain(
        fail(Code::invalid_argument, "--interval: use a duration of a second at least, such as 1h"));
  if (call.until == CertWatch::Until::interrupted) return watch_on(call, *warn, *interval);
  const auto looks = look_at_all(call, *warn);
  if (call.form == CertWatch::Form::prometheus) {
    print_metrics(looks);
  } else {
    for (const Look& look : looks) print(look, call.form);
  }
  return status_of(looks);
}

}  // namespace sallyport
