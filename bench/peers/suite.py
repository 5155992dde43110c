#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Paired benchmark: CPU per request of sallyport and its peers, on one machine, round by round.

Proxies run on core 0, the load generator and the backend on core 1. README.md says how to read it.
"""

import argparse
import base64
import contextlib
import dataclasses
import json
import os
import pathlib
import platform
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import candidates as peers
import checks
import loads as kinds
import micro
import proc
import report

DEFAULT_LOADS = "small,one,100k,10m,tls,tls-new,unix,idle"
SETTLE_SECONDS = 0.2
REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


@dataclasses.dataclass
class Context:
    """What starting a candidate needs to know."""

    folder: pathlib.Path
    processes: proc.Processes
    ports: proc.Ports
    helpers: pathlib.Path
    sallyport: pathlib.Path
    ours_command: str
    token_count: int
    peer_token: str = ""
    cert: pathlib.Path = None
    key: pathlib.Path = None
    pem: pathlib.Path = None
    backend_port: int = 0
    backend_unix: str = ""
    auth_port: int = 0
    auth_pid: int = 0

    def helper(self, name):
        return self.helpers / name


def arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=6, help="bodies take two thirds of it (default 6)")
    parser.add_argument("--seconds", type=int, default=3, help="length of one run; 10m at least 5 (default 3)")
    parser.add_argument("--loads", default=DEFAULT_LOADS,
                        help=f"of {','.join(n for n in kinds.LOADS if n != 'idle-tls')}; idle is plain and TLS "
                             f"(default {DEFAULT_LOADS})")
    parser.add_argument("--candidates", default="", help="peers to measure (default: all that a load names)")
    parser.add_argument("--ours", default="sallyport", choices=sorted(peers.STARTERS), help="what ratios are against")
    parser.add_argument("--sallyport", type=pathlib.Path, default=REPOSITORY / "build/release/sallyport")
    parser.add_argument("--ours-command", default="",
                        help="command template instead of start_sallyport.py's, e.g. with --bench-tokens {tokens}")
    parser.add_argument("--tokens", type=int, default=100_000, help="live tokens in every table (default 100000)")
    parser.add_argument("--helpers", type=pathlib.Path, help="folder of peers_backend, peers_auth, peers_relay")
    parser.add_argument("--micro", type=pathlib.Path, help="micro_bench: its rows go below the peers'")
    parser.add_argument("--micro-filter", default="", metavar="REGEX", help="only these of its benchmarks")
    parser.add_argument("--idle-connections", type=int, default=0, help="default 6500 plain, 2000 TLS")
    parser.add_argument("--output", type=pathlib.Path, default=REPOSITORY / "build/bench/peers.json")
    parser.add_argument("--gate", type=pathlib.Path, metavar="PREVIOUS",
                        help="status 1 when a gate is missed here and in the record PREVIOUS")
    parser.add_argument("--quick", action="store_true", help="2 rounds of 1 s, small idle counts: a smoke test")
    options = parser.parse_args(argv)
    if options.quick:
        options.rounds, options.seconds = 2, 1
        options.idle_connections = options.idle_connections or 300
    options.loads = [name for name in options.loads.split(",") if name]
    unknown = [name for name in options.loads if name not in kinds.LOADS]
    chosen = [name for name in options.candidates.split(",") if name]
    unknown += [name for name in chosen if name not in peers.STARTERS]
    if unknown or options.rounds < 1 or options.seconds < 1:
        parser.error(f"unknown: {', '.join(unknown)}" if unknown else "--rounds and --seconds are at least 1")
    if "idle" in options.loads and "idle-tls" not in options.loads:
        options.loads.insert(options.loads.index("idle") + 1, "idle-tls")
    # Memory first: what heavier loads leave in a process's free lists would hide what idle ones need.
    options.loads.sort(key=lambda name: name not in report.IDLE_GOALS)
    options.chosen = chosen
    return options


def find_helpers(given):
    places = [given] if given else [REPOSITORY / "build" / d for d in (
        "bench/bench/peers", "release/bench/peers", "dev/bench/peers", "peers")]
    for place in places:
        if (place / "peers_backend").exists():
            return place.resolve()
    sys.exit("peers_backend is not built: cmake -S bench/peers -B build/peers && cmake --build build/peers")


def make_certificate(context):
    """A throw-away P-256 certificate for 127.0.0.1, the same for every candidate."""
    context.cert, context.key, context.pem = (context.folder / n for n in ("bench.crt", "bench.key", "bench.pem"))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=bench", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", context.key, "-out", context.cert],
        check=True, capture_output=True, timeout=30)
    context.pem.write_text(context.cert.read_text() + context.key.read_text())


def make_tokens(count):
    """Random access tokens in sallyport's text form, so that every table holds keys of one length."""
    return ["spa_" + base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode() for _ in range(count)]


