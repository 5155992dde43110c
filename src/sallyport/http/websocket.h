// SPDX-License-Identifier: Apache-2.0
// The WebSocket opening handshake (RFC 6455 section 4), as a gateway sees it from both sides, and the
// subprotocol that carries a ticket.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sallyport/http/message.h"

namespace sallyport {

enum class WebSocketFault : std::uint8_t {
  none,
  not_an_upgrade,  ///< not `Upgrade: websocket` with its connection option in HTTP/1.1
  method,          ///< not GET
  version,         ///< not 13
  key,             ///< not 16 bytes in base64
  body,            ///< an upgrade with a body is a smuggling attempt
};
std::string_view name_of(WebSocketFault fault) noexcept;

/// check_websocket_handshake judges the client's half. 400 for every fault, 426 for `version`.
WebSocketFault check_websocket_handshake(const RequestHead& head);

/// WebSocketAccept is the value of Sec-WebSocket-Accept.
using WebSocketAccept = std::array<char, 28>;
WebSocketAccept websocket_accept(std::string_view key);
/// answers_websocket: the backend's 101 belongs to that key; only then may bytes flow.
bool answers_websocket(const ResponseHead& response, std::string_view key);

/// kTicketProtocolPrefix marks the subprotocol that carries a ticket; it is never forwarded.
inline constexpr std::string_view kTicketProtocolPrefix = "sallyport.ticket.";

/// TicketOffer is what the subprotocol list holds of tickets.
struct TicketOffer {
  std::size_t count = 0;
  std::string_view ticket;  ///< text after the prefix, of the last one
};
TicketOffer find_ticket_protocol(const HeaderFields& fields) noexcept;
/// protocols_without_ticket is the list for the backend; empty: send no such field.
std::string protocols_without_ticket(const HeaderFields& fields);

}  // namespace sallyport
