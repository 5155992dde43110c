// SPDX-License-Identifier: Apache-2.0
#include "sallyport/tls/tailscale_api.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sallyport/base/text.h"
#include "sallyport/net/http_client.h"
#include "sallyport/pki/names.h"

namespace sallyport {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kListedMax = 64;  // names, addresses or tags that are looked at
constexpr std::size_t kNameBytesMax = 254;
/// The daemon refuses any other Host, so that no web page can reach it.
constexpr std::string_view kHost = "local-tailscaled.sock";

Error strange(std::string_view what) {
  return fail(Code::unavailable, concat("tailscaled's answer about ", what, " is not as documented"));
}

/// member gives an object's member; null where there is none.
const Json& member(const Json& value, const char* name) {
  static const Json kNothing;
  if (!value.is_object()) return kNothing;
  const auto found = value.find(name);
  return found == value.end() ? kNothing : *found;
}

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::vector<std::string> texts_of(const Json& value) {
  std::vector<std::string> texts;
  if (!value.is_array()) return texts;
  for (const auto& one : value) {
    if (texts.size() == kListedMax) break;
    if (one.is_string() && one.get_ref<const std::string&>().size() <= kNameBytesMax)
      texts.push_back(one.get<std::string>());
  }
  return texts;
}

/// dns_of gives a name in canonical form, or nothing.
std::string dns_of(std::string text) {
  if (text.ends_with('.')) text.pop_back();
  const auto name = DnsName::parse(text);
  return name ? name->str() : std::string();
}

/// first_line of an answer of the daemon's is for people.
std::string first_line(std::string_view text) { return escaped(trimmed(text.substr(0, text.find('\n')))); }

bool printable(std::string_view text) {
  return std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

Status judge_socket(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0)
    return fail(Code::not_found, concat("there is no Tailscale here (no socket at ", escaped(path), ")"));
  if (!S_ISSOCK(found.st_mode))
    return fail(Code::not_found, concat(escaped(path), " is no socket of tailscaled"));
  if (found.st_uid != 0 && found.st_uid != ::geteuid())
    return fail(Code::permission_denied,
                concat(escaped(path), " belongs to another user, who would answer in tailscaled's place"));
  return ok();
}

}  // namespace

Result<TailscaleStatus> parse_tailscale_status(std::string_view json) {
  const auto root = Json::parse(json, nullptr, false);
  TailscaleStatus status;
  status.backend_state = text_of(member(root, "BackendState"));
  if (status.backend_state.empty() || status.backend_state.size() > kNameBytesMax)
    return strange("its state");
  for (auto& name : texts_of(member(root, "CertDomains"))) {
    if (auto dns = dns_of(std::move(name)); !dns.empty()) status.cert_domains.push_back(std::move(dns));
  }
  status.dns_name = dns_of(text_of(member(member(root, "Self"), "DNSName")));
  for (const auto& text : texts_of(member(root, "TailscaleIPs"))) {
    if (const auto ip = IpAddress::parse(text)) status.addresses.push_back(*ip);
  }
  return status;
}

Result<TailscalePerson> parse_tailscale_whois(std::string_view json) {
  const auto root = Json::parse(json, nullptr, false);
  TailscalePerson person;
  const Json& profile = member(root, "UserProfile");
  const Json& node = member(root, "Node");
  person.login_name = text_of(member(profile, "LoginName"));
  person.display_name = text_of(member(profile, "DisplayName"));
  person.node = dns_of(text_of(member(node, "Name")));
  const Json& tags = member(node, "Tags");
  person.tags = texts_of(tags);
  // A tagged machine is nobody's, so a tag that cannot be read must not count as none.
  if (!tags.is_null() && !(tags.is_array() && tags.empty() == person.tags.empty()))
    return strange("the tags of a machine");
  const bool sane = !person.login_name.empty() && person.login_name.size() <= kNameBytesMax &&
                    printable(person.login_name) && printable(person.display_name);
  if (!sane) return strange("who somebody is");
  return person;
}

Result<SecretText> TailscaleApi::get(std::string target, std::string_view what,
                                     MonotonicTime deadline) const {
  SALLYPORT_CHECK(judge_socket(socket_path_));
  HttpEndpoint endpoint;
  endpoint.scheme = HttpEndpoint::Scheme::http;
  endpoint.host = kHost;
  endpoint.port = 80;
  endpoint.socket_path = socket_path_;
  HttpCall call;
  call.target = std::move(target);
  auto answer = fetch_http(clock_, endpoint, call, deadline);
  if (!answer) {
    return fail(answer.error().code, concat("asking tailscaled for ", what, ": ", answer.error().what));
  }
  if (answer->status == 200) return std::move(answer->body);
  const std::string said = first_line(answer->body.expose());
  switch (answer->status) {
    case 401:
    case 403:
      return fail(Code::permission_denied,
                  concat("tailscaled refuses us ", what, " (", said,
                         "); as root: tailscale set --operator=USER, or TS_PERMIT_CERT_UID=USER in its "
                         "environment"));
    case 404:
      return fail(Code::not_found, concat("tailscaled knows no ", what, " (", said, ")"));
    case 429:
      return fail(Code::exhausted,
                  concat("tailscaled asks us to wait with ", what,
                         answer->retry_after.empty() ? "" : ", Retry-After ", escaped(answer->retry_after)));
    default:
      return fail(Code::unavailable,
                  concat("tailscaled has no ", what, ": ", said, " (", answer->status, ")"));
  }
}

Result<TailscaleStatus> TailscaleApi::status(MonotonicTime deadline) const {
  SALLYPORT_TRY(body, get("/localapi/v0/status?peers=false", "its state", deadline));
  return parse_tailscale_status(body.expose());
}

Result<SecretText> TailscaleApi::pair(std::string_view domain, MonotonicTime deadline) const {
  const auto name = DnsName::parse(domain);
  if (!name) return fail(Code::invalid_argument, concat("\"", escaped(domain), "\" is no DNS name"));
  return get(concat("/localapi/v0/cert/", name->str(), "?type=pair"),
             concat("the certificate of ", name->str()), deadline);
}

Result<TailscalePerson> TailscaleApi::whois(const SocketAddress& peer, MonotonicTime deadline) const {
  if (peer.is_unix()) return fail(Code::not_found, "a Unix peer is not on the tailnet");
  std::string target = "/localapi/v0/whois?addr=";
  for (const char c : peer.str())
    target += c == '[' ? std::string("%5B") : c == ']' ? std::string("%5D") : std::string(1, c);
  SALLYPORT_TRY(body, get(std::move(target), "the owner of an address", deadline));
  return parse_tailscale_whois(body.expose());
}

}  // namespace sallyport
