// SPDX-License-Identifier: Apache-2.0
#include "sallyport/launch/port.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <set>

#include "sallyport/base/text.h"
#include "sallyport/env/posix/descriptor.h"
#include "sallyport/launch/internal/v6_only.h"
#include "sallyport/launch/process_tree.h"

namespace sallyport {
namespace {

constexpr std::size_t kTableBytesMax = std::size_t{16} << 20;
constexpr std::string_view kStateListen = "0A";
constexpr const char* kOutgoingRange = "/proc/sys/net/ipv4/ip_local_port_range";
constexpr std::uint16_t kPortsFrom = 10000;   // below are the ports that services are known by
constexpr std::uint16_t kPortsWanted = 1024;  // fewer are not worth a search
constexpr std::uint16_t kPortsTriedMax = 256;

std::optional<std::uint32_t> parse_hex(std::string_view text) noexcept {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// parse_kernel_address reads "0100007F:1F90": words of 32 bits in the machine's own byte order, then the
/// port.
std::optional<SocketAddress> parse_kernel_address(std::string_view text) {
  const auto colon = text.find(':');
  if (colon != 8 && colon != 32) return std::nullopt;
  const auto port = parse_hex(text.substr(colon + 1));
  if (!port || *port > UINT16_MAX) return std::nullopt;
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t word = 0; word * 8 < colon; ++word) {
    const auto value = parse_hex(text.substr(word * 8, 8));
    if (!value) return std::nullopt;
    std::copy_n(reinterpret_cast<const std::uint8_t*>(&*value), 4,
                bytes.begin() + static_cast<std::ptrdiff_t>(word * 4));
  }
  const auto ip = colon == 8 ? IpAddress::v4({bytes[0], bytes[1], bytes[2], bytes[3]}) : IpAddress::v6(bytes);
  return SocketAddress::tcp(ip, static_cast<std::uint16_t>(*port));
}

/// words_of splits at runs of blanks, as the kernel pads its columns.
std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (const auto piece : split(line, ' ')) {
    if (!piece.empty()) words.push_back(piece);
  }
  return words;
}

/// read_listening_part reads a table up to its first connected socket: the kernel lists what listens first,
/// and a busy machine has a hundred thousand connections.
std::string read_listening_part(const char* path) {
  const Descriptor file(::open(path, O_RDONLY | O_CLOEXEC));
  std::string text;
  char buffer[16384];
  while (file && text.size() < kTableBytesMax) {
    const auto got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(buffer, static_cast<std::size_t>(got));
    const auto line_end = text.rfind('\n');
    const auto line_start =
        line_end == std::string::npos || line_end == 0 ? 0 : text.rfind('\n', line_end - 1) + 1;
    const auto words = words_of(std::string_view(text).substr(line_start));
    if (words.size() > 3 && words[0] != "sl" && words[3] != kStateListen) break;
  }
  return text;
}

bool answers_on_loopback(const IpAddress& ip) noexcept { return ip.is_loopback() || ip.is_unspecified(); }

std::vector<ListeningSocket> loopback_listeners(std::uint16_t port) {
  std::vector<ListeningSocket> found;
  for (const char* path : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    for (auto& socket : parse_listening(read_listening_part(path))) {
      if (socket.address.port == port && answers_on_loopback(socket.address.ip))
        found.push_back(std::move(socket));
    }
  }
  return found;
}

struct CloseDirectory {
  void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

void add_sockets_of(pid_t pid, std::set<std::uint64_t>& inodes) {
  const auto path = concat("/proc/", pid, "/fd");
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(path.c_str()));
  if (!directory) return;
  constexpr std::string_view kPrefix = "socket:[";
  while (const auto* entry = ::readdir(directory.get())) {
    char target[64];
    const auto size = ::readlinkat(::dirfd(directory.get()), entry->d_name, target, sizeof target);
    std::string_view text(target, size > 0 ? static_cast<std::size_t>(size) : 0);
    if (!text.starts_with(kPrefix) || !text.ends_with(']')) continue;
    text = text.substr(kPrefix.size(), text.size() - kPrefix.size() - 1);
    if (const auto inode = parse_decimal<std::uint64_t>(text)) inodes.insert(*inode);
  }
}

std::set<std::uint64_t> sockets_of_tree(pid_t root) {
  std::set<std::uint64_t> inodes;
  for (const auto& node : process_tree(root)) add_sockets_of(node.pid, inodes);
  return inodes;
}

SocketAddress where_to_connect(const std::vector<ListeningSocket>& listeners) {
  const auto v6_loopback = *IpAddress::parse("::1");
  std::optional<std::set<std::uint64_t>> v6_only;  // asked for where a wildcard makes it matter
  const auto only_v6 = std::all_of(listeners.begin(), listeners.end(), [&](const auto& one) {
    if (one.address.ip.is_v4() || one.address.ip == v6_loopback) return !one.address.ip.is_v4();
    if (!v6_only) v6_only = internal::v6_only_listeners(one.address.port);
    return v6_only->contains(one.inode);
  });
  return SocketAddress::tcp(only_v6 ? v6_loopback : IpAddress::v4({127, 0, 0, 1}),
                            listeners.front().address.port);
}

/// bound_port binds a socket, lets it go and returns its port; port 0 lets the kernel choose.
Result<std::uint16_t> bound_port(in_addr_t ip, std::uint16_t port) {
  const Descriptor probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(ip);
  address.sin_port = htons(port);
  socklen_t size = sizeof address;
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  if (!probe || ::bind(probe.get(), raw, size) != 0 || ::getsockname(probe.get(), raw, &size) != 0) {
    return fail(Code::unavailable, concat("no free port on 127.0.0.1: ", std::strerror(errno)));
  }
  return ntohs(address.sin_port);
}

/// first_outgoing_port is where the kernel's range for outgoing connections begins; 0 where it cannot be
/// read.
std::uint16_t first_outgoing_port() {
  const Descriptor file(::open(kOutgoingRange, O_RDONLY | O_CLOEXEC));
  std::array<char, 32> text{};
  const auto size = file ? ::read(file.get(), text.data(), text.size()) : -1;
  if (size <= 0) return 0;
  const std::string_view line(text.data(), static_cast<std::size_t>(size));
  return parse_decimal<std::uint16_t>(line.substr(0, line.find('\t'))).value_or(0);
}

}  // namespace

