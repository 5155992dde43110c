# SPDX-License-Identifier: Apache-2.0
"""AT-04 and BY-10 with Tailscale's real daemon: two machines of a tailnet, each a network namespace of this test's own, and a control server beside them."""
import contextlib
import ctypes
import functools
import http.client
import json
import os
import secrets
import socket
import ssl
import subprocess

import pytest
from harness.gate import eventually, free_port
from harness.person import Person
from tools import ROOT, go_install, go_program, need

PASSWORD = "correct-horse-" + secrets.token_hex(8)
CLONE_NEWNET = 0x40000000
OURS, THEIRS = "192.0.2.1", "192.0.2.2"  # between the machines, below the tailnet
DOMAIN = "tail1234.ts.net"
LIBC = ctypes.CDLL(None, use_errno=True)


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextlib.contextmanager
def inside(namespace):
    """This thread, and what it starts, is on another machine meanwhile."""
    with open("/proc/thread-self/ns/net") as before, open(namespace) as there:
        assert LIBC.setns(there.fileno(), CLONE_NEWNET) == 0
        try:
            yield
        finally:
            assert LIBC.setns(before.fileno(), CLONE_NEWNET) == 0


@pytest.fixture(scope="module")
def programs():
    """The daemon and the control server, which come from the network outside."""
    return go_install("tailscale.com/cmd/tailscaled", "v1.82.5"), go_program(ROOT / "tests" / "interop" / "tailnet" / "control")


@pytest.fixture(scope="module", autouse=True)
def machines(programs):
    """This thread is on the first machine; the path of the other's network."""
    need("ip", "iproute2")
    if not os.path.exists("/dev/net/tun"):
        pytest.skip("there is no /dev/net/tun here, which the daemon makes its interface with")
    with open("/proc/thread-self/ns/net") as before:
        if LIBC.unshare(CLONE_NEWNET) != 0:
            pytest.skip(f"no network namespace can be made here: {os.strerror(ctypes.get_errno())}")
        other = subprocess.Popen(["unshare", "--net", "sleep", "600"])
        try:
            there = f"/proc/{other.pid}/ns/net"
            eventually(lambda: os.stat(there).st_ino != os.stat("/proc/thread-self/ns/net").st_ino and os.stat(there).st_ino != os.fstat(before.fileno()).st_ino, 20, "a second network")
            ip("link", "set", "lo", "up")
            made = subprocess.run(["ip", "link", "add", "name", "wire0", "type", "veth", "peer", "name", "wire1", "netns", str(other.pid)], capture_output=True, text=True)
            if made.returncode:
                pytest.skip(f"no veth pair can be made here: {made.stderr.strip()}")
            ip("address", "add", f"{OURS}/24", "dev", "wire0")
            ip("link", "set", "wire0", "up")
            with inside(there):
                ip("link", "set", "lo", "up")
                ip("address", "add", f"{THEIRS}/24", "dev", "wire1")
                ip("link", "set", "wire1", "up")
            yield there
        finally:
            other.kill()
            other.wait()
            assert LIBC.setns(before.fileno(), CLONE_NEWNET) == 0


class Daemon:
    """A real tailscaled on the machine of the calling thread."""

    def __init__(self, program, folder, name):
        self.socket, self.log = folder / f"{name}.sock", open(folder / f"{name}.log", "wb")
        words = [program, "--state=mem:", f"--statedir={folder / name}", f"--socket={self.socket}", "--tun=tailscale0", "--no-logs-no-support"]
        # Nothing but the kernel's interface and its routes is touched: no resolver, no packet filter of the machine.
        self.process = subprocess.Popen(words, stdout=self.log, stderr=self.log, env={"PATH": os.environ["PATH"], "TS_DEBUG_FIREWALL_MODE": "nftables"})
        eventually(self.socket.exists, 30, "a daemon")

    def call(self, method, path, body=None):
        connection = http.client.HTTPConnection("local-tailscaled.sock", timeout=30)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(self.socket))
        with contextlib.closing(connection):
            connection.request(method, f"/localapi/v0/{path}", json.dumps(body) if body is not None else None)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def status(self):
        return json.loads(self.call("GET", "status")[1])

    def join(self, url, name):
        prefs = {"ControlURL": url, "WantRunning": True, "Hostname": name, "NetfilterMode": 0}
        assert self.call("POST", "start", {"UpdatePrefs": prefs})[0] == 204
        assert self.call("POST", "login-interactive")[0] == 204
        eventually(lambda: self.status()["BackendState"] == "Running", 60, lambda: self.status())
        return self.status()["TailscaleIPs"]

    def close(self):
        self.process.terminate()
        self.process.wait(30)
        self.log.close()


