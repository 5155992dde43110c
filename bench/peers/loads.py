# SPDX-License-Identifier: Apache-2.0
"""The loads: one bounded run of each against one endpoint, and what it cost."""

import dataclasses
import pathlib
import re
import resource
import signal
import socket
import statistics
import subprocess
import time

import checks
import proc

HERE = pathlib.Path(__file__).resolve().parent
WARM_SECONDS = 1
GRACE_SECONDS = 15  # beyond a run's length, before the load generator is killed and the round void
IDLE_SETTLE_SECONDS = 1.5
IDLE_PROBE_EVERY = 500
LATENCY_CLIENTS, LATENCY_RATE = 20, 50
SYSCALL_SECONDS = 2


@dataclasses.dataclass(frozen=True)
class Load:
    name: str
    path: str = "/128"
    connections: int = 64
    flavour: str = "tcp"
    seconds_min: int = 0
    rounds_share: float = 1.0  # of --rounds; bodies need fewer
    headers: tuple = ()
    candidates: tuple = ()


EVERYBODY = ("relay", "nginx", "nginx-auth", "haproxy", "haproxy-map", "haproxy-sha256", "caddy",
             "caddy-auth", "chp")
BODY_PEERS = ("relay", "nginx", "nginx-64k", "haproxy", "haproxy-64k", "caddy")
LOADS = {load.name: load for load in (
    Load("small", candidates=EVERYBODY),
    Load("one", connections=1, candidates=EVERYBODY),
    Load("100k", "/100k", 32, rounds_share=2 / 3, candidates=BODY_PEERS),
    Load("10m", "/10m", 8, seconds_min=5, rounds_share=2 / 3, candidates=BODY_PEERS),
    Load("tls", flavour="tls", candidates=("nginx", "haproxy", "haproxy-sha256", "caddy")),
    Load("tls-new", connections=32, flavour="tls", headers=("Connection: close",),
         candidates=("nginx", "haproxy", "caddy")),
    Load("unix", flavour="unix", candidates=("relay", "nginx", "haproxy", "caddy")),
    Load("latency", candidates=EVERYBODY),
    Load("idle", candidates=("relay", "nginx", "haproxy", "caddy", "chp")),
    Load("idle-tls", flavour="tls", candidates=("nginx", "haproxy", "caddy")),
    Load("syscalls", candidates=EVERYBODY),
)}


@dataclasses.dataclass
class Run:
    """One run as it goes into the record. `void` says why it does not count."""

    load: str
    candidate: str
    round: int
    void: str = ""
    requests: int = 0
    bytes: int = 0
    seconds: float = 0.0
    cpu_us: float = 0.0  # per request
    user_us: float = 0.0
    system_us: float = 0.0
    waited_share: float = 0.0  # of the time, the proxy was runnable and somebody else had its core
    pressure_share: float = 0.0  # of the time, some task anywhere waited for a CPU
    p50_us: float = 0.0
    p90_us: float = 0.0
    kib_per_connection: float = 0.0
    slab_kib_per_connection: float = 0.0
    syscalls: dict = dataclasses.field(default_factory=dict)


