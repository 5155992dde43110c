// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/launch_children/child_http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include "sallyport/base/text.h"

namespace {

struct Habits {
  std::string address;
  std::string token_file;
  std::string token;
  std::string basic_user;
  int status = 200;
  int requests_left = -1;
  enum class Manner { answers, mute, deaf, garbage } manner = Manner::answers;
};

void shrug(int number) {
  const std::string_view text = number == SIGINT ? "ignores INT\n" : "ignores TERM\n";
  (void)!::write(STDOUT_FILENO, text.data(), text.size());
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::optional<std::string> after_prefix(std::string_view word, std::string_view prefix) {
  if (!word.starts_with(prefix)) return std::nullopt;
  return std::string(word.substr(prefix.size()));
}

Habits read_habits(int argc, char** argv) {
  Habits habits;
  habits.address = argc > 0 ? argv[0] : "";
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (const auto path = after_prefix(word, "token-file=")) habits.token_file = *path;
    if (const auto path = after_prefix(word, "token-once=")) habits.token = read_file(*path);
    if (const auto user = after_prefix(word, "basic=")) habits.basic_user = *user;
    if (const auto status = after_prefix(word, "status=")) habits.status = std::atoi(status->c_str());
    if (const auto count = after_prefix(word, "requests=")) habits.requests_left = std::atoi(count->c_str());
    if (word == "mute") habits.manner = Habits::Manner::mute;
    if (word == "deaf") habits.manner = Habits::Manner::deaf;
    if (word == "garbage") habits.manner = Habits::Manner::garbage;
    if (word == "stubborn") {
      ::signal(SIGINT, shrug);
      ::signal(SIGTERM, shrug);
    }
  }
  return habits;
}

int listen_on(const std::string& address) {
  if (address.find('/') != std::string::npos) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::strncpy(name.sun_path, address.c_str(), sizeof name.sun_path - 1);
    if (::bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof name) != 0 || ::listen(fd, 16) != 0) return -1;
    return fd;
  }
  const auto any = after_prefix(address, "any:");
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(static_cast<std::uint16_t>(std::atoi(any.value_or(address).c_str())));
  name.sin_addr.s_addr = htonl(any ? INADDR_ANY : INADDR_LOOPBACK);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof name) != 0 || ::listen(fd, 16) != 0) return -1;
  return fd;
}

std::string demanded(const Habits& habits) {
  if (!habits.token_file.empty()) return "Authorization: Bearer " + read_file(habits.token_file);
  if (!habits.token.empty()) return "Authorization: Bearer " + habits.token;
  if (habits.basic_user.empty()) return {};
  const char* password = std::getenv("SECRET_PASSWORD");
  const auto pair = habits.basic_user + ":" + (password == nullptr ? "" : password);
  return "Authorization: Basic " + sallyport::base64_encode(std::as_bytes(std::span(pair)));
}

void answer(int peer, const Habits& habits) {
  std::string head;
  char buffer[2048];
  while (head.find("\r\n\r\n") == std::string::npos) {
    const auto got = ::read(peer, buffer, sizeof buffer);
    if (got <= 0) return;
    head.append(buffer, static_cast<std::size_t>(got));
  }
  const auto wanted = demanded(habits);
  const int status = wanted.empty() || head.find(wanted + "\r\n") != std::string::npos ? habits.status : 401;
  const auto text =
      habits.manner == Habits::Manner::garbage
          ? std::string("SSH-2.0-notHTTP\r\n\r\n")
          : "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  if (::write(peer, text.data(), text.size()) < 0) return;
  const auto line = head.substr(0, head.find('\r')) + " -> " + std::to_string(status) + "\n";
  if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) return;
}

}  // namespace

int serve_http(int argc, char** argv) {
  auto habits = read_habits(argc, argv);
  if (habits.manner == Habits::Manner::deaf) {
    for (;;) ::pause();
  }
  const int fd = listen_on(habits.address);
  if (fd < 0) {
    const std::string_view text = "cannot listen\n";
    (void)!::write(STDERR_FILENO, text.data(), text.size());
    return 5;
  }
  for (;;) {
    const int peer = ::accept(fd, nullptr, nullptr);
    if (peer < 0 || habits.manner == Habits::Manner::mute) continue;
    answer(peer, habits);
    ::close(peer);
    if (habits.requests_left > 0 && --habits.requests_left == 0) return 4;
  }
}
