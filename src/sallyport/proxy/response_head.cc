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

/// own_path_in returns what of a redirect is a path of ours: "/x" itself, or the end of "http://HOST/x".
std::string_view own_path_in(std::string_view location, std::string_view host) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!location.starts_with(scheme) || host.empty()) continue;
    const auto rest = location.substr(scheme.size());
    return iequals(rest.substr(0, host.size()), host) && rest.substr(host.size()).starts_with('/')
               ? rest.substr(host.size())
               : std::string_view();
  }
  return location.starts_with('/') && !location.starts_with("//") ? location : std::string_view();
}

void write_location(const HeaderField& field, const AnswerRewrite& rewrite, HeadWriter& out) {
  const auto path = own_path_in(field.value(), rewrite.host);
  if (path.empty()) return out.field(field.name(), field.value());
  out.text(field.name());
  out.text(": ");
  out.text(field.value().substr(0, field.value().size() - path.size()));
  out.text(rewrite.prefix);
  out.text(path);
  out.text("\r\n");
}

/// write_cookie moves a cookie's path below the prefix; one without a path gets the prefix (RFC 6265 section
/// 5.2.4).
void write_cookie(const HeaderField& field, const AnswerRewrite& rewrite, HeadWriter& out) {
  out.text(field.name());
  out.text(": ");
  bool has_path = false;
  bool first = true;
  for (const std::string_view piece : split(field.value(), ';')) {
    const auto attribute = trimmed(piece);
    const auto equals = attribute.find('=');
    if (!first) out.text("; ");
    const bool is_path = !first && iequals(trimmed(attribute.substr(0, equals)), "path");
    first = false;
    if (!is_path) {
      out.text(attribute);
      continue;
    }
    const auto path =
        equals == std::string_view::npos ? std::string_view() : trimmed(attribute.substr(equals + 1));
    has_path = true;
    out.text("Path=");
    out.text(rewrite.prefix);
    out.text(path.starts_with('/') ? path : std::string_view("/"));
  }
  if (!has_path) {
    out.text("; Path=");
    out.text(rewrite.prefix);
    out.text("/");
  }
  out.text("\r\n");
}

void write_fields(const ResponseHead& response, std::span<const std::string_view> own_cookies,
                  HeadWriter& out, const AnswerRewrite& rewrite = {}) {
  for (const HeaderField& field : response.fields) {
    if (field.flags() != 0 && stays_on_its_hop(field)) continue;
    switch (field.id()) {
      case HeaderId::content_length:
      case HeaderId::transfer_encoding:
      case HeaderId::trailer:
        continue;
      case HeaderId::set_cookie:
        if (plants_cookie(field.value(), own_cookies)) continue;
        if (rewrite.prefix.empty()) break;
        write_cookie(field, rewrite, out);
        continue;
      case HeaderId::location:
        if (rewrite.prefix.empty()) break;
        write_location(field, rewrite, out);
        continue;
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
                         std::span<const std::string_view> own_cookies, HeadWriter& out,
                         const AnswerRewrite& rewrite) {
  write_status_line(response, out);
  write_fields(response, own_cookies, out, rewrite);
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
