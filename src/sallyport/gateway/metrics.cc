// SPDX-License-Identifier: Apache-2.0
#include "sallyport/gateway/metrics.h"

#include <array>
#include <map>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

constexpr std::array kSessionStates{SessionState::dormant,  SessionState::starting, SessionState::ready,
                                    SessionState::stopping, SessionState::waiting,  SessionState::stopped,
                                    SessionState::failed};

void family(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  out += concat("# HELP ", name, ' ', help, "\n# TYPE ", name, ' ', type, '\n');
}

template <class Number>
void single(std::string& out, std::string_view name, std::string_view type, std::string_view help,
            Number value) {
  family(out, name, type, help);
  out += concat(name, ' ', value, '\n');
}

void write_counts(std::string& out, const AuditCounts& counts) {
  family(out, "sallyport_events_total", "counter",
         "Security events by kind and outcome, as the audit log has them.");
  for (std::size_t kind = 0; kind < AuditCounts::kKinds; ++kind) {
    for (std::size_t outcome = 0; outcome < AuditCounts::kOutcomes; ++outcome) {
      const auto k = static_cast<AuditKind>(kind);
      const auto o = static_cast<Outcome>(outcome);
      out += concat("sallyport_events_total{event=\"", name_of(k), "\",outcome=\"", name_of(o), "\"} ",
                    counts.events(k, o), '\n');
    }
  }
  family(out, "sallyport_denials_total", "counter", "Refusals by reason; already_used is a replay.");
  for (std::size_t i = 0; i < AuditCounts::kDenials; ++i) {
    const auto denial = static_cast<Denial>(i);
    out += concat("sallyport_denials_total{reason=\"", name_of(denial), "\"} ", counts.denials(denial), '\n');
  }
}

/// LoopRow is one family with a line for each loop.
struct LoopRow {
  std::string_view name;
  std::string_view type;
  std::string_view help;
  std::uint64_t LoopFigures::*number;
};

constexpr LoopRow kLoopRows[] = {
    {"sallyport_loop_turns_total", "counter", "Times that an event loop looked for work.",
     &LoopFigures::turns},
    {"sallyport_connections_accepted_total", "counter", "Connections that were accepted.",
     &LoopFigures::accepted},
    {"sallyport_connections_turned_away_total", "counter",
     "Connections that met a cap, or found no descriptor left.", &LoopFigures::turned_away},
    {"sallyport_connections_open", "gauge", "Connections that are open.", &LoopFigures::open},
    {"sallyport_requests_active", "gauge", "Requests and streams under way.", &LoopFigures::active},
    {"sallyport_requests_total", "counter", "Requests whose head could be read.", &LoopFigures::requests},
    {"sallyport_refused_heads_total", "counter",
     "Requests that were turned away unread: malformed, or too slow to arrive.", &LoopFigures::refused_heads},
    {"sallyport_streams_cut_total", "counter",
     "Live requests and streams that were ended because their credential or session had.", &LoopFigures::cut},
    {"sallyport_smuggled_headers_total", "counter",
     "Header fields of clients that claim an identity, removed on the way to a tool.",
     &LoopFigures::smuggled_headers},
    {"sallyport_upstream_dialed_total", "counter", "Connections made to tools.", &LoopFigures::dialed},
    {"sallyport_upstream_reused_total", "counter", "Requests that found an open connection to their tool.",
     &LoopFigures::reused},
    {"sallyport_tunnels_total", "counter", "WebSockets that were opened.", &LoopFigures::tunnels},
};

void write_loops(std::string& out, const std::vector<LoopFigures>& loops) {
  for (const LoopRow& row : kLoopRows) {
    family(out, row.name, row.type, row.help);
    for (std::size_t i = 0; i < loops.size(); ++i)
      out += concat(row.name, "{loop=\"", i, "\"} ", loops[i].*row.number, '\n');
  }
}

void write_handshakes(std::string& out, const HandshakeFigures& figures) {
  family(out, "sallyport_tls_handshakes_total", "counter",
         "TLS handshakes by what came of them; plain_http spoke no TLS at all.");
  const auto line = [&out](std::string_view result, std::uint64_t number) {
    out += concat("sallyport_tls_handshakes_total{result=\"", result, "\"} ", number, '\n');
  };
  line("full", figures.done - figures.resumed);
  line("resumed", figures.resumed);
  line("failed", figures.failed - figures.plain_http);
  line("plain_http", figures.plain_http);
  line("too_slow", figures.too_slow);
}

}  // namespace

std::string write_metrics(const GatewayReport& report, const AuditCounts* counts,
                          const std::vector<std::shared_ptr<const SessionView>>& sessions) {
  std::string out;
  // A version is text of the build and holds nothing that would need an escape.
  family(out, "sallyport_build_info", "gauge", "The version that runs.");
  out += concat("sallyport_build_info{version=\"", report.version, "\"} 1\n");
  if (counts != nullptr) write_counts(out, *counts);
  write_loops(out, report.loops);
  if (report.handshakes) write_handshakes(out, *report.handshakes);
  single(out, "sallyport_audit_written_total", "counter", "Events that the audit log has.",
         report.audit.written_events);
  single(out, "sallyport_audit_lost_total", "counter", "Events that the audit log lacks.",
         report.audit.lost_events);
  single(out, "sallyport_audit_sink_failures_total", "counter", "Writes to the audit log that failed.",
         report.audit.sink_failures);
  single(out, "sallyport_audit_failing", "gauge", "1 while the audit log cannot be written.",
         report.audit.state == AuditHealth::State::failing ? 1 : 0);
  if (report.traces) {
    single(out, "sallyport_spans_sent_total", "counter", "Spans that the collector of --traces took.",
           report.traces->sent);
    single(out, "sallyport_spans_dropped_total", "counter",
           "Spans that met a full queue, or that the collector refused.", report.traces->dropped);
    single(out, "sallyport_traces_failing", "gauge", "1 while the collector of --traces takes nothing.",
           report.traces->fault.empty() ? 0 : 1);
  }
  single(out, "sallyport_live_credentials", "gauge", "Credentials that would be let in.",
         report.live_credentials);
  if (!report.tls.fingerprint.empty()) {
    single(out, "sallyport_certificate_expiry_timestamp_seconds", "gauge",
           "When the listeners' certificate expires; its days left are (this - time()) / 86400.",
           std::chrono::floor<std::chrono::seconds>(report.tls.not_after.time_since_epoch()).count());
    single(out, "sallyport_certificate_changes_total", "counter",
           "Certificates that were replaced while we ran.", report.tls.changes);
    single(out, "sallyport_certificate_refused", "gauge",
           "1 while no good new certificate is to be had from its source.", report.tls.fault.empty() ? 0 : 1);
  }
  std::map<std::string_view, std::size_t> by_state;
  for (const auto& view : sessions) ++by_state[name_of(view->state)];
  family(out, "sallyport_sessions", "gauge", "Guarded tools by state.");
  for (const SessionState state : kSessionStates) {
    out += concat("sallyport_sessions{state=\"", name_of(state), "\"} ", by_state[name_of(state)], '\n');
  }
  return out;
}

}  // namespace sallyport
