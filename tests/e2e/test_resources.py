# SPDX-License-Identifier: Apache-2.0
"""Full disks, no descriptors left, slow and many clients: the gate stays up, says so, and never opens."""
import os
import resource
import secrets
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from harness.gate import backend, descendants, eventually, run_cli
from harness.person import Person
from harness.wire import Wire, request_text

PASSWORD = "correct-horse-" + secrets.token_hex(8)


@pytest.fixture(autouse=True)
def known(book):
    book.add(PASSWORD, "the password")


# -- disks --------------------------------------------------------------------------------------------------------------------------


def test_a_full_disk_for_the_audit_log_is_counted_and_told(start):
    gate = start("--no-local-trust", "--audit", "/dev/full", env={"SALLYPORT_PASSWORD": PASSWORD})
    for _ in range(20):
        assert gate.get("/api/whoami", gate.bearer).status == 200
        assert gate.get("/api/whoami").status == 401
    eventually(lambda: "audit" in gate.text.lower() and ("space" in gate.text.lower() or "full" in gate.text.lower() or "written" in gate.text.lower()), 10, "the operator is told")
    assert gate.text.lower().count("audit") < 20, "once, not for each request"


def test_a_full_disk_for_the_audit_log_can_mean_nobody_enters(start):
    gate = start("--no-local-trust", "--audit", "/dev/full", "--audit-failure", "refuse", wait=None)
    def refused():
        if gate.process.poll() is not None:
            return True
        try:
            return gate.get("/api/whoami", gate.bearer).status == 503
        except OSError:
            return False
    eventually(refused, 20, "everybody is turned away, or it did not start")


@pytest.fixture
def small_disk():
    """A file system of 256 KiB."""
    if os.getuid() != 0:
        pytest.skip("needs root to mount a small file system")
    path = Path(tempfile.mkdtemp(prefix="spd-"))
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "tmpfs", str(path)], capture_output=True).returncode:
        pytest.skip("needs the right to mount a small file system")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)
    path.rmdir()


def fill(path):
    with open(path / "ballast", "wb", buffering=0) as out:
        try:
            while True:
                out.write(bytes(1024))
        except OSError:
            pass


def test_a_full_disk_for_the_state_keeps_the_door_closed_and_the_signed_in_going(start, small_disk):
    gate = start("--no-local-trust", "--name", "tool", state=small_disk / "s", env={"SALLYPORT_PASSWORD": PASSWORD})
    person = Person(gate)
    person.login(PASSWORD)
    fill(small_disk)
    for _ in range(50):
        assert gate.get("/api/whoami").status == 401
        assert person.is_in()
    assert Person(gate).login(PASSWORD + "x").status in (401, 403, 503)
    rotated = run_cli(gate.book, gate.home, "session", "rotate", "tool", "--state-dir", str(gate.state), shows=True)
    if rotated.status != 0:
        assert "sps_" not in rotated.out and rotated.err.strip()
    (small_disk / "ballast").unlink()
    assert person.is_in() and gate.get("/api/whoami", gate.bearer).status == 200


def test_a_full_disk_at_start_is_told_in_one_line(start, small_disk):
    (small_disk / "s").mkdir(mode=0o700)
    fill(small_disk)
    gate = start(token=False, state=small_disk / "s", wait=None)
    status = gate.wait_exit()
    assert status == 1, gate.text
    assert "space" in gate.text.lower()
    assert not any(p.stat().st_size == 0 for p in (small_disk / "s").rglob("token")), "an empty token file was left behind"


# -- descriptors and clients ----------------------------------------------------------------------------------------------------------


def test_descriptor_exhaustion_is_survived(start):
    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (160, 160))
    gate = start("--no-local-trust", preexec=few)
    held = []
    try:
        for _ in range(400):
            try:
                held.append(Wire(gate.address, timeout=2))
            except OSError:
                break
        assert len(held) > 20
        time.sleep(0.3)
        before = cpu(gate.process.pid)
        time.sleep(1)
        assert cpu(gate.process.pid) - before < 0.6, "it spins on accept"
    finally:
        [wire.close() for wire in held]
    eventually(lambda: ok(gate), 15, "it serves again")
    assert gate.process.poll() is None


def cpu(pid):
    parts = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def ok(gate):
    try:
        return gate.get("/api/whoami", gate.bearer, timeout=3).status == 200
    except OSError:
        return False


def test_slow_heads_are_ended(start):
    """One byte at a time, for ever: the phase has a deadline, not only each read."""
    gate = start("--no-local-trust")
    with Wire(gate.address, timeout=2) as wire:
        data, begun = request_text("GET", "/", gate.host, {**gate.bearer, "X": "a" * 1000}), time.monotonic()
        for byte in data:
            try:
                wire.send(bytes([byte]))
                wire.socket.settimeout(0.2)
                if not wire.fill():
                    break
                if wire.buffer.startswith(b"HTTP/1.1 408"):
                    break
            except TimeoutError:
                pass
            except OSError:
                break
            assert time.monotonic() - begun < 60, "a slow head holds its place for ever"
        else:
            pytest.fail("the slow head came through")
    assert ok(gate)


def test_one_peer_cannot_take_all_connections(start):
    gate = start("--no-local-trust")
    held = []
    try:
        for _ in range(3000):
            try:
                held.append(Wire(gate.address, timeout=2))
            except OSError:
                break
        with Wire(gate.address, source=("127.0.0.9", 0), timeout=10) as other:
            assert other.send(request_text("GET", "/api/whoami", gate.host, gate.bearer)).answer().status == 200, "another peer finds the door blocked"
    finally:
        [wire.close() for wire in held]
    eventually(lambda: ok(gate), 15)


def test_half_open_and_silent_clients_do_no_harm(start):
    gate = start("--no-local-trust")
    for data in (b"", b"G", b"GET / HTTP/1.1\r\n", request_text("POST", "/api/upload", gate.host, {**gate.bearer, "Content-Length": "100"}) + b"x"):
        with Wire(gate.address) as wire:
            wire.send(data)
            wire.socket.shutdown(1)
            assert wire.ended(15), f"{data[:20]!r}: the gate keeps a connection whose client is gone"
    assert ok(gate)


def test_idle_memory_stays_small(start):
    gate = start("--no-local-trust", command=backend("child.py", "--port", "{port}"))
    eventually(lambda: gate.get("/", gate.bearer).status == 200)
    assert gate.resident_kib() < 40 * 1024


def test_hangup_and_broken_pipe_signals_do_not_end_it(start):
    gate = start()
    gate.process.send_signal(signal.SIGPIPE)
    time.sleep(0.2)
    assert ok(gate)
    assert descendants(gate.process.pid)
