// SPDX-License-Identifier: Apache-2.0
#include "sallyport/plugin/broker_wire.h"

#include "sallyport/base/text.h"
#include "sallyport/rpc/wire.h"

namespace sallyport {
namespace {

constexpr std::size_t kUnixPathMax = 107;  // sun_path, less its NUL

Result<ConnInfo::Knock> knock_from(std::string_view message) {
  ConnInfo::Knock knock;
  WireReader reader(message);
  while (reader.next()) {
    if (reader.field() == 1 && !reader.is_bytes()) knock.knock = reader.number() != 0;
    if (reader.field() == 2 && !reader.is_bytes()) knock.ack = reader.number() != 0;
    if (reader.field() == 3 && reader.is_bytes()) knock.error = reader.text();
  }
  if (!reader.ok()) return fail(Code::invalid_argument, "a broker's knock is malformed");
  return knock;
}

}  // namespace

Result<ConnInfo> ConnInfo::parse(std::string_view message) {
  if (message.size() > kConnInfoBytesMax)
    return fail(Code::invalid_argument, "a broker's message is larger than any needs to be");
  ConnInfo info;
  WireReader reader(message);
  while (reader.next()) {
    if (reader.field() == 1 && !reader.is_bytes()) {
      if (reader.number() > UINT32_MAX) return fail(Code::invalid_argument, "a broker's number is too large");
      info.id = static_cast<std::uint32_t>(reader.number());
    }
    if (!reader.is_bytes()) continue;
    if (reader.field() == 2) info.network = reader.text();
    if (reader.field() == 3) info.address = reader.text();
    if (reader.field() == 4) {
      SALLYPORT_TRY(knock, knock_from(reader.text()));
      info.knock = std::move(knock);
    }
  }
  if (!reader.ok()) return fail(Code::invalid_argument, "a broker's message is malformed");
  return info;
}

std::string ConnInfo::message() const {
  std::string out;
  if (id != 0) wire_put(out, 1, id);
  if (!network.empty()) wire_put(out, 2, std::string_view(network));
  if (!address.empty()) wire_put(out, 3, std::string_view(address));
  if (knock) {
    std::string inner;
    if (knock->knock) wire_put(inner, 1, 1);
    if (knock->ack) wire_put(inner, 2, 1);
    if (!knock->error.empty()) wire_put(inner, 3, std::string_view(knock->error));
    wire_put(out, 4, std::string_view(inner));
  }
  return out;
}

Result<SocketAddress> ConnInfo::where() const {
  if (network == "unix") {
    const bool control = address.find('\0') != std::string::npos;
    if (address.starts_with('/') && address.size() <= kUnixPathMax && !control)
      return SocketAddress::unix_path(address);
  } else if (network == "tcp") {
    const auto parsed = SocketAddress::parse(address);
    if (parsed && !parsed->is_unix() && parsed->port != 0 && parsed->ip.is_loopback()) return *parsed;
  }
  return fail(Code::invalid_argument,
              concat("the other side's service ", id, " is at `", escaped(network, 20), "` `",
                     escaped(address), "`, which is nowhere on this machine"));
}

}  // namespace sallyport
