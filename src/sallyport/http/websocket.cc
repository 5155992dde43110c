// SPDX-License-Identifier: Apache-2.0
#include "sallyport/http/websocket.h"

#include <algorithm>
#include <span>

#include "sallyport/base/text.h"
#include "sallyport/http/internal/sha1.h"
#include "sallyport/http/list.h"

namespace sallyport {
namespace {

constexpr std::string_view kHandshakeGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 section 1.3

bool is_ticket(std::string_view protocol) noexcept {
  return iequals(protocol.substr(0, kTicketProtocolPrefix.size()), kTicketProtocolPrefix);
}

template <class Visit>
void each_protocol(const HeaderFields& fields, Visit&& visit) {
  if (!fields.has(HeaderId::sec_websocket_protocol)) return;
  for (const HeaderField& field : fields) {
    if (field.id() != HeaderId::sec_websocket_protocol) continue;
    std::string_view rest = field.value();
    while (!rest.empty()) {
      const std::string_view protocol = next_list_item(rest);
      if (!protocol.empty()) visit(protocol);
    }
  }
}

}  // namespace

std::string_view name_of(WebSocketFault fault) noexcept {
  constexpr std::string_view names[] = {"none", "not_an_upgrade", "method", "version", "key", "body"};
  return names[static_cast<std::size_t>(fault)];
}

WebSocketFault check_websocket_handshake(const RequestHead& head) {
  if (head.upgrade != Upgrade::websocket) return WebSocketFault::not_an_upgrade;
  if (head.method != Method::get) return WebSocketFault::method;
  if (head.framing == Framing::chunked || head.content_length != 0) return WebSocketFault::body;
  if (head.fields.value_of(HeaderId::sec_websocket_version) != "13") return WebSocketFault::version;
  const auto key = base64_decode(head.fields.value_of(HeaderId::sec_websocket_key));
  return key && key->size() == 16 ? WebSocketFault::none : WebSocketFault::key;
}

WebSocketAccept websocket_accept(std::string_view key) {
  const std::string text = base64_encode(sha1(concat(key, kHandshakeGuid)));
  WebSocketAccept accept{};
  std::copy_n(text.begin(), std::min(text.size(), accept.size()), accept.begin());
  return accept;
}

bool answers_websocket(const ResponseHead& response, std::string_view key) {
  const WebSocketAccept wanted = websocket_accept(key);
  return response.status == 101 && response.upgrade == Upgrade::websocket &&
         response.fields.value_of(HeaderId::sec_websocket_accept) ==
             std::string_view(wanted.data(), wanted.size());
}

TicketOffer find_ticket_protocol(const HeaderFields& fields) noexcept {
  TicketOffer offer;
  each_protocol(fields, [&offer](std::string_view protocol) {
    if (!is_ticket(protocol)) return;
    ++offer.count;
    offer.ticket = protocol.substr(kTicketProtocolPrefix.size());
  });
  return offer;
}

std::string protocols_without_ticket(const HeaderFields& fields) {
  std::string kept;
  each_protocol(fields, [&kept](std::string_view protocol) {
    if (!is_ticket(protocol)) kept += concat(kept.empty() ? "" : ", ", protocol);
  });
  return kept;
}

}  // namespace sallyport