def bounded(argv, seconds):
    """Runs a load generator on the load's core; its output, or None when it had to be killed."""
    with subprocess.Popen([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, text=True) as process:
        try:
            return process.communicate(timeout=seconds + GRACE_SECONDS)[0]
        except BaseException as error:
            process.kill()
            process.communicate()
            if isinstance(error, subprocess.TimeoutExpired):
                return None
            raise


def wrk(load, endpoint, seconds):
    argv = ["wrk", "-t1", f"-c{load.connections}", f"-d{seconds}s", "--timeout", "10s",
            "-s", HERE / "wrk_report.lua", "-H", f"Authorization: Bearer {endpoint.token}"]
    for header in load.headers:
        argv += ["-H", header]
    return bounded([*argv, endpoint.origin + load.path], seconds)


def read_wrk(run, output, body_bytes):
    """Takes requests and bytes over from wrk's report and voids a run that had any error."""
    match = re.search(r"^peers-result (\d+) (\d+) (\d+) (\d+) (\d+)$", output or "", re.M)
    if not match:
        run.void = "the load generator hung" if output is None else "no result from the load generator"
        return
    run.requests, run.bytes, microseconds, refused, broken = (int(g) for g in match.groups())
    run.seconds = microseconds / 1e6
    if refused or broken:
        run.void = f"{refused} answers of 400 and above, {broken} socket errors"
    elif not run.requests:
        run.void = "no request completed"
    elif run.bytes < run.requests * body_bytes:
        run.void = f"{run.bytes / run.requests:.0f} bytes per answer"


def measure(load, candidate, number, seconds, scratch):
    """One run of wrk (or h2load for `latency`) with the CPU of the process tree around it."""
    endpoint = candidate.endpoints[load.flavour]
    run = Run(load.name, candidate.name, number)
    pressure, start = proc.cpu_pressure()[0], time.monotonic()
    before = proc.Sample(endpoint.roots, candidate.leave_out)
    if load.name == "latency":
        output = h2load(run, endpoint, seconds, scratch / "h2load.log")
    else:
        output = wrk(load, endpoint, seconds)
    cost = proc.Sample(endpoint.roots, candidate.leave_out).since(before)
    elapsed = time.monotonic() - start
    if load.name != "latency":
        read_wrk(run, output, checks.BODIES[load.path])
    run.waited_share = cost.waited_ns / 1e9 / elapsed
    run.pressure_share = (proc.cpu_pressure()[0] - pressure) / 1e6 / elapsed
    if cost.tasks_lost and not run.void:
        run.void = f"{cost.tasks_lost} tasks ended, their CPU is unknown"
    if run.requests:
        run.cpu_us = cost.cpu_ns / 1e3 / run.requests
        user_and_system = cost.user_seconds + cost.system_seconds
        share = cost.user_seconds / user_and_system if user_and_system else 0.0
        run.user_us, run.system_us = run.cpu_us * share, run.cpu_us * (1 - share)
    return run


def h2load(run, endpoint, seconds, log):
    """20 clients at 50 requests a second each, HTTP/1.1; every request's time is in the log."""
    requests = LATENCY_CLIENTS * LATENCY_RATE * seconds
    log.unlink(missing_ok=True)
    output = bounded(
        ["h2load", "--h1", "-t1", f"-c{LATENCY_CLIENTS}", f"-n{requests}", f"--rps={LATENCY_RATE}",
         f"--log-file={log}", "-H", f"Authorization: Bearer {endpoint.token}",
         endpoint.origin + "/128"], seconds)
    fields = [line.split() for line in proc.read_text(log).splitlines()]
    log.unlink(missing_ok=True)
    good = sorted(int(f[2]) for f in fields if len(f) == 3 and f[1] == "200")
    run.requests, run.seconds = len(good), seconds
    if len(good) != requests:
        run.void = f"{len(good)} of {requests} requests answered"
    if len(good) > 1:
        run.p50_us = statistics.median(good)
        run.p90_us = good[int(len(good) * 0.9)]
    return output


def warm(load, candidate, seconds=WARM_SECONDS):
    if load.name not in ("idle", "idle-tls", "syscalls"):
        wrk(load, candidate.endpoints[load.flavour], seconds)


def request_once(connection, endpoint, size=128):
    """One request on an open socket; False when the answer is not 200 with `size` bytes."""
    connection.sendall((f"GET /128 HTTP/1.1\r\nHost: 127.0.0.1:{endpoint.port}\r\n"
                        f"Authorization: Bearer {endpoint.token}\r\n\r\n").encode())
    answer = b""
    while b"\r\n\r\n" not in answer or len(answer.partition(b"\r\n\r\n")[2]) < size:
        piece = connection.recv(65536)
        if not piece:
            return False
        answer += piece
    return answer.startswith(b"HTTP/1.1 200")


def idle(load, candidate, number, connections):
    """User memory that `connections` idle keep-alive connections cost, each after one request."""
    endpoint = candidate.endpoints[load.flavour]
    run = Run(load.name, candidate.name, number, requests=connections)
    raise_own_limit(connections)
    wrk(LOADS["tls" if endpoint.tls else "small"], endpoint, WARM_SECONDS)
    time.sleep(IDLE_SETTLE_SECONDS)
    roots, leave_out = endpoint.roots, candidate.leave_out
    pss, slab = proc.pss_kib(roots, leave_out), proc.slab_kib()
    context = checks.insecure_tls() if endpoint.tls else None
    held = []
    try:
        for _ in range(connections):
            connection = socket.create_connection(("127.0.0.1", endpoint.port), timeout=10)
            held.append(connection)
            if context:
                held[-1] = connection = context.wrap_socket(connection)
            if not request_once(connection, endpoint):
                run.void = f"connection {len(held)} was not answered with 200"
                return run
        time.sleep(IDLE_SETTLE_SECONDS)
        run.kib_per_connection = (proc.pss_kib(roots, leave_out) - pss) / connections
        run.slab_kib_per_connection = (proc.slab_kib() - slab) / connections
        for connection in held[::IDLE_PROBE_EVERY]:
            if not request_once(connection, endpoint):
                run.void = "an idle connection no longer answers"
    except OSError as error:
        run.void = f"connection {len(held)}: {error}"
    finally:
        for connection in held:
            connection.close()
    return run


def raise_own_limit(connections):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = connections + 200
    if hard == resource.RLIM_INFINITY or hard >= wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def being_traced(pids):
    return all("TracerPid:\t0\n" not in proc.read_text(f"/proc/{pid}/task/{task}/status")
               for pid in pids for task in proc.tasks(pid))


def syscalls(load, candidate, number, scratch):
    """System calls per request, counted by strace: counts only, its times mean nothing."""
    endpoint = candidate.endpoints[load.flavour]
    run = Run(load.name, candidate.name, number)
    pids = proc.tree(endpoint.roots, candidate.leave_out)
    table = scratch / "strace.txt"
    argv = ["strace", "-f", "-c", "-o", str(table)]
    for pid in pids:
        argv += ["-p", str(pid)]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as tracer:
        try:
            deadline = time.monotonic() + 5
            while not being_traced(pids) and tracer.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)
            if tracer.poll() is None:
                read_wrk(run, wrk(load, endpoint, SYSCALL_SECONDS), checks.BODIES[load.path])
            else:
                run.void = "strace could not attach"
        finally:
            tracer.send_signal(signal.SIGINT)
            try:
                tracer.wait(5)
            except subprocess.TimeoutExpired:
                tracer.kill()
    if run.requests:
        run.syscalls = {row[-1]: int(row[3]) / run.requests for row in read_strace(table)}
    return run


def read_strace(table):
    """Rows of strace -c: % time, seconds, usecs/call, calls, [errors,] syscall."""
    rows = [line.split() for line in proc.read_text(table).splitlines()]
    return [r for r in rows if len(r) in (5, 6) and r[3].isdigit() and r[-1] != "total"]
