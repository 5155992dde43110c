// SPDX-License-Identifier: Apache-2.0
#include "sallyport/plugin/server_terms.h"

#include <algorithm>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

constexpr std::size_t kVariableBytesMax = std::size_t{64} * 1024;

/// Terms reads one variable after the other, and keeps the first complaint.
class Terms {
 public:
  explicit Terms(const VariableLookup& variables) : variables_(variables) {}

  std::string_view text(std::string_view name) {
    const auto value = variables_(name).value_or("");
    if (value.size() <= kVariableBytesMax) return value;
    complain(name, concat("holds more than ", kVariableBytesMax, " bytes"));
    return {};
  }
  std::uint16_t port(std::string_view name) {
    const auto value = text(name);
    if (value.empty()) return 0;
    const auto number = parse_decimal<std::uint16_t>(value);
    if (!number) complain(name, concat("is `", escaped(value, 20), "`; it wants a port, 0 to 65535"));
    return number.value_or(0);
  }
  void complain(std::string_view name, std::string_view what) {
    if (!fault_) fault_ = fail(Code::invalid_argument, concat("the host's variable ", name, ' ', what));
  }
  [[nodiscard]] const std::optional<Error>& fault() const noexcept { return fault_; }

 private:
  const VariableLookup& variables_;
  std::optional<Error> fault_;
};

void read_versions(Terms& from, std::span<const std::uint32_t> own, PluginTerms& into) {
  const auto text = from.text(kPluginVersionsVariable);
  const auto offered = plugin_versions_from(text);
  const auto pieces = text.empty() ? 0 : split(text, ',').size();
  if (pieces > offered.size()) {
    into.notes.push_back(concat(kPluginVersionsVariable, ": ", pieces - offered.size(), " of ", pieces,
                                " entries are no versions, and were passed over"));
  }
  into.app_version = choose_plugin_version(own, offered);
}

void read_ports(Terms& from, PluginTerms& into) {
  into.port_min = from.port(kPluginMinPortVariable);
  into.port_max = from.port(kPluginMaxPortVariable);
  if (into.port_max == 0) into.port_max = into.port_min == 0 ? 0 : UINT16_MAX;
  if (into.port_min == 0 && into.port_max != 0) into.port_min = 1;
  if (into.port_min > into.port_max) {
    from.complain(kPluginMinPortVariable,
                  concat("is ", into.port_min, ", above ", kPluginMaxPortVariable, ", ", into.port_max));
  }
}

void read_socket(Terms& from, PluginTerms& into) {
  into.socket_directory = from.text(kPluginSocketDirVariable);
  into.socket_group = from.text(kPluginSocketGroupVariable);
  if (!into.socket_directory.empty() && !into.socket_directory.starts_with('/')) {
    from.complain(kPluginSocketDirVariable, concat("is `", escaped(into.socket_directory),
                                                   "`; it wants a path that begins with a slash"));
  }
}

void read_transport(Terms& from, PluginTerms& into) {
  const auto text = from.text(kPluginTransportsVariable);
  if (text.empty()) return;
  bool tcp = false;
  for (const auto word : split(text, ',')) {
    if (trimmed(word) == "unix") return;
    tcp = tcp || trimmed(word) == "tcp";
  }
  if (!tcp) {
    from.complain(kPluginTransportsVariable,
                  concat("is `", escaped(text, 40), "`; known are unix and tcp, joined by a comma"));
  }
  into.transport = PluginTransport::tcp;
}

void read_certificate(Terms& from, PluginTerms& into) {
  const auto text = from.text(kPluginClientCertVariable);
  if (text.empty()) return;
  auto list = Certificate::list_from_pem(text);
  if (!list) {
    from.complain(kPluginClientCertVariable, concat("is no certificate in PEM form: ", list.error().what));
  } else if (list->size() != 1) {
    from.complain(kPluginClientCertVariable, "holds more than one certificate; it wants the host's alone");
  } else {
    into.host_certificate = list->front();
  }
}

void read_multiplex(Terms& from, PluginTerms& into) {
  const auto text = from.text(kPluginMultiplexVariable);
  if (text.empty()) return;
  const auto wanted = go_bool(text);
  if (!wanted) {
    from.complain(kPluginMultiplexVariable, concat("is `", escaped(text, 20), "`; it wants true or false"));
  }
  using Multiplex = PluginHandshake::Multiplex;
  into.multiplex = wanted.value_or(false) ? Multiplex::yes : Multiplex::no;
}

}  // namespace

Result<PluginTerms> read_plugin_terms(const VariableLookup& variables,
                                      std::span<const std::uint32_t> own_versions) {
  Terms from(variables);
  PluginTerms terms;
  read_versions(from, own_versions, terms);
  read_ports(from, terms);
  read_socket(from, terms);
  read_transport(from, terms);
  read_certificate(from, terms);
  read_multiplex(from, terms);
  if (from.fault()) return *from.fault();
  return terms;
}

}  // namespace sallyport
