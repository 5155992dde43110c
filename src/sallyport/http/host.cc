// SPDX-License-Identifier: Apache-2.0
#include "sallyport/http/host.h"

#include <utility>

#include "sallyport/base/address.h"
#include "sallyport/base/text.h"
#include "sallyport/http/internal/authority.h"

namespace sallyport {
namespace {

constexpr std::size_t kHostBytesMax = 253;  // RFC 1035 section 2.3.4

/// canonical_name: a name or an IPv4 address; empty if it is neither.
std::string canonical_name(std::string_view text) {
  if (text.size() > kHostBytesMax) return {};
  for (const std::string_view label : split(text, '.')) {
    if (label.empty() || label.size() > 63) return {};
  }
  // URL Standard section 3.5: a name whose last label starts with a digit is taken for a number by browsers.
  const char last_label = text[text.rfind('.') == std::string_view::npos ? 0 : text.rfind('.') + 1];
  const bool numeric = last_label >= '0' && last_label <= '9';
  if (numeric && !IpAddress::parse(text)) return {};
  return to_lower(text);
}

std::string canonical_v6(std::string_view bracketed) {
  const auto ip = IpAddress::parse(bracketed.substr(1, bracketed.size() - 2));
  if (!ip || ip->is_v4()) return {};
  return concat('[', ip->str(), ']');
}

}  // namespace

Result<HostPort> HostPort::parse(std::string_view text) {
  const Error malformed =
      fail(Code::invalid_argument, concat("not a host or host:port: \"", escaped(text), '"'));
  if (!is_authority(text)) return malformed;
  const std::size_t host_size =
      text.starts_with('[') ? text.find(']') + 1 : std::min(text.find(':'), text.size());
  HostPort parsed;
  const std::string_view host = text.substr(0, host_size);
  parsed.host = text.starts_with('[') ? canonical_v6(host) : canonical_name(host);
  if (parsed.host.empty()) return malformed;
  if (host_size != text.size()) parsed.port = parse_decimal<std::uint16_t>(text.substr(host_size + 1));
  return parsed;
}

std::string HostPort::str() const { return port ? concat(host, ':', *port) : host; }

bool is_loopback_host(std::string_view host_field, std::uint16_t port, std::uint16_t default_port) {
  const auto parsed = HostPort::parse(host_field);
  if (!parsed || parsed->port.value_or(default_port) != port) return false;
  if (parsed->host == "localhost" || parsed->host == "[::1]") return true;
  const auto ip = IpAddress::parse(parsed->host);
  return ip.has_value() && ip->is_loopback();
}

std::string_view name_of(Scheme scheme) noexcept { return scheme == Scheme::https ? "https" : "http"; }
std::uint16_t default_port_of(Scheme scheme) noexcept { return scheme == Scheme::https ? 443 : 80; }

void HostList::add(const HostPort& host, Scheme scheme) {
  const PublicPort reached{scheme, host.port.value_or(default_port_of(scheme))};
  add_spelling(concat(host.host, ':', reached.port), reached);
  if (reached.port == default_port_of(scheme)) add_spelling(host.host, reached);
}

void HostList::add_spelling(std::string spelling, PublicPort reached) {
  for (Name& name : names_) {
    if (!iequals(name.spelling, spelling)) continue;
    if (reached.scheme == Scheme::https) name.reached = reached;
    return;
  }
  names_.push_back(Name{std::move(spelling), reached});
}

const HostList::Name* HostList::holds(std::string_view canonical) const noexcept {
  for (const Name& name : names_) {
    if (iequals(name.spelling, canonical)) return &name;
  }
  return nullptr;
}

std::optional<PublicPort> HostList::find(std::string_view host_field) const {
  if (const Name* name = holds(host_field)) return name->reached;
  if (!host_field.starts_with('[')) return std::nullopt;
  const auto parsed = HostPort::parse(host_field);  // an IPv6 address has many spellings
  const Name* name = parsed ? holds(parsed->str()) : nullptr;
  return name == nullptr ? std::nullopt : std::optional(name->reached);
}

std::string HostList::str() const {
  std::string text;
  for (const Name& name : names_) text += concat(text.empty() ? "" : ", ", name.spelling);
  return text;
}

}  // namespace sallyport
