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

/// HostList is the names under which a listener may be asked. Empty: nothing is allowed. Immutable once in
/// use; any thread.
class HostList {
 public:
  /// default_port is the scheme's: 80, or 443 with TLS. A host without port means that one.
  explicit HostList(std::uint16_t default_port) : default_port_(default_port) {}
  void add(const HostPort& host);
  /// allows compares the Host field's value; no allocation for names and IPv4.
  [[nodiscard]] bool allows(std::string_view host_field) const;
  /// str lists the names, for the log line that explains a refusal.
  [[nodiscard]] std::string str() const;

 private:
  [[nodiscard]] bool holds(std::string_view canonical) const noexcept;
  std::uint16_t default_port_;
  std::vector<std::string> spellings_;  // with the port; where it is the default one, also without
};

}  // namespace sallyport
