// SPDX-License-Identifier: Apache-2.0
// Sockets and start-up of the benchmark helpers. They are a ruler, not a product: any failure
// at start ends the process with one line, and everything runs on one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sallyport {

/// Prints `what` with errno's text and ends the process with status 1.
[[noreturn]] void die(const std::string& what);

/// Raises the descriptor limit to its hard maximum and ignores SIGPIPE.
void prepare_process();

/// listen_tcp opens a non-blocking listener on 127.0.0.1:`port`. Dies when the port is taken.
int listen_tcp(std::uint16_t port);

/// listen_unix opens a non-blocking listener on `path`, replacing a stale socket file.
int listen_unix(const std::string& path);

/// Address is where the relay connects to: a loopback port, or a Unix socket path.
struct Address {
  std::uint16_t port = 0;
  std::string unix_path;
};

/// connect_to connects and makes the descriptor non-blocking; -1 with errno on failure.
int connect_to(const Address& address);

/// accept_from accepts one non-blocking connection (TCP_NODELAY on TCP); -1 when none waits.
int accept_from(int listener);

/// Options reads `--name value` pairs; an unknown name or a missing value ends the process.
class Options {
 public:
  Options(int argc, char** argv, std::string_view known);
  [[nodiscard]] std::optional<std::string> text(std::string_view name) const;
  [[nodiscard]] std::optional<std::uint16_t> port(std::string_view name) const;

 private:
  int argc_;
  char** argv_;
};

}  // namespace sallyport
