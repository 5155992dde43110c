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

}  // namespace

std::string write_metrics(const GatewayReport& report, const AuditCounts* counts,
                          const std::vector<std::shared_ptr<const SessionView>>& sessions) {
  std::string out;
  // A version is text of the build and holds nothing that would need an escape.
  family(out, "sallyport_build_info", "gauge", "The version that runs.");
  out += concat("sallyport_build_info{version=\"", report.version, "\"} 1\n");
  if (counts != nullptr) write_counts(out, *counts);
  single(out, "sallyport_audit_written_total", "counter", "Events that the audit log has.",
         report.audit.written_events);
  single(out, "sallyport_audit_lost_total", "counter", "Events that the audit log lacks.",
         report.audit.lost_events);
  single(out, "sallyport_audit_sink_failures_total", "counter", "Writes to the audit log that failed.",
         report.audit.sink_failures);
  single(out, "sallyport_audit_failing", "gauge", "1 while the audit log cannot be written.",
         report.audit.state == AuditHealth::State::failing ? 1 : 0);
  single(out, "sallyport_live_credentials", "gauge", "Credentials that would be let in.",
         report.live_credentials);
  if (!report.tls.fingerprint.empty()) {
    single(out, "sallyport_certificate_days_left", "gauge", "Days until the listeners' certificate expires.",
           report.tls.days_left);
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
