// SPDX-License-Identifier: Apache-2.0
// Guard::Core: what it counts, and the listener where a collector reads that.
#include <algorithm>
#include <array>

#include "sallyport/base/text.h"
#include "sallyport/gateway/internal/guard_core.h"
#include "sallyport/gateway/metrics.h"
#include "sallyport/gateway/metrics_page.h"

namespace sallyport {

/// count_up adds the numbers of loops and TLS to a report.
void Guard::Core::count_up(GatewayReport& report) const {
  for (const auto& side : sides) report.loops.push_back(side->figures());
  if (trace_exporter) report.traces = trace_exporter->figures();
  if (tls == nullptr) return;
  const TlsCounters& shaken = tls->counters();
  constexpr auto kRelaxed = std::memory_order_relaxed;
  HandshakeFigures figures;
  figures.resumed = shaken.resumed.load(kRelaxed);  // what is part of another number is read before it
  figures.plain_http = shaken.plain_http.load(kRelaxed);
  figures.done = std::max(shaken.handshakes.load(kRelaxed), figures.resumed);
  figures.failed = std::max(shaken.failed.load(kRelaxed), figures.plain_http);
  figures.too_slow = shaken.too_slow.load(kRelaxed);
  report.handshakes = figures;
}

Status Guard::Core::open_traces() {
  if (settings.traces.empty()) return ok();
  auto collector = parse_collector(settings.traces);
  if (!collector) return fail(Code::invalid_argument, concat("--traces: ", collector.error().what));
  std::array<std::byte, 8> drawn{};
  powers.entropy.fill(drawn);
  TraceSource source{"sallyport", std::string(powers.version), hex_of(drawn)};
  trace_exporter = std::make_unique<TraceExporter>(*std::move(collector), std::move(source),
                                                   TraceExporter::Powers{powers.monotonic});
  tracer = std::make_unique<Tracer>(*trace_exporter, Tracer::Powers{powers.clock, powers.entropy},
                                    settings.traces_percent);
  return ok();
}

/// The collector has no credential of ours: it is of this machine, or may open the socket's file.
Status Guard::Core::open_metrics_listener() {
  if (!settings.metrics) return ok();
  const ListenAddress& listen = *settings.metrics;
  auto opened = listen.is_inherited() ? inherit_door(listen.descriptor, 1) : open_door(listen.address, 1);
  if (!opened) return std::move(opened).error();
  const BoundDoor door{opened->address, Tls::off};
  SALLYPORT_CHECK(judge_metrics_address(door.address));
  const GateIdentity who{{}, nullptr, powers.local_names, {}, powers.own_uid};
  SALLYPORT_TRY(rules, metrics_rules_for(door, who));
  gates.push_back(
      std::make_unique<Gate>(std::move(rules), GateParts{store, tickets, powers.monotonic, powers.audit}));
  ListenerTraits traits;
  traits.reach = reach_of(door.address);
  auto page = [this] {
    const auto* counts = dynamic_cast<const AuditCounts*>(&powers.audit);
    return write_metrics(report(), counts, supervisor->views());
  };
  auto handler = std::make_unique<MetricsPage>(*gates.back(), traits, page);
  SALLYPORT_CHECK(
      sides.front()->serve(std::move(opened->sockets.front()), door.address, std::move(handler), nullptr));
  if (opened->file) socket_files.push_back(std::move(opened->file));
  told.metrics_url =
      door.address.is_unix() ? door.address.str() : concat("http://", door.address.str(), kMetricsPath);
  return ok();
}

}  // namespace sallyport
