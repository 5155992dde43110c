// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/internal/peer_lookup.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "sallyport/env/posix/descriptor.h"
#include "sallyport/net/listening_owner.h"

namespace sallyport {
namespace {

constexpr std::size_t kAnswerBytesMax = 8192;
constexpr std::size_t kPeerGroupsMax = 256;  // who is in more is judged by the first one only
constexpr std::uint8_t kTcpTimeWait =
    6;  // TCP_TIME_WAIT of the kernel's tcp_states.h, which user space does not get

constexpr std::uint8_t kTcpListen = 10;  // TCP_LISTEN, likewise

struct Query {
  nlmsghdr header;
  inet_diag_req_v2 request;
};

Query query_for(const SocketAddress& peer, const SocketAddress& local) noexcept {
  Query query{};
  query.header.nlmsg_len = sizeof query;
  query.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  query.header.nlmsg_flags = NLM_F_REQUEST;
  query.request.sdiag_family = peer.ip.is_v4() ? AF_INET : AF_INET6;
  query.request.sdiag_protocol = IPPROTO_TCP;
  query.request.idiag_states = ~0U;
  inet_diag_sockid& id = query.request.id;
  id.idiag_sport = htons(peer.port);
  id.idiag_dport = htons(local.port);
  const std::size_t address_bytes = peer.ip.is_v4() ? 4 : 16;
  std::memcpy(id.idiag_src, peer.ip.bytes().data(), address_bytes);
  std::memcpy(id.idiag_dst, local.ip.bytes().data(), address_bytes);
  std::fill(std::begin(id.idiag_cookie), std::end(id.idiag_cookie), INET_DIAG_NOCOOKIE);
  return query;
}

/// Found is one line of the kernel's table.
struct Found {
  std::uint32_t uid = 0;
  std::uint32_t inode = 0;
  std::uint8_t state = 0;
};

std::optional<Found> found_in(const std::array<char, kAnswerBytesMax>& answer, std::size_t bytes,
                              const Query& query) noexcept {
  nlmsghdr header{};
  inet_diag_msg message{};
  if (bytes < NLMSG_LENGTH(sizeof message)) return std::nullopt;
  std::memcpy(&header, answer.data(), sizeof header);
  if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY) return std::nullopt;
  std::memcpy(&message, answer.data() + NLMSG_HDRLEN, sizeof message);
  const bool same_socket = message.id.idiag_sport == query.request.id.idiag_sport &&
                           message.id.idiag_dport == query.request.id.idiag_dport;
  if (!same_socket || message.idiag_inode == 0) return std::nullopt;
  return Found{message.idiag_uid, message.idiag_inode, message.idiag_state};
}

std::optional<Found> ask_kernel(const Query& query) noexcept {
  const Descriptor netlink(
      ::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG));
  if (!netlink) return std::nullopt;
  if (::send(netlink.get(), &query, sizeof query, 0) != static_cast<ssize_t>(sizeof query))
    return std::nullopt;
  // The kernel answers inside send(); nobody else may have bound our address, but only its own word counts.
  alignas(nlmsghdr) std::array<char, kAnswerBytesMax> answer{};
  sockaddr_nl from{};
  socklen_t from_bytes = sizeof from;
  const ssize_t got = ::recvfrom(netlink.get(), answer.data(), answer.size(), 0,
                                 reinterpret_cast<sockaddr*>(&from), &from_bytes);
  if (got <= 0 || from.nl_pid != 0) return std::nullopt;
  return found_in(answer, static_cast<std::size_t>(got), query);
}

/// further_groups are those beside the first one, as they were when the peer connected.
std::vector<std::uint32_t> further_groups(int socket) {
  std::array<gid_t, kPeerGroupsMax> groups{};
  socklen_t bytes = sizeof groups;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &bytes) != 0) return {};
  return {groups.begin(), groups.begin() + bytes / sizeof(gid_t)};
}

}  // namespace

std::optional<PeerProcess> unix_peer(int socket) {
  ucred credentials{};
  socklen_t bytes = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &bytes) != 0) return std::nullopt;
  if (credentials.pid == 0 && credentials.uid == UINT32_MAX) return std::nullopt;
  return PeerProcess{credentials.uid, credentials.pid, credentials.gid, further_groups(socket)};
}

std::optional<PeerProcess> loopback_tcp_peer(const SocketAddress& peer, const SocketAddress& local) noexcept {
  if (peer.is_unix() || !peer.ip.is_loopback() || !local.ip.is_loopback()) return std::nullopt;
  if (peer.ip.is_v4() != local.ip.is_v4()) return std::nullopt;
  const auto found = ask_kernel(query_for(peer, local));
  if (!found || found->state == kTcpTimeWait) return std::nullopt;
  return PeerProcess{found->uid, 0};
}

std::optional<std::uint64_t> listening_socket_of(const SocketAddress& address) noexcept {
  if (address.is_unix() || !address.ip.is_loopback()) return std::nullopt;
  SocketAddress nobody = SocketAddress::tcp(IpAddress(), 0);
  if (!address.ip.is_v4()) nobody.ip = IpAddress::v6({});
  const auto found = ask_kernel(query_for(address, nobody));
  if (!found || found->state != kTcpListen) return std::nullopt;
  return found->inode;
}

}  // namespace sallyport
