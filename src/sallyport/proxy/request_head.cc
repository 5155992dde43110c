// SPDX-License-Identifier: Apache-2.0
#include "sallyport/proxy/request_head.h"

#include <algorithm>
#include <string>

#include "sallyport/http/cookie.h"
#include "sallyport/http/fold.h"
#include "sallyport/http/form.h"
#include "sallyport/http/websocket.h"

namespace sallyport {
namespace {

bool is_reserved(std::string_view name, std::span<const std::string_view> reserved) noexcept {
  return std::any_of(reserved.begin(), reserved.end(),
                     [name](std::string_view one) { return names_fold_equal(name, one); });
}

/// holds_ticket: on an upgrade every parameter of that name is one. Elsewhere only what looks like one of
/// ours: a tool may have a parameter of that name itself.
bool holds_ticket(std::string_view query, const ForwardHygiene& hygiene, UpgradeForward upgrade) {
  if (query.size() < hygiene.ticket_parameter.size() || hygiene.ticket_parameter.empty()) return false;
  const QueryMatch match = find_in_query(query, hygiene.ticket_parameter);
  if (match.count == 0) return false;
  return upgrade == UpgradeForward::websocket || match.count > 1 ||
         match.value_raw.starts_with(hygiene.ticket_value);
}

void write_forwarded_for(const ConnectionFacts& facts, const ForwardPlan& plan, HeadWriter& out) {
  if (!plan.forwarded.client.empty()) return out.field("X-Forwarded-For", plan.forwarded.client);
  if (facts.peer.is_unix()) return;
  if (!facts.peer.ip.is_v4()) return out.field("X-Forwarded-For", facts.peer.ip.str());
  out.text("X-Forwarded-For: ");
  for (std::size_t i = 0; i < 4; ++i) {
    if (i != 0) out.text(".");
    out.number(facts.peer.ip.bytes()[i]);
  }
  out.text("\r\n");
}

void write_own_lines(const RequestHead& head, const ForwardPlan& plan, const ConnectionFacts& facts,
                     std::string_view request_id, HeadWriter& out) {
  write_forwarded_for(facts, plan, out);
  const std::string_view own_scheme = facts.tls == Tls::on ? "https" : "http";
  out.field("X-Forwarded-Proto", plan.forwarded.scheme.empty() ? own_scheme : plan.forwarded.scheme);
  const std::string_view host =
      plan.forwarded.host.empty() ? head.fields.value_of(HeaderId::host) : plan.forwarded.host;
  if (!host.empty()) out.field("X-Forwarded-Host", host);
  out.field("X-Request-ID", request_id);
  if (!plan.trace.traceparent.empty()) out.field("Traceparent", plan.trace.traceparent);
  out.text(plan.injected_lines);
}

void write_host(const RequestHead& head, const ForwardPlan& plan, HeadWriter& out) {
  if (!plan.host.empty()) return out.field("Host", plan.host);
  const std::string_view host = head.fields.value_of(HeaderId::host);
  out.field("Host", host.empty() ? std::string_view("localhost") : host);  // HTTP/1.0 may come without one
}

void write_framing(const RequestHead& head, HeadWriter& out) {
  if (head.framing == Framing::chunked) return out.field("Transfer-Encoding", "chunked");
  if (head.framing != Framing::length) return;
  out.text("Content-Length: ");
  out.number(head.content_length);
  out.text("\r\n");
}

void write_cookies(const HeaderFields& fields, const ForwardHygiene& hygiene, HeadWriter& out) {
  const std::string kept = cookies_without(fields, hygiene.cookies);
  if (!kept.empty()) out.field("Cookie", kept);
}

void write_protocols(const HeaderFields& fields, HeadWriter& out) {
  const std::string kept = protocols_without_ticket(fields);
  if (!kept.empty()) out.field("Sec-WebSocket-Protocol", kept);
}

/// is_ours_to_write: fields that the client's head has and that we write ourselves, or not at all.
bool is_ours_to_write(HeaderId id) noexcept {
  switch (id) {
    case HeaderId::host:
    case HeaderId::content_length:
    case HeaderId::transfer_encoding:
    case HeaderId::expect:   // Exchange::owes_continue
    case HeaderId::trailer:  // trailers are dropped
    case HeaderId::x_request_id:
    case HeaderId::cookie:
    case HeaderId::sec_websocket_protocol:
      return true;
    default:
      return false;
  }
}

/// stays_behind: fields of the client's hop, named in its Connection field, or stating an identity.
/// Authorization is one of these unless the plan lets the backend judge it.
bool stays_behind(const HeaderField& field, const ForwardHygiene& hygiene) noexcept {
  if (field.flags() == 0) return false;
  const bool passes =
      field.id() == HeaderId::authorization && hygiene.authorization == ClientAuthorization::pass;
  return !passes || field.has(FieldFlag::connection_listed);
}

/// is_replaced: a trace goes on with our own span, or begins here.
bool is_replaced(HeaderId id, const TraceFields& trace) noexcept {
  if (trace.traceparent.empty()) return false;
  return id == HeaderId::traceparent ||
         (id == HeaderId::tracestate && trace.tracestate == TraceFields::Tracestate::drop);
}

void write_client_fields(const HeaderFields& fields, const ForwardPlan& plan, HeadWriter& out) {
  const ForwardHygiene& hygiene = plan.hygiene;
  for (const HeaderField& field : fields) {
    if (stays_behind(field, hygiene) || is_ours_to_write(field.id())) continue;
    if (is_replaced(field.id(), plan.trace)) continue;
    if (!hygiene.reserved_names.empty() && is_reserved(field.name(), hygiene.reserved_names)) continue;
    out.field(field.name(), field.value());
  }
}

/// passes tells whether the first field of that id was named in Connection: then all of them belong to this
/// hop.
bool passes(const HeaderFields& fields, HeaderId id, const ForwardHygiene& hygiene) noexcept {
  const HeaderField* field = fields.find(id);
  return field != nullptr && field->flags() == 0 && !is_reserved(field->name(), hygiene.reserved_names);
}

}  // namespace

void write_target(const Target& target, const ForwardPlan& plan, UpgradeForward upgrade, HeadWriter& out) {
  std::string_view path = target.path_raw;
  if (target.form != TargetForm::asterisk) {
    out.text(plan.path_prefix);
    path.remove_prefix(std::min(plan.path_bytes_cut, path.size()));
    if (path.empty() || path.front() != '/') out.text("/");
  }
  out.text(path);
  if (!target.has_query) return;
  if (!holds_ticket(target.query_raw, plan.hygiene, upgrade)) {
    out.text("?");
    return out.text(target.query_raw);
  }
  const std::string kept = query_without(target.query_raw, plan.hygiene.ticket_parameter);
  if (kept.empty()) return;
  out.text("?");
  out.text(kept);
}

bool write_request_head(const RequestHead& head, const ForwardPlan& plan, const ConnectionFacts& facts,
                        std::string_view request_id, UpgradeForward upgrade, HeadWriter& out) {
  out.text(head.method_text);
  out.text(" ");
  write_target(head.target, plan, upgrade, out);
  out.text(" HTTP/1.1\r\n");
  write_host(head, plan, out);
  write_client_fields(head.fields, plan, out);
  if (passes(head.fields, HeaderId::cookie, plan.hygiene)) write_cookies(head.fields, plan.hygiene, out);
  write_framing(head, out);
  if (upgrade == UpgradeForward::websocket) {
    out.text("Connection: Upgrade\r\nUpgrade: websocket\r\n");
    if (passes(head.fields, HeaderId::sec_websocket_protocol, plan.hygiene))
      write_protocols(head.fields, out);
  }
  write_own_lines(head, plan, facts, request_id, out);
  out.text("\r\n");
  return out.fits();
}

}  // namespace sallyport
