# SPDX-License-Identifier: Apache-2.0
"""BY-11: what the gateway did, in numbers, on the admin socket."""
import re

from harness.admin import metrics


def value(text, series):
    return float(re.search(rf"^{re.escape(series)} (\S+)$", text, re.MULTILINE).group(1))


def test_BY_11_counters_tell_what_happened(start):
    gate = start("--no-local-trust")
    before = metrics(gate)
    for _ in range(3):
        gate.get("/x")
    gate.get("/x", host="elsewhere.example")
    after = metrics(gate)
    for series, more in (('sallyport_denials_total{reason="no_credential"}', 3), ('sallyport_denials_total{reason="host_not_allowed"}', 1),
                         ('sallyport_events_total{event="request",outcome="denied"}', 4)):
        assert value(after, series) - value(before, series) == more, series
    assert value(after, 'sallyport_sessions{state="ready"}') == 1
    assert value(after, "sallyport_audit_failing") == 0
    names = {line.split("{")[0].split(" ")[0] for line in after.splitlines() if not line.startswith("#")}
    assert names == set(re.findall(r"^# TYPE (\S+) ", after, re.MULTILINE)), "each has its type"
    assert after.count("\n") == before.count("\n"), "no request makes a new series"


def test_BY_11_nobody_else_reads_them(start):
    gate = start("--no-local-trust")
    assert gate.get("/metrics").status == 401, "the guarded origin has no such page"