Result<std::uint16_t> free_loopback_port() {
  // The kernel's own pick lies where it takes the near ends of outgoing connections from, and such a
  // connection, of anybody, keeps a tool from binding all addresses. So that pick only says where below the
  // range to begin.
  SALLYPORT_TRY(pick, bound_port(INADDR_LOOPBACK, 0));
  const auto end = first_outgoing_port();
  if (end < kPortsFrom + kPortsWanted) return pick;
  const auto span = static_cast<std::uint16_t>(end - kPortsFrom);
  for (std::uint16_t i = 0; i < kPortsTriedMax; ++i) {
    const auto port = bound_port(INADDR_ANY, static_cast<std::uint16_t>(kPortsFrom + (pick + i) % span));
    if (port) return *port;
  }
  return pick;
}

std::vector<ListeningSocket> parse_listening(std::string_view table) {
  // sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode ...
  std::vector<ListeningSocket> found;
  while (!table.empty() && found.size() < kListeningSocketsMax) {
    const auto line = table.substr(0, table.find('\n'));
    table.remove_prefix(std::min(line.size() + 1, table.size()));
    const auto words = words_of(line);
    if (words.size() < 10 || words[3] != kStateListen) continue;
    const auto address = parse_kernel_address(words[1]);
    const auto uid = parse_decimal<std::uint32_t>(words[7]);
    const auto inode = parse_decimal<std::uint64_t>(words[9]);
    if (address && uid && inode) found.push_back({*address, *uid, *inode});
  }
  return found;
}

PortProof prove_listener(std::uint16_t port, pid_t root) {
  const auto listeners = loopback_listeners(port);
  if (listeners.empty()) return {};
  const auto ours = sockets_of_tree(root);
  PortProof proof{PortOwner::tool, where_to_connect(listeners), {}};
  for (const auto& one : listeners) {
    if (one.uid != ::geteuid() || !ours.contains(one.inode)) {
      return {PortOwner::foreign,
              {},
              concat(one.address.str(), " is held by another process (uid ", one.uid, "), not by the tool")};
    }
    if (!one.address.ip.is_loopback()) {
      proof.note = concat("the tool listens on ", one.address.str(),
                          ", so it can be reached around sallyport; tell it to listen on 127.0.0.1");
    }
  }
  return proof;
}

}  // namespace sallyport
