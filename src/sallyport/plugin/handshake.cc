// SPDX-License-Identifier: Apache-2.0
#include "sallyport/plugin/handshake.h"

#include <algorithm>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

constexpr std::size_t kUnixPathMax = 107;  // sun_path, less its NUL
constexpr std::size_t kFieldsMin = 4;

Error malformed(std::string_view what) {
  return fail(Code::invalid_argument, concat("the plugin's handshake line is malformed: ", what));
}

std::string_view stripped(std::string_view line) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!line.empty() && blank(line.front())) line.remove_prefix(1);
  while (!line.empty() && blank(line.back())) line.remove_suffix(1);
  return line;
}

bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

Result<SocketAddress> unix_address(std::string_view path) {
  if (!path.starts_with('/'))
    return malformed(concat("the socket's path `", escaped(path), "` does not begin with a slash"));
  if (path.size() > kUnixPathMax) {
    return malformed(concat("a socket's path has at most ", kUnixPathMax, " bytes, this one ", path.size(),
                            "; set PLUGIN_UNIX_SOCKET_DIR to a shorter directory"));
  }
  return SocketAddress::unix_path(std::string(path));
}

Result<SocketAddress> tcp_address(std::string_view text) {
  const auto address = SocketAddress::parse(text);
  if (!address || address->is_unix() || address->port == 0)
    return malformed(concat("`", escaped(text), "` is no address and port"));
  // What is beyond this machine was not started by us, whatever it says.
  if (!address->ip.is_loopback())
    return malformed(concat("`", escaped(text), "` is not on this machine's loopback (127.0.0.1, ::1)"));
  return *address;
}

Result<SocketAddress> address_of(std::string_view network, std::string_view address) {
  if (network == "unix") return unix_address(address);
  if (network == "tcp") return tcp_address(address);
  return malformed(concat("network `", escaped(network, 20), "`; known are unix and tcp"));
}

Result<std::optional<Certificate>> certificate_of(std::string_view field) {
  if (field.starts_with("-----")) {
    return malformed(
        "the certificate is PEM; it has to be the base64 of its DER form, on the same line and without "
        "padding");
  }
  if (field.size() <= kPluginNoCertificateMax) return std::optional<Certificate>();
  // go-plugin writes no padding, other writers do.
  std::string padded(field);
  if (!padded.ends_with('=')) padded.append((4 - padded.size() % 4) % 4, '=');
  const auto der = base64_decode(padded);
  if (!der) return malformed("the certificate is no base64 (standard alphabet)");
  auto certificate = Certificate::from_der(std::as_bytes(std::span(*der)));
  if (!certificate) return malformed(concat("the certificate: ", certificate.error().what));
  return std::optional<Certificate>(*std::move(certificate));
}

Result<PluginHandshake> from_fields(std::span<const std::string_view> fields) {
  const auto core = parse_decimal<std::uint32_t>(fields[0]);
  if (!core) return malformed(concat("core protocol version `", escaped(fields[0], 20), "` is no number"));
  if (*core != kPluginCoreVersion) {
    return fail(Code::invalid_argument, concat("the plugin speaks core protocol ", *core, ", this host ",
                                               kPluginCoreVersion, "; rebuild one of them"));
  }
  const auto app = parse_decimal<std::uint32_t>(fields[1]);
  if (!app) return malformed(concat("protocol version `", escaped(fields[1], 20), "` is no number"));
  PluginHandshake made;
  made.app_version = *app;
  SALLYPORT_TRY(address, address_of(fields[2], fields[3]));
  made.address = std::move(address);
  made.protocol = PluginHandshake::Protocol::netrpc;  // what a line without the field has always meant
  if (fields.size() > 4) {
    if (fields[4] == "grpc") {
      made.protocol = PluginHandshake::Protocol::grpc;
    } else if (fields[4] != "netrpc") {
      return malformed(concat("protocol `", escaped(fields[4], 20), "`; known are grpc and netrpc"));
    }
  }
  if (fields.size() > 5) {
    SALLYPORT_TRY(certificate, certificate_of(fields[5]));
    made.certificate = std::move(certificate);
  }
  if (fields.size() > 6) {
    const auto multiplex = go_bool(fields[6]);
    if (!multiplex) return malformed(concat("multiplexing `", escaped(fields[6], 20), "` is no boolean"));
    made.multiplex = *multiplex ? PluginHandshake::Multiplex::yes : PluginHandshake::Multiplex::no;
  }
  return made;
}

}  // namespace

Result<PluginHandshake> PluginHandshake::parse(std::string_view line) {
  if (line.size() > kPluginLineBytesMax)
    return malformed(concat("it is longer than ", kPluginLineBytesMax, " bytes"));
  const auto text = stripped(line);
  if (std::any_of(text.begin(), text.end(), is_control)) return malformed("it holds control characters");
  const auto fields = split(text, '|');
  if (fields.size() < kFieldsMin) {
    return fail(Code::invalid_argument,
                concat("`", escaped(text, 80),
                       "` is no handshake line (core|app|network|address|protocol|certificate): the program "
                       "is no plugin, or printed something before that line"));
  }
  return from_fields(fields);
}

std::string PluginHandshake::line() const {
  auto made = concat(kPluginCoreVersion, '|', app_version, '|', address.is_unix() ? "unix" : "tcp", '|',
                     address.is_unix() ? address.path : address.str(), '|',
                     protocol == Protocol::grpc ? "grpc" : "netrpc", '|');
  if (certificate) {
    auto text = base64_encode(certificate->to_der());
    while (text.ends_with('=')) text.pop_back();  // go-plugin refuses padding
    made += text;
  }
  if (multiplex != Multiplex::unsaid) made += multiplex == Multiplex::yes ? "|true" : "|false";
  made += '\n';
  return made;
}

std::optional<bool> go_bool(std::string_view text) noexcept {
  for (const std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

std::string plugin_versions_text(std::span<const std::uint32_t> versions) {
  std::string made;
  for (const auto version : versions) made += concat(made.empty() ? "" : ",", version);
  return made;
}

std::vector<std::uint32_t> plugin_versions_from(std::string_view text) {
  std::vector<std::uint32_t> made;
  auto pieces = split(text, ',');
  if (pieces.size() > kPluginVersionsMax) pieces.resize(kPluginVersionsMax);
  made.reserve(pieces.size());
  for (const auto piece : pieces) {
    if (const auto version = parse_decimal<std::uint32_t>(trimmed(piece))) made.push_back(*version);
  }
  return made;
}

std::uint32_t choose_plugin_version(std::span<const std::uint32_t> own,
                                    std::span<const std::uint32_t> offered) {
  std::optional<std::uint32_t> best;
  for (const auto version : own) {
    const bool common = std::find(offered.begin(), offered.end(), version) != offered.end();
    if (common && (!best || version > *best)) best = version;
  }
  return best ? *best : *std::min_element(own.begin(), own.end());
}

}  // namespace sallyport
