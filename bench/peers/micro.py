# SPDX-License-Identifier: Apache-2.0
"""Micro-benchmarks of single operations, run alone before the peers, as rows of the same table."""

import json
import statistics
import subprocess

REPETITIONS = 3
TIMEOUT_SECONDS = 600
# Benchmark: most ns of CPU that it may take.
FLOORS = {
    "token_check/1000000": 500,
    "policy_of_1000_rules": 2_000,
    "policy_of_1000_rules_of_one_path": 2_000,
    "policy_of_1000_rules_and_roles_of_one_path": 2_000,
    "lockout_under_attack": 300,
    "audit_whole/process_time": 5_000,  # 200,000 events a second and core
    "issue_p256": 500_000,
}


def times(results):
    """{benchmark: [ns of CPU, one per repetition]} of google-benchmark's JSON."""
    to_ns = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}
    found = {}
    for one in results["benchmarks"]:
        if one.get("run_type") == "iteration" and not one.get("error_occurred"):
            found.setdefault(one["run_name"], []).append(one["cpu_time"] * to_ns[one["time_unit"]])
    return found


def verdict(name, ns):
    if name not in FLOORS:
        return ""
    return f"floor {FLOORS[name]} ns {'held' if ns <= FLOORS[name] else 'MISSED'}"


def row(name, values):
    return {"load": "one operation", "benchmark": name, "ns": values,
            "verdict": verdict(name, statistics.median(values))}


def measure(binary, core, pattern):
    """Rows of all benchmarks of `binary` that match `pattern`, pinned to `core`."""
    done = subprocess.run(
        ["taskset", "-c", str(core), binary, f"--benchmark_filter={pattern}", "--benchmark_format=json",
         f"--benchmark_repetitions={REPETITIONS}", "--benchmark_min_time=0.3"],
        check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=TIMEOUT_SECONDS)
    found = times(json.loads(done.stdout))
    lost = sorted(set(FLOORS) - set(found)) if not pattern else []
    if lost:
        raise RuntimeError(f"{binary} no longer has {', '.join(lost)}: the floors in micro.py name it")
    return [row(name, values) for name, values in found.items()]


def value_text(ns):
    """ns in the unit in which it is short."""
    for unit, size in (("ms", 1e6), ("µs", 1e3)):
        if ns >= 10 * size:
            return f"{ns / size:.1f} {unit}"
    return f"{ns:.0f} ns"


def cells(one):
    """`one` as the cells of report.HEADINGS."""
    median, least, most = (value_text(v) for v in
                           (statistics.median(one["ns"]), min(one["ns"]), max(one["ns"])))
    return [one["load"], one["benchmark"], f"{median} ({least}–{most})", "", "", "", one["verdict"]]
