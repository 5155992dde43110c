// SPDX-License-Identifier: Apache-2.0
#include "sallyport/gateway/metrics_page.h"

#include "sallyport/gateway/admin_json.h"
#include "sallyport/gateway/metrics.h"

namespace sallyport {

Task<void> MetricsPage::handle(Exchange& exchange) {
  auto ask_peer = [&exchange] { return exchange.stream().peer_process(); };
  (void)ask_peer();  // the network step judges a Unix peer by its uid
  const SessionId none;
  const Evidence evidence{Door::admin, exchange.facts(),     exchange.head(),      listener_,
                          none,        PeerLookup(ask_peer), exchange.request_id()};
  const Verdict verdict = gate_.admit(evidence);
  if (!verdict.allowed()) {
    const auto refused =
        problem(verdict.status, "refused", "this listener has GET /metrics for localhost, and nothing else");
    (void)co_await exchange.respond(refused);
    co_return;
  }
  Response page(200, kMetricsType, page_());
  page.add("Cache-Control", "no-store");
  (void)co_await exchange.respond(page);
}

void MetricsPage::on_refused(const ConnectionFacts& facts, Refusal refusal, ParseFault fault) noexcept {
  if (refusal == Refusal::malformed) gate_.record_refused(Door::admin, facts, fault, "");
}

}  // namespace sallyport
