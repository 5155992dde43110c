// SPDX-License-Identifier: Apache-2.0
#include "sallyport/launch/internal/v6_only.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "sallyport/env/posix/descriptor.h"

namespace sallyport::internal {
namespace {

constexpr std::size_t kAnswerBytesMax = 32 * 1024;
constexpr int kAnswersMax = 64;                 // of so many sockets; one port has a few
constexpr std::uint32_t kListening = 1U << 10;  // of TCP_LISTEN in the kernel's tcp_states.h

struct Query {
  nlmsghdr header;
  inet_diag_req_v2 request;
};

template <class T>
T read_as(std::string_view bytes) noexcept {
  T value{};
  if (bytes.size() >= sizeof value) std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

std::size_t padded(std::size_t bytes) noexcept { return (bytes + 3) & ~std::size_t{3}; }

/// says_v6_only walks the attributes behind a socket's message.
bool says_v6_only(std::string_view attributes) noexcept {
  while (attributes.size() >= sizeof(rtattr)) {
    const auto attribute = read_as<rtattr>(attributes);
    if (attribute.rta_len < sizeof(rtattr) || attribute.rta_len > attributes.size()) return false;
    if (attribute.rta_type == INET_DIAG_SKV6ONLY && attribute.rta_len > sizeof(rtattr))
      return attributes[sizeof(rtattr)] != 0;
    attributes.remove_prefix(std::min(padded(attribute.rta_len), attributes.size()));
  }
  return false;
}

/// add_from reads one answer of the kernel; false when it was the last one.
bool add_from(std::string_view answer, std::uint16_t port, std::set<std::uint64_t>& found) {
  while (answer.size() >= sizeof(nlmsghdr)) {
    const auto header = read_as<nlmsghdr>(answer);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > answer.size()) return false;
    if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY) return false;
    const std::string_view body = answer.substr(sizeof header, header.nlmsg_len - sizeof header);
    const auto message = read_as<inet_diag_msg>(body);
    const bool whole = body.size() >= sizeof message;
    if (whole && message.id.idiag_sport == htons(port) && says_v6_only(body.substr(sizeof message)))
      found.insert(message.idiag_inode);
    answer.remove_prefix(std::min(padded(header.nlmsg_len), answer.size()));
  }
  return true;
}

}  // namespace

std::set<std::uint64_t> v6_only_listeners(std::uint16_t port) {
  std::set<std::uint64_t> found;
  const Descriptor netlink(
      ::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG));
  Query query{};
  query.header.nlmsg_len = sizeof query;
  query.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  query.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  query.request.sdiag_family = AF_INET6;
  query.request.sdiag_protocol = IPPROTO_TCP;
  query.request.idiag_states = kListening;
  query.request.id.idiag_sport = htons(port);
  if (!netlink || ::send(netlink.get(), &query, sizeof query, 0) != static_cast<ssize_t>(sizeof query))
    return found;
  std::array<char, kAnswerBytesMax> answer{};
  for (int i = 0; i < kAnswersMax; ++i) {
    sockaddr_nl from{};
    socklen_t from_bytes = sizeof from;
    const ssize_t got = ::recvfrom(netlink.get(), answer.data(), answer.size(), 0,
                                   reinterpret_cast<sockaddr*>(&from), &from_bytes);
    if (got <= 0 || from.nl_pid != 0) break;  // only the kernel's own word counts
    if (!add_from({answer.data(), static_cast<std::size_t>(got)}, port, found)) break;
  }
  return found;
}

}  // namespace sallyport::internal
