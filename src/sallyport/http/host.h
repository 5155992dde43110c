// SPDX-License-Identifier: Apache-2.0
// HostPort and HostList: which names this gateway answers to. An exact list, compared before anything is
// routed: the defence against DNS rebinding.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/result.h"

namespace sallyport {

/// HostPort is uri-host [ ":" port ], canonical: lower case, IPv6 compressed and in brackets. A value.
struct HostPort {
  std::string host;
  std::optional<std::uint16_t> port;

  /// parse refuses userinfo, percent-encoding, a trailing dot, empty labels, numbers that are no IPv4 address
  /// ("127.1"), IPv4-mapped IPv6, and port 0. Code::invalid_argument.
  static Result<HostPort> parse(std::string_view text);
  [[nodiscard]] std::string str() const;
  friend bool operator==(const HostPort&, const HostPort&) = default;
};

/// is_loopback_name: localhost, 127.0.0.0/8 or [::1], with exactly that port (or none, where `port` is
/// `default_port`).
bool is_loopback_host(std::string_view host_field, std::uint16_t port, std::uint16_t default_port);

enum class Scheme : std::uint8_t { http, https };
std::string_view name_of(Scheme scheme) noexcept;
/// default_port_of is 80 or 443.
std::uint16_t default_port_of(Scheme scheme) noexcept;

/// PublicPort is what a browser's address says besides the host. Behind a proxy that ends TLS it is the
/// proxy's, not the listener's.
struct PublicPort {
  Scheme scheme = Scheme::http;
  std::uint16_t port = 80;
  friend bool operator==(const PublicPort&, const PublicPort&) = default;
};

/// HostList is the names under which a listener may be asked, and how a browser came by each. Empty: nothing
/// is allowed. Immutable once in use; any thread.
class HostList {
 public:
  /// scheme is what the listener itself speaks.
  explicit HostList(Scheme scheme) : scheme_(scheme) {}
  void add(const HostPort& host) { add(host, scheme_); }
  /// add takes a host without a port as one at the scheme's own. Where both schemes lead to one spelling,
  /// https is what counts: what is meant for it must not be had by http.
  void add(const HostPort& host, Scheme scheme);
  /// find compares the Host field's value; none: it is not allowed. No allocation for names and IPv4.
  [[nodiscard]] std::optional<PublicPort> find(std::string_view host_field) const;
  [[nodiscard]] bool allows(std::string_view host_field) const { return find(host_field).has_value(); }
  /// str lists the names, for the log line that explains a refusal.
  [[nodiscard]] std::string str() const;

 private:
  struct Name {
    std::string spelling;  // with the port; where it is the scheme's own, also without
    PublicPort reached;
  };
  void add_spelling(std::string spelling, PublicPort reached);
  [[nodiscard]] const Name* holds(std::string_view canonical) const noexcept;
  Scheme scheme_;
  std::vector<Name> names_;
};

}  // namespace sallyport
