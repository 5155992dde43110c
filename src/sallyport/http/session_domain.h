// SPDX-License-Identifier: Apache-2.0
// SessionDomain: the name below which each session has an origin of its own, "<session>.<domain>[:port]".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sallyport/base/result.h"
#include "sallyport/http/host.h"

namespace sallyport {

/// SessionDomain compares exactly, as HostList does: one label, then the domain, then the port unless it is
/// the scheme's own. A value; its questions do not allocate.
class SessionDomain {
 public:
  /// make: invalid_argument where `domain` is no host name, or an address.
  static Result<SessionDomain> make(PublicPort reached, std::string_view domain);

  /// label_in is the session's label in a Host field; empty where the host is none of this domain. What it
  /// returns is one label of lower-case letters, digits and '-', and nothing more is promised.
  [[nodiscard]] std::string_view label_in(std::string_view host_field) const noexcept;
  /// is_origin_of: the Origin field names exactly the origin of `session`.
  [[nodiscard]] bool is_origin_of(std::string_view session, std::string_view origin_field) const noexcept;
  /// origin_of is how people reach `session`: "http://a.localhost:7070".
  [[nodiscard]] std::string origin_of(std::string_view session) const;
  /// reached is how a browser comes to any of its names.
  [[nodiscard]] PublicPort reached() const noexcept { return reached_; }

 private:
  SessionDomain() = default;
  PublicPort reached_;
  std::string scheme_;       // with "://"
  std::string suffix_;       // ".localhost:7070"; without a port where it is the scheme's own
  std::string port_suffix_;  // the same with the port written out
};

}  // namespace sallyport
