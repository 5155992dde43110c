// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/proxy_header.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

using State = ProxyParse::State;

constexpr std::string_view kLead = "PROXY ";
constexpr std::string_view kUnknown = "PROXY UNKNOWN";
constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kLineBytesMin = 15;    // "PROXY UNKNOWN\r\n"
constexpr std::size_t kBinaryBytesMin = 16;  // signature, command, family, length
constexpr std::uint8_t kLocalCommand = 0x20;
constexpr std::uint8_t kProxyCommand = 0x21;
constexpr std::uint8_t kUnspecified = 0x00;
constexpr std::uint8_t kTcp4 = 0x11;
constexpr std::uint8_t kTcp6 = 0x21;
constexpr std::uint8_t kChecksumType = 0x03;
constexpr std::size_t kTcp4Bytes = 12;
constexpr std::size_t kTcp6Bytes = 36;

ProxyParse bad() { return {}; }
ProxyParse more(std::size_t wanted) { return {State::more, wanted, {}}; }
ProxyParse done(ProxyHeader header) { return {State::done, 0, std::move(header)}; }

std::uint8_t byte_at(std::string_view bytes, std::size_t at) { return static_cast<std::uint8_t>(bytes[at]); }
std::uint16_t short_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}

std::optional<SocketAddress> text_address(std::string_view family, std::string_view ip,
                                          std::string_view port) {
  const auto address = IpAddress::parse(ip);
  const bool is_v6_text = ip.find(':') != std::string_view::npos;
  const auto number = parse_decimal<std::uint16_t>(port);
  const bool plain_port = port.size() == 1 || !port.starts_with('0');
  if (!address || !number || !plain_port || is_v6_text != (family == "TCP6")) return std::nullopt;
  return SocketAddress::tcp(*address, *number);
}

ProxyParse parse_line(std::string_view bytes) {
  const auto end = bytes.find('\n');
  if (end == std::string_view::npos)
    return bytes.size() < kProxyLineBytesMax ? more(bytes.size() + 1) : bad();
  if (end + 1 != bytes.size() || bytes[end - 1] != '\r') return bad();
  const std::string_view line = bytes.substr(0, end - 1);
  if (line.find('\r') != std::string_view::npos) return bad();
  if (line == kUnknown || line.starts_with(concat(kUnknown, ' '))) return done({});
  const auto words = split(line, ' ');
  if (words.size() != 6 || (words[1] != "TCP4" && words[1] != "TCP6")) return bad();
  const auto source = text_address(words[1], words[2], words[4]);
  const auto destination = text_address(words[1], words[3], words[5]);
  if (!source || !destination) return bad();
  return done({ProxyHeader::Kind::proxied, *source, *destination});
}

/// crc32c is the Castagnoli polynomial, bit by bit: once for a connection.
std::uint32_t crc32c(std::string_view bytes) noexcept {
  std::uint32_t crc = ~0U;
  for (const char c : bytes) {
    crc ^= static_cast<std::uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0x82F63B78U : 0U);
  }
  return ~crc;
}

/// fields_are_good walks the fields behind the addresses; `whole` is the header, for its checksum.
bool fields_are_good(std::string_view whole, std::size_t at) {
  while (at < whole.size()) {
    if (whole.size() - at < 3) return false;
    const std::size_t length = short_at(whole, at + 1);
    if (whole.size() - at - 3 < length) return false;
    if (byte_at(whole, at) == kChecksumType) {
      if (length != sizeof(std::uint32_t)) return false;
      const std::uint32_t said =
          std::uint32_t{short_at(whole, at + 3)} << 16 | std::uint32_t{short_at(whole, at + 5)};
      std::string blanked(whole);
      blanked.replace(at + 3, length, length, '\0');
      if (crc32c(blanked) != said) return false;
    }
    at += 3 + length;
  }
  return true;
}

template <std::size_t N>
std::array<std::uint8_t, N> address_at(std::string_view bytes, std::size_t at) {
  std::array<std::uint8_t, N> address{};
  std::memcpy(address.data(), bytes.data() + at, N);
  return address;
}

