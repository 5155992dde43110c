// SPDX-License-Identifier: Apache-2.0
#include "sallyport/http/session_domain.h"

#include <algorithm>

#include "sallyport/base/text.h"
#include "sallyport/http/host.h"

namespace sallyport {
namespace {

constexpr std::size_t kLabelMax = 63;  // RFC 1035 section 2.3.4

bool is_label(std::string_view text) noexcept {
  const auto good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !text.empty() && text.size() <= kLabelMax && text.front() != '-' && text.back() != '-' &&
         std::all_of(text.begin(), text.end(), good);
}

std::string_view before(std::string_view text, std::string_view suffix) noexcept {
  if (!text.ends_with(suffix)) return {};
  text.remove_suffix(suffix.size());
  return is_label(text) ? text : std::string_view();
}

}  // namespace

Result<SessionDomain> SessionDomain::make(PublicPort reached, std::string_view domain) {
  SALLYPORT_TRY(host, HostPort::parse(concat("a.", domain)));
  const bool is_name = !host.port && host.host.size() > 2 && host.host.find(':') == std::string::npos &&
                       host.host.find_first_not_of("0123456789.", 2) != std::string::npos;
  if (!is_name)
    return fail(Code::invalid_argument,
                concat("\"", escaped(domain, 80), "\" is no domain; write a name such as tools.example.org"));
  SessionDomain made;
  made.reached_ = reached;
  made.scheme_ = concat(name_of(reached.scheme), "://");
  made.port_suffix_ = concat(std::string_view(host.host).substr(1), ':', reached.port);
  const bool is_default = reached.port == default_port_of(reached.scheme);
  made.suffix_ = is_default ? host.host.substr(1) : made.port_suffix_;
  return made;
}

std::string_view SessionDomain::label_in(std::string_view host_field) const noexcept {
  const auto label = before(host_field, suffix_);
  return label.empty() ? before(host_field, port_suffix_) : label;
}

bool SessionDomain::is_origin_of(std::string_view session, std::string_view origin_field) const noexcept {
  return !session.empty() && origin_field.size() == scheme_.size() + session.size() + suffix_.size() &&
         origin_field.starts_with(scheme_) && origin_field.substr(scheme_.size()).starts_with(session) &&
         origin_field.ends_with(suffix_);
}

std::string SessionDomain::origin_of(std::string_view session) const {
  return concat(scheme_, session, suffix_);
}

}  // namespace sallyport
