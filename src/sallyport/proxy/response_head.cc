// SPDX-License-Identifier: Apache-2.0
#include "sallyport/proxy/response_head.h"

#include <algorithm>

#include "sallyport/base/text.h"
#include "sallyport/http/cookie.h"

namespace sallyport {
namespace {

bool stays_on_its_hop(const HeaderField& field) noexcept {
  return field.has(FieldFlag::hop_by_hop) || field.has(FieldFlag::connection_listed);
}

bool plants_cookie(std::string_view set_cookie, std::span<const std::string_view> ours) noexcept {
  const std::string_view name = trimmed(set_cookie.substr(0, set_cookie.find_first_of("=;")));
  if (is_gate_cookie(name)) return true;
  return std::any_of(ours.begin(), ours.end(), [name](std::string_view one) { return iequals(name, one); });
}

void write_status_line(const ResponseHead& response, HeadWriter& out) {
  out.text("HTTP/1.1 ");
  out.number(response.status);
  out.text(" ");
  out.text(response.reason);
  out.text("\r\n");
}

void write_fields(const ResponseHead& response, std::span<const std::string_view> own_cookies,
                  HeadWriter& out) {
  for (const HeaderField& field : response.fields) {
    if (field.flags() != 0 && stays_on_its_hop(field)) continue;
    switch (field.id()) {
      case HeaderId::content_length:
      case HeaderId::transfer_encoding:
      case HeaderId::trailer:
        continue;
      case HeaderId::set_cookie:
        if (plants_cookie(field.value(), own_cookies)) continue;
        break;
      default:
        break;
    }
    out.field(field.name(), field.value());
  }
}

void write_length(std::uint64_t length, HeadWriter& out) {
  out.text("Content-Length: ");
  out.number(length);
  out.text("\r\n");
}

}  // namespace

AnswerShape shape_answer(const ResponseHead& response, Version client, AfterAnswer wanted) noexcept {
  const bool unknown_length =
      response.framing == Framing::chunked || response.framing == Framing::until_close;
  if (!unknown_length) return {OutFraming::raw, wanted};
  if (client == Version::http10) return {OutFraming::raw, AfterAnswer::close};
  return {OutFraming::chunked, wanted};
}

bool write_response_head(const ResponseHead& response, AnswerShape shape, Version client,
                         std::span<const std::string_view> own_cookies, HeadWriter& out) {
  write_status_line(response, out);
  write_fields(response, own_cookies, out);
  const bool names_length = response.framing == Framing::none && response.status != 204 &&
                            response.fields.has(HeaderId::content_length);  // answer to HEAD, 304
  if (response.framing == Framing::length || names_length) write_length(response.content_length, out);
  if (shape.framing == OutFraming::chunked) out.field("Transfer-Encoding", "chunked");
  if (shape.after == AfterAnswer::close) {
    out.field("Connection", "close");
  } else if (client == Version::http10) {
    out.field("Connection", "keep-alive");
  }
  out.text("\r\n");
  return out.fits();
}

bool write_interim_head(const ResponseHead& response, HeadWriter& out) {
  write_status_line(response, out);
  write_fields(response, {}, out);
  out.text("\r\n");
  return out.fits();
}

bool write_switch_head(const ResponseHead& response, std::span<const std::string_view> own_cookies,
                       HeadWriter& out) {
  write_status_line(response, out);
  write_fields(response, own_cookies, out);
  out.text("Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  return out.fits();
}

}  // namespace sallyport