ProxyParse parse_binary(std::string_view bytes) {
  if (bytes.size() < kBinaryBytesMin) return more(kBinaryBytesMin);
  const std::uint8_t command = byte_at(bytes, 12);
  const std::uint8_t family = byte_at(bytes, 13);
  const std::size_t whole = kBinaryBytesMin + short_at(bytes, 14);
  if ((command != kLocalCommand && command != kProxyCommand) || whole > kProxyHeaderBytesMax) return bad();
  if (bytes.size() < whole) return more(whole);
  if (bytes.size() > whole) return bad();
  if (command == kLocalCommand || family == kUnspecified) return done({});
  ProxyHeader header;
  header.kind = ProxyHeader::Kind::proxied;
  if (family == kTcp4 && whole >= kBinaryBytesMin + kTcp4Bytes) {
    header.source = SocketAddress::tcp(IpAddress::v4(address_at<4>(bytes, 16)), short_at(bytes, 24));
    header.destination = SocketAddress::tcp(IpAddress::v4(address_at<4>(bytes, 20)), short_at(bytes, 26));
    return fields_are_good(bytes, kBinaryBytesMin + kTcp4Bytes) ? done(std::move(header)) : bad();
  }
  if (family == kTcp6 && whole >= kBinaryBytesMin + kTcp6Bytes) {
    header.source = SocketAddress::tcp(IpAddress::v6(address_at<16>(bytes, 16)), short_at(bytes, 48));
    header.destination = SocketAddress::tcp(IpAddress::v6(address_at<16>(bytes, 32)), short_at(bytes, 50));
    return fields_are_good(bytes, kBinaryBytesMin + kTcp6Bytes) ? done(std::move(header)) : bad();
  }
  return bad();
}

bool begins_alike(std::string_view bytes, std::string_view with) noexcept {
  const std::size_t common = std::min(bytes.size(), with.size());
  return bytes.substr(0, common) == with.substr(0, common);
}

Error refused(Code code, std::string_view what) { return fail(code, what); }

/// passed_on makes the connection one from whom the proxy named.
Result<std::unique_ptr<Stream>> passed_on(Loop& loop, std::unique_ptr<Stream> stream,
                                          const ProxyHeader& header) {
  if (header.kind == ProxyHeader::Kind::own) {
    stream->set_deadline(kNever);
    return stream;
  }
  ConnectionFacts facts;
  facts.peer = header.source;
  facts.local = stream->facts().local;
  auto place = stream->give_up_place();
  auto socket = stream->release();
  if (!socket) return refused(Code::unavailable, "the connection went away behind its PROXY header");
  SALLYPORT_TRY(fresh, socket_stream(loop, *std::move(socket), std::move(facts)));
  fresh->hold(std::move(place));
  return fresh;
}

}  // namespace

ProxyParse parse_proxy_header(std::string_view bytes) {
  if (begins_alike(bytes, kSignature)) {
    return bytes.size() < kSignature.size() ? more(kLineBytesMin) : parse_binary(bytes);
  }
  if (!begins_alike(bytes, kLead)) return bad();
  return bytes.size() < kLineBytesMin && bytes.find('\n') == std::string_view::npos ? more(kLineBytesMin)
                                                                                    : parse_line(bytes);
}

Task<Result<std::unique_ptr<Stream>>> accept_proxied(Loop& loop, std::unique_ptr<Stream> stream,
                                                     std::span<const Cidr> senders, MonotonicTime deadline) {
  const SocketAddress& peer = stream->facts().peer;
  const bool listed =
      !peer.is_unix() &&
      std::any_of(senders.begin(), senders.end(), [&peer](const Cidr& one) { return one.contains(peer.ip); });
  if (!listed) co_return refused(Code::permission_denied, "not from an address of --proxy-protocol");
  stream->set_deadline(deadline);
  std::array<char, kProxyHeaderBytesMax> buffer{};
  std::size_t have = 0;
  ProxyParse parse = parse_proxy_header({});
  while (parse.state == State::more) {
    const IoResult got =
        co_await read_some(*stream, std::span(buffer).subspan(have, parse.bytes_wanted - have));
    if (got.state == IoState::deadline) co_return refused(Code::deadline_exceeded, "no PROXY header in time");
    if (got.state != IoState::done) co_return refused(Code::unavailable, "it ended before its PROXY header");
    have += got.bytes;
    parse = parse_proxy_header({buffer.data(), have});
  }
  if (parse.state == State::bad) co_return refused(Code::invalid_argument, "no good PROXY header");
  co_return passed_on(loop, std::move(stream), parse.header);
}

}  // namespace sallyport
