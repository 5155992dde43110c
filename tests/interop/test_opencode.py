# SPDX-License-Identifier: Apache-2.0
"""SA-12, SA-04: the real `opencode serve` (npm opencode-ai) behind us. Its password is known to it and to the gate alone."""
import json
import os
import re
import socket
import subprocess

import pytest
from harness.gate import alive, eventually
from harness.wire import Wire, request_text
from tools import npm

VERSION = "1.18.33"


@pytest.fixture(scope="module")
def opencode():
    return npm("opencode-ai", VERSION, "opencode")


def guarded(start, opencode):
    return start("--preset", "opencode", "--name", "opencode", "--ready-timeout", "90s", "--no-local-trust",
                 command=[opencode, "serve", "--hostname", "127.0.0.1", "--port", "{port}"])


@pytest.fixture(scope="module")
def gate(start_shared, opencode):
    return guarded(start_shared, opencode)


def tool_of(gate):
    """(pid, port) of the opencode server, from the kernel's table of listening sockets."""
    for pid, _ in gate.living():
        inodes = set()
        try:
            for fd in os.listdir(f"/proc/{pid}/fd"):
                if match := re.match(r"socket:\[(\d+)\]", os.readlink(f"/proc/{pid}/fd/{fd}")):
                    inodes.add(match.group(1))
        except OSError:
            continue
        for line in open("/proc/net/tcp").read().splitlines()[1:]:
            parts = line.split()
            if parts[3] == "0A" and parts[9] in inodes:
                return pid, int(parts[1].split(":")[1], 16)
    raise AssertionError("no process of the gate's family listens")


def environ_of(pid):
    return dict(item.split("=", 1) for item in open(f"/proc/{pid}/environ").read().split("\0") if "=" in item)


def test_SA_12_the_api_answers_through_us(gate):
    answer = eventually(lambda: (a := gate.get("/global/health", gate.bearer)).status == 200 and a, 30, "opencode answers")
    assert answer.json()["healthy"] is True
    assert gate.get("/config", gate.bearer).status == 200
    made = gate.request("POST", "/session", {**gate.bearer, "Content-Type": "application/json"}, b"{}", timeout=60)
    assert made.status == 200, made
    number = made.json()["id"]
    assert any(s["id"] == number for s in gate.get("/session", gate.bearer).json())
    assert gate.get("/config").status == 401, "without a credential the gate answers, not the tool"


def test_SA_12_events_stream_unbuffered(gate):
    eventually(lambda: gate.get("/global/health", gate.bearer).status == 200, 30)
    with Wire(gate.address) as wire:
        wire.send(request_text("GET", "/event", gate.host, gate.bearer))
        status, _, fields = wire.head()
        assert status == 200 and dict((k.lower(), v) for k, v in fields)["content-type"].startswith("text/event-stream")
        got = b""
        chunks = wire.chunks()
        while b"server.connected" not in got:
            got += next(chunks)
        gate.request("POST", "/session", {**gate.bearer, "Content-Type": "application/json"}, b"{}", timeout=60)
        while b"session." not in got:
            got += next(chunks)


def test_SA_12_without_us_it_asks_for_a_password_that_nobody_else_has(gate, stranger):
    eventually(lambda: gate.get("/global/health", gate.bearer).status == 200, 30)
    pid, port = tool_of(gate)
    environ = environ_of(pid)
    password = gate.book.add(environ["OPENCODE_SERVER_PASSWORD"], "opencode's password")
    assert len(password) >= 43 and password != gate.token
    for fields in ({}, {"Authorization": "Bearer " + gate.token}, {"Authorization": "Basic b3BlbmNvZGU6"}, {"Authorization": "Bearer " + password}):
        with Wire(("127.0.0.1", port)) as wire:
            assert wire.send(request_text("GET", "/config", f"127.0.0.1:{port}", fields)).answer().status == 401, "fault of the source document: Bearer"
    assert gate.get("/config", {"Authorization": "Bearer " + password}).status == 401, "the inner credential opens no door of ours"
    done = subprocess.run([*stranger, "cat", f"/proc/{pid}/environ"], capture_output=True)
    assert done.returncode != 0 and password.encode() not in done.stdout, "another user can read the tool's environment"
    done = subprocess.run([*stranger, "cat", f"/proc/{pid}/cmdline"], capture_output=True)
    assert password.encode() not in done.stdout
    environment = {"HOME", "PATH"} | {k for k in environ if k.startswith("SALLYPORT_")}
    assert not any(password in v for k, v in environ.items() if k in environment)
    assert re.search(r"env(ironment)?[- ]exposed", gate.text + json.dumps(gate.audit())), "that it has to be in the environment is said"


def test_SA_12_its_listener_is_loopback_only(gate):
    eventually(lambda: gate.get("/global/health", gate.bearer).status == 200, 30)
    _, port = tool_of(gate)
    for family, own in ((socket.AF_INET, _own_address()),):
        if own:
            with pytest.raises(OSError):
                socket.create_connection((own, port), 2)
            assert family == socket.AF_INET


def _own_address():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            own = probe.getsockname()[0]
        except OSError:
            return None
    return None if own.startswith("127.") else own


def test_SA_12_ending_does_not_depend_on_its_manners(start, opencode):
    """Trap: this server was seen to stay alive for minutes after SIGTERM."""
    gate = guarded(start, opencode)
    eventually(lambda: gate.get("/global/health", gate.bearer).status == 200, 30)
    with Wire(gate.address) as wire:
        wire.send(request_text("GET", "/event", gate.host, gate.bearer))
        wire.head()
        family = gate.living()
        gate.stop(seconds=30)
    assert gate.orphans() == [] and not any(alive(p) for p in family)
