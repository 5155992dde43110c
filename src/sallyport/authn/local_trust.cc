// SPDX-License-Identifier: Apache-2.0
// Rule R1: a loopback address alone proves nothing. All conditions, each for a way in which it was once
// defeated.
#include "sallyport/authn/internal/judgement.h"
#include "sallyport/http/host.h"
#include "sallyport/http/sec_fetch.h"

namespace sallyport::internal {
namespace {

constexpr std::uint16_t kHttpPort = 80;
constexpr std::uint16_t kHttpsPort = 443;

bool host_is_ours(const Evidence& evidence) {
  const std::uint16_t default_port = evidence.facts.tls == Tls::on ? kHttpsPort : kHttpPort;
  return is_loopback_host(evidence.head.fields.value_of(HeaderId::host), evidence.listener.port,
                          default_port);
}

bool origin_is_ours(const Judgement& judgement) {
  constexpr std::string_view kHttp = "http://";
  constexpr std::string_view kHttps = "https://";
  const auto& fields = judgement.evidence.head.fields;
  if (!fields.has(HeaderId::origin)) return judgement.upgrading == Upgrading::no;
  const std::string_view origin = fields.value_of(HeaderId::origin);
  const std::uint16_t port = judgement.evidence.listener.port;
  if (origin.starts_with(kHttp)) return is_loopback_host(origin.substr(kHttp.size()), port, kHttpPort);
  if (origin.starts_with(kHttps)) return is_loopback_host(origin.substr(kHttps.size()), port, kHttpsPort);
  return false;
}

bool fetched_by_us(const Judgement& judgement) noexcept {
  const FetchSite site = SecFetch::read(judgement.evidence.head.fields).site;
  return site == FetchSite::absent || site == FetchSite::none || site == FetchSite::same_origin;
}

bool is_forwarded(const Judgement& judgement) noexcept {
  return judgement.evidence.head.fields.has_flag(FieldFlag::forwarded);
}

/// judge_uid asks the kernel. Root may become whoever it wants, so it is not kept out of the admin socket.
LocalTrustMiss judge_uid(const Judgement& judgement) {
  const auto process =
      judgement.evidence.facts.process ? judgement.evidence.facts.process : judgement.evidence.peer();
  if (!process) return LocalTrustMiss::unknown_peer;
  const bool is_root_at_admin = process->uid == 0 && judgement.evidence.door == Door::admin;
  return process->uid == judgement.rules.own_uid || is_root_at_admin ? LocalTrustMiss::none
                                                                     : LocalTrustMiss::foreign_uid;
}

}  // namespace

LocalTrustMiss judge_local_trust(const Judgement& judgement) {
  const Evidence& evidence = judgement.evidence;
  const ListenerTraits& listener = evidence.listener;
  if (listener.local_trust == LocalTrust::off || judgement.local_grant == nullptr)
    return LocalTrustMiss::switched_off;
  if (listener.fronting != Fronting::direct || !judgement.rules.trusted_proxies.empty()) {
    return LocalTrustMiss::behind_proxy;
  }
  if (is_forwarded(judgement)) return LocalTrustMiss::forwarded;
  if (!fetched_by_us(judgement)) return LocalTrustMiss::cross_site;
  if (evidence.door == Door::admin && evidence.facts.peer.is_unix()) {
    // Our own socket in our own folder, for our own programs: no browser reaches it, and no address stands in
    // Host.
    if (evidence.head.fields.has(HeaderId::origin)) return LocalTrustMiss::foreign_origin;
    return judge_uid(judgement);
  }
  if (listener.reach != Reach::this_machine) return LocalTrustMiss::public_listener;
  if (evidence.facts.peer.is_unix() || !evidence.facts.peer.ip.is_loopback() ||
      !evidence.facts.local.ip.is_loopback()) {
    return LocalTrustMiss::peer_elsewhere;
  }
  if (!host_is_ours(evidence)) return LocalTrustMiss::foreign_host;
  if (!origin_is_ours(judgement)) return LocalTrustMiss::foreign_origin;
  return judge_uid(judgement);
}

}  // namespace sallyport::internal
