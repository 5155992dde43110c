// SPDX-License-Identifier: Apache-2.0
#include "sallyport/plugin/server_log.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <nlohmann/json.hpp>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

constexpr std::string_view kLevels[] = {"trace", "debug", "info", "warn", "error"};

/// stamp is hclog's: exactly six digits of a second.
std::string stamp(WallTime now) {
  const auto since = now.time_since_epoch();
  const auto whole = std::chrono::floor<std::chrono::seconds>(since);
  const std::time_t seconds = whole.count();
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[40];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(since - whole).count();
  const std::string digits = concat(1'000'000 + micros);
  return concat(std::string_view(text, size), '.', std::string_view(digits).substr(1), 'Z');
}

}  // namespace

bool write_whole(int descriptor, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t sent = ::write(descriptor, text.data(), text.size());
    if (sent >= 0) {
      text.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      pollfd waits{descriptor, POLLOUT, 0};
      ::poll(&waits, 1, -1);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

std::string PluginLog::line(PluginLogLevel level, std::string_view message, Fields fields) const {
  nlohmann::ordered_json made;
  made["@level"] = kLevels[static_cast<std::size_t>(level)];
  made["@message"] = message;
  made["@module"] = module_;
  made["@timestamp"] = stamp(clock_.now());
  for (const auto& [key, value] : fields) made[std::string(key)] = value;
  return made.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

void PluginLog::write(PluginLogLevel level, std::string_view message, Fields fields) const {
  write_whole(descriptor_, line(level, message, fields));
}

}  // namespace sallyport