@pytest.fixture
def daemon(programs, folder):
    made = Daemon(programs[0], folder, "here")
    yield made
    made.close()


@pytest.fixture
def tailnet(daemon, programs, folder, machines):
    """Both machines are on it; (our addresses, theirs)."""
    ours = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{ours.getsockname()[1]}"
    with inside(machines):
        theirs = socket.create_server(ours.getsockname())
        other = Daemon(programs[0], folder, "there")
    with ours, theirs:
        sockets = (ours.fileno(), theirs.fileno())
        control = subprocess.Popen([programs[1], OURS, DOMAIN, url, *map(str, sockets)], pass_fds=sockets)
    try:
        here, there = daemon.join(url, "gate"), other.join(url, "laptop")
        eventually(lambda: daemon.call("GET", f"whois?addr={there[0]}:1")[0] == 200, 60, "the other machine")
        yield here, there
    finally:
        other.close()
        control.kill()
        control.wait()


@pytest.fixture
def gate_at(start, book, daemon):
    """A gate at an address of ours, ready when `knows` of it."""
    book.add(PASSWORD, "the password")

    def begin(address, *options):
        port = free_port()
        gate = start("--tailscale-socket", str(daemon.socket), "--no-local-trust", *options, wait=None, listen=[f"{address}:{port}"], env={"SALLYPORT_PASSWORD": PASSWORD})
        gate.tls, gate.tls_name = ssl.create_default_context(), "localhost"
        gate.tls.check_hostname, gate.tls.verify_mode = False, ssl.CERT_NONE
        gate.address, gate.port = (address if address != "0.0.0.0" else "127.0.0.1", port), port
        eventually(lambda: "is ready" in gate.text, 90, lambda: gate.text)
        return gate
    return begin


def from_there(gate, machines):
    """Lets the harness speak to the gate from the other machine."""
    def connect(original, *words, **named):
        with inside(machines):
            return original(*words, **named)
    gate.connect = functools.partial(connect, gate.connect)
    return gate


def person_at(gate):
    host = f"{gate.address[0]}:{gate.port}"
    return Person(gate, host=host, origin=f"https://{host}")


def passed_over(cli, gate):
    told = json.loads(cli("tls", "status", "--json", "--state-dir", str(gate.state)).out)
    return {one["source"]: one["why"] for one in told["passed_over"]}


def test_at_04_the_real_daemon_before_anybody_signed_in(gate_at, cli):
    why = passed_over(cli, gate_at("0.0.0.0"))["tailscale"]
    assert "tailscale up" in why, why


def test_at_04_the_real_daemon_that_gets_no_certificate(gate_at, tailnet, cli):
    """It is on a tailnet, and the authority that would sign is out of reach: what it says comes to whoever asks."""
    why = passed_over(cli, gate_at("0.0.0.0"))["tailscale"]
    assert f"gate.{DOMAIN}" in why and "acme" in why.lower(), why


def sign_in(person):
    return person.post("/.sallyport/login", {**person.open_login("/api/whoami"), "by": "tailscale"})


def test_by_10_somebody_on_another_machine_signs_in_by_the_real_daemon_s_word(gate_at, tailnet, machines):
    (ours, _), (theirs, _) = tailnet
    gate = from_there(gate_at(ours, "--tls", "self-signed", "--tailscale-user", "user-2@fake-control.example.net=alice"), machines)
    person = person_at(gate)
    assert sign_in(person).status == 303 and person.is_in()
    line = gate.audited(event="login", outcome="allowed", how="tailnet_peer")
    assert line["who"] == "alice" and "user-2@fake-control.example.net at laptop" in line["detail"] and theirs in json.dumps(line), line


def test_by_10_the_real_daemon_s_word_is_for_those_who_are_listed(gate_at, tailnet, machines):
    (ours, _), _ = tailnet
    gate = gate_at(ours, "--tls", "self-signed", "--tailscale-user", "user-9@fake-control.example.net=alice")
    here = person_at(gate)
    assert sign_in(here).status != 303 and not here.is_in(), "who is on this machine is nobody in particular"
    there = person_at(from_there(gate, machines))
    assert sign_in(there).status != 303 and not there.is_in()
    assert gate.request("GET", "/api/whoami", host=f"{ours}:{gate.port}").status in (302, 303, 401)
