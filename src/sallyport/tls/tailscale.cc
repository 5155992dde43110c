// SPDX-License-Identifier: Apache-2.0
#include "sallyport/tls/tailscale.h"

#include <algorithm>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

/// The daemon's state comes from its memory.
constexpr Duration kStatusPatience = std::chrono::seconds(2);

bool within_reach(const std::vector<IpAddress>& listeners, const std::vector<IpAddress>& tailnet) {
  return listeners.empty() || std::ranges::any_of(listeners, [&tailnet](const IpAddress& ip) {
           return ip.is_unspecified() || std::ranges::find(tailnet, ip) != tailnet.end();
         });
}

}  // namespace

Result<std::string> Tailscale::choose_domain(MonotonicTime deadline) {
  const auto soon = std::min(deadline, after(monotonic_.now(), kStatusPatience));
  SALLYPORT_TRY(status, api_.status(soon));
  if (!status.running())
    return fail(Code::unavailable, concat("Tailscale is not connected (", escaped(status.backend_state),
                                          "); run: tailscale up"));
  if (status.cert_domains.empty())
    return fail(Code::unavailable,
                "the tailnet gives out no certificates; switch HTTPS on in its admin console, under DNS");
  if (!within_reach(wish_.listeners, status.addresses))
    return fail(Code::unavailable, "no listener is on the tailnet, so its name would lead to none of them");
  for (const auto& host : wish_.hosts) {
    if (std::ranges::find(status.cert_domains, host) == status.cert_domains.end())
      return fail(Code::unavailable, concat("its certificate is for ", status.cert_domains.front(),
                                            ", and --public-url names ", escaped(host)));
  }
  return wish_.hosts.empty() ? status.cert_domains.front() : wish_.hosts.front();
}

Result<SourcedIdentity> Tailscale::obtain(WallTime, MonotonicTime deadline) {
  SALLYPORT_TRY(domain, choose_domain(deadline));
  SALLYPORT_TRY(pem, api_.pair(domain, deadline));
  SALLYPORT_TRY(identity, read_identity(pem.expose()).transform_error([](const Error& error) {
    return fail(Code::unavailable, concat("tailscaled gave no usable pair: ", error.what));
  }));
  return SourcedIdentity{
      std::move(identity), concat("Tailscale's, for ", domain, ": a public authority signs it"), {}};
}

Result<SourceLook> Tailscale::look(WallTime, MonotonicTime deadline) {
  SALLYPORT_TRY(domain, choose_domain(deadline));
  return SourceLook{concat("Tailscale's, for ", domain, ": a public authority signs it"), {}, {}};
}

}  // namespace sallyport