def start_helpers(context, names):
    context.backend_port, context.auth_port = context.ports.take(), context.ports.take()
    context.backend_unix = str(context.folder / "backend.sock")
    tokens = make_tokens(context.token_count)
    context.peer_token = tokens[len(tokens) // 2]
    if any(name.startswith("haproxy-") for name in names):
        peers.write_maps(context, tokens)
    token_file = context.folder / "peer-token"
    token_file.write_text(context.peer_token + "\n")
    backend = context.processes.start(
        "backend", [context.helper("peers_backend"), "--port", context.backend_port, "--unix", context.backend_unix],
        proc.LOAD_CORE)
    auth = context.processes.start(
        "auth", [context.helper("peers_auth"), "--port", context.auth_port, "--token-file", token_file],
        proc.PROXY_CORE)
    context.processes.wait_for_port(backend, context.backend_port)
    context.processes.wait_for_port(auth, context.auth_port)
    context.auth_pid = auth.pid


def line_up(options, load):
    """Names measured under this load, ours and its twin first."""
    names = [n for n in load.candidates if not options.chosen or n in options.chosen]
    names = [n for n in names if n != options.ours]
    return [options.ours, *([] if load.name in ("idle", "idle-tls", "syscalls") else [report.TWIN]), *names]


def start_all(context, options):
    """Starts every candidate that any chosen load wants, once; all stay up to the end."""
    wanted = {}
    for load in (kinds.LOADS[name] for name in options.loads):
        for name in line_up(options, load):
            wanted.setdefault(name, set()).add(load.flavour)
    start_helpers(context, wanted)
    lineup = {}
    for name, flavours in wanted.items():
        base = options.ours if name == report.TWIN else name
        lineup[name] = peers.make(name, base)
        say(f"starting {name}")
        peers.start(context, lineup[name], base, flavours)
        if not lineup[name].missing:
            checks.check(lineup[name])
        for note in lineup[name].notes:
            say(f"  {note}")
        if lineup[name].missing:
            say(f"  {lineup[name].missing}")
    return lineup


def one_run(options, context, load, candidate, number):
    if load.name in ("idle", "idle-tls"):
        count = options.idle_connections or (2000 if load.flavour == "tls" else 6500)
        return kinds.idle(load, candidate, number, count)
    if load.name == "syscalls":
        return kinds.syscalls(load, candidate, number, context.folder)
    seconds = options.seconds if options.quick else max(options.seconds, load.seconds_min)
    return kinds.measure(load, candidate, number, seconds, context.folder)


def run_load(options, context, lineup, load):
    """All rounds of one load: every candidate once a round, every other round in reverse order."""
    ready = [lineup[n] for n in line_up(options, load)
             if not lineup[n].missing and load.flavour in lineup[n].endpoints]
    once = load.name in ("idle", "idle-tls", "syscalls")
    rounds = 1 if once else max(1, round(options.rounds * load.rounds_share))
    for candidate in ready:
        kinds.warm(load, candidate)
    runs = []
    for number in range(rounds):
        for candidate in ready if number % 2 == 0 else reversed(ready):
            time.sleep(SETTLE_SECONDS)
            result = dataclasses.asdict(one_run(options, context, load, candidate, number))
            runs.append(result)
            value = report.figure(result)
            say(f"  {load.name} {number + 1}/{rounds} {candidate.name}: "
                f"{report.number(value) if value is not None else 'void, ' + result['void']}")
    return runs


def machine():
    cpu = proc.read_text("/proc/cpuinfo")
    flags = re.search(r"^flags\s*: (.*)$", cpu, re.M)
    interesting = {"aes", "avx2", "sha_ni", "vaes", "pclmulqdq", "avx512f"}
    model = re.search(r"^model name\s*: (.*)$", cpu, re.M)
    return {"cpu": model.group(1) if model else "unknown", "cores": os.cpu_count(), "kernel": platform.release(),
            "flags": sorted(interesting & set(flags.group(1).split() if flags else [])),
            "versions": peers.versions(), "load": proc.read_text("/proc/loadavg").strip()}


def say(text):
    print(text, file=sys.stderr, flush=True)


def measure(options, folder):
    """Starts everything, measures every load, stops everything; the whole record."""
    record = {"taken": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "ours": options.ours,
              "machine": machine(), "rounds": options.rounds, "seconds": options.seconds, "quick": options.quick,
              "tokens": options.tokens, "pressure_before": proc.cpu_pressure()[1], "runs": []}
    if options.micro:
        say("micro-benchmarks")
    record["operations"] = (
        micro.measure(options.micro.resolve(), proc.PROXY_CORE, options.micro_filter) if options.micro else [])
    context = Context(folder, proc.Processes(folder), proc.Ports(), find_helpers(options.helpers),
                      options.sallyport.resolve(), options.ours_command, options.tokens)
    with contextlib.ExitStack() as stack:
        stack.callback(context.processes.stop_all)
        make_certificate(context)
        lineup = start_all(context, options)
        for name in options.loads:
            record["runs"] += run_load(options, context, lineup, kinds.LOADS[name])
    record["pressure_after"] = proc.cpu_pressure()[1]
    order = [options.ours, report.TWIN, *peers.STARTERS]
    record["candidates"] = [
        {"name": c.name, "missing": c.missing, "notes": c.notes, "tls_facts": c.tls_facts,
         "wanted_by": [n for n in options.loads if c.name in line_up(options, kinds.LOADS[n])]}
        for c in sorted(lineup.values(), key=lambda c: order.index(c.name))]
    return record


def print_record(record, rows):
    m = record["machine"]
    versions = ", ".join(f"{k}: {v}" for k, v in m["versions"].items())
    print(report.table(rows, record["ours"], record["operations"]))
    print(f"\nRatio: peer's CPU per request / {record['ours']}'s in the same round; above 1 ours is cheaper. "
          "Waited: time the proxy was runnable while something else had its core.")
    print(report.noise_text(rows))
    for name, facts in report.tls_texts(record["candidates"]):
        print(f"{name}: {facts}")
    for candidate in record["candidates"]:
        for note in candidate["notes"]:
            print(f"{candidate['name']}: {note}")
    print(f"{record['taken']}, {m['cpu']}, {m['cores']} cores, {' '.join(m['flags'])}, kernel {m['kernel']}; {versions}")
    print(f"CPU pressure before: {record['pressure_before']}\nCPU pressure after:  {record['pressure_after']}")


def gate(options, rows):
    """1 when a gate is missed by this suite and by the previous one, else 0."""
    if not options.gate or not options.gate.exists():
        return 0
    previous = {tuple(pair) for pair in json.loads(options.gate.read_text())["missed_gates"]}
    failed = sorted(previous & set(report.missed_gates(rows)))
    for load, peer in failed:
        print(f"GATE FAILED, two suites in a row: {load} against {peer}")
    return 1 if failed else 0


def main(argv):
    options = arguments(argv)
    if not shutil.which("wrk"):
        say("wrk is not installed: the suite has no load generator")
        return 77
    if os.cpu_count() < 2:
        say("needs two cores: one for the proxies, one for the load")
        return 77
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.sched_setaffinity(0, {proc.LOAD_CORE})
    with tempfile.TemporaryDirectory(prefix="peers-") as folder:
        record = measure(options, pathlib.Path(folder))
    rows = report.summarise(record["runs"], record["candidates"], options.loads, options.ours)
    record["rows"], record["missed_gates"] = rows, report.missed_gates(rows)
    status = gate(options, rows)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(record, indent=1) + "\n")
    print_record(record, rows)
    print(f"Record: {options.output}")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
