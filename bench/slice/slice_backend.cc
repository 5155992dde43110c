// SPDX-License-Identifier: Apache-2.0
#include "slice_backend.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <thread>

#include "sallyport/base/text.h"
#include "sallyport/env/posix/descriptor.h"

extern char** environ;

namespace sallyport {
namespace {

constexpr int kConnectTries = 200;
constexpr auto kConnectPause = std::chrono::milliseconds(25);

std::uint16_t free_port() {
  const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) return 0;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return ntohs(address.sin_port);
}

void fill_in(std::string& text, std::string_view name, std::string_view value) {
  for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + value.size())) {
    text.replace(at, name.size(), value);
  }
}

bool accepts(const SocketAddress& address) {
  const Descriptor socket(::socket(address.is_unix() ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (address.is_unix()) {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    address.path.copy(to.sun_path, sizeof to.sun_path - 1);
    return ::connect(socket.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  }
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(address.port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::connect(socket.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
}

}  // namespace

Result<SliceBackend> SliceBackend::start(std::vector<std::string> command, const std::string& state_folder) {
  SocketAddress address = SocketAddress::tcp(IpAddress::v4({127, 0, 0, 1}), free_port());
  const std::string socket = state_folder + "/backend.sock";
  for (std::string& argument : command) {
    if (argument.find("{socket}") != std::string::npos) address = SocketAddress::unix_path(socket);
    fill_in(argument, "{socket}", socket);
    fill_in(argument, "{port}", concat(address.port));
  }
  std::vector<char*> argv;
  for (std::string& argument : command) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_t pid = -1;
  if (::posix_spawnp(&pid, argv[0], nullptr, nullptr, argv.data(), environ) != 0) {
    return fail(Code::unavailable, concat("cannot start ", command.front()));
  }
  SliceBackend backend(pid, address);
  for (int i = 0; i < kConnectTries; ++i) {
    if (accepts(address)) return backend;
    std::this_thread::sleep_for(kConnectPause);
  }
  return fail(Code::deadline_exceeded, concat(command.front(), " does not listen on ", address.str()));
}

SliceBackend::~SliceBackend() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
}

}  // namespace sallyport
