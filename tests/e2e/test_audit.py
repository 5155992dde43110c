# SPDX-License-Identifier: Apache-2.0
"""SG-10, MC-11, WT-05, SA-10: the audit log of the real binary, judged by the binary and by a second implementation."""
import hashlib
import hmac
import json
import os
import random
import signal
import socket
import threading

import pytest
from harness.gate import eventually
from harness.wire import Closed


def chain_is_good(state, path):
    """docs/formats/audit.md, written anew: returns the last number, or fails."""
    key = bytes.fromhex((state / "audit.key").read_text().strip())
    chain_key = hmac.new(key, b"sallyport audit chain 1", hashlib.sha256).digest()
    mac, seq = None, None
    for line in path.read_bytes().splitlines():
        event = json.loads(line)
        if mac is None:
            mac, seq = bytes.fromhex(event["prev"]), event["seq"] - 1
        covered = line[:line.rindex(b',"mac":"')]
        mac = hmac.new(chain_key, mac + covered, hashlib.sha256).digest()
        seq += 1
        assert event["seq"] == seq and event["mac"] == mac.hex()
    return seq


def test_SG_10_MC_11_WT_05_SA_10_who_what_why_from_where(start):
    gate = start("--no-local-trust")
    gate.get("/one", fields=gate.bearer)
    gate.get("/two", fields={"Authorization": "Bearer spa_" + "A" * 43})
    ok = gate.audited(event="request", outcome="allowed", how="access_token")  # once a minute: the first of them
    bad = gate.audited(event="request", outcome="denied", path="/two")
    assert ok["who"] == "owner" and ok["how"] == "access_token" and len(ok["credential"]) == 8
    assert bad["denial"] == "unknown_credential" and bad["status"] == 401 and bad["step"] == "credential"
    for event in (ok, bad):
        assert event["peer"].startswith("127.0.0.1:") and event["request_id"] and event["session"]
    assert gate.stop() in (0, 130)
    assert chain_is_good(gate.state, gate.state / "audit.jsonl") == len(gate.audit())
    for name in ("audit.key", "audit.jsonl", "audit.jsonl.checkpoint"):
        assert (gate.state / name).stat().st_mode & 0o7777 == 0o600


def test_SG_10_verify_names_the_line_of_one_changed_byte(start):
    gate = start("--no-local-trust")
    for i in range(5):
        gate.get(f"/no/{i}")
    assert gate.command_line("audit", "verify").status == 0
    gate.stop()
    done = gate.command_line("audit", "verify")
    assert done.status == 0 and done.out.startswith("good: events 1 to "), done
    log = gate.state / "audit.jsonl"
    good = log.read_bytes()
    lines = good.splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if b"/no/3" in line)
    log.write_bytes(good.replace(b"/no/3", b"/no/4"))
    done = gate.command_line("audit", "verify")
    assert done.status == 1 and done.out.startswith(f"line {at + 1} of "), done
    answer = gate.command_line("audit", "verify", "--json").json()
    assert answer["good"] is False and answer["line"] == at + 1
    log.write_bytes(b"".join(lines[:-1]))
    done = gate.command_line("audit", "verify")
    assert done.status == 1 and "checkpoint" in done.out and done.out.startswith(f"line {len(lines)} of "), done
    log.write_bytes(good)
    os.rename(gate.state / "audit.jsonl.checkpoint", gate.folder / "kept")
    assert gate.command_line("audit", "verify").status == 1, "a checkpoint that is gone is no proof"
    assert gate.command_line("audit", "verify", "--checkpoint", str(gate.folder / "kept")).status == 0
    os.rename(gate.state / "audit.key", gate.folder / "key")
    done = gate.command_line("audit", "verify", str(log))
    assert done.status == 2 and "audit.key" in done.err and "--key" in done.err, done
    assert gate.command_line("audit", "verify", str(log), "--key", str(gate.folder / "key")).status == 0
    assert gate.command_line("audit", "verify", str(gate.folder / "none"), "--key", str(gate.folder / "key")).status == 1


def test_SG_10_the_chain_goes_on_over_restart_and_rotation(start):
    first = start("--no-local-trust")
    first.get("/a")
    log = first.state / "audit.jsonl"
    os.rename(log, f"{log}.1")
    first.get("/b")
    eventually(lambda: log.exists() and b"/b" in log.read_bytes(), 10, "a new file without being told")
    os.rename(f"{log}.1", f"{log}.2")
    os.rename(log, f"{log}.1")
    first.process.send_signal(signal.SIGHUP)
    eventually(log.exists, 10, "a new file on SIGHUP")
    first.get("/c")
    first.stop()
    second = start("--no-local-trust", state=first.state)
    second.get("/d")
    second.stop()
    done = second.command_line("audit", "verify")
    assert done.status == 0 and "in 3 files" in done.out, done


@pytest.mark.parametrize("seed", [random.SystemRandom().randrange(1 << 30) for _ in range(3)])
def test_SG_10_killed_while_it_writes_the_log_holds_what_was_acknowledged(start, seed):
    dice = random.Random(seed)
    gate = start("--audit-sync", "--no-local-trust", wait="door")
    acknowledged, over = [], threading.Event()

    def ask(worker):
        n = 0
        while not over.is_set():
            path = f"/w{worker}/{n}"
            n += 1
            try:
                gate.get(path, timeout=5)
            except (OSError, Closed, AssertionError):
                return
            acknowledged.append(path)

    workers = [threading.Thread(target=ask, args=(i,)) for i in range(4)]
    for worker in workers:
        worker.start()
    goal = dice.randrange(5, 150)
    eventually(lambda: len(acknowledged) >= goal, 60, "enough requests")
    gate.process.kill()
    over.set()
    for worker in workers:
        worker.join(30)
    gate.wait_exit()
    log = gate.state / "audit.jsonl"
    paths = {line.get("path") for line in gate.audit()}
    assert set(acknowledged) <= paths, seed
    done = gate.command_line("audit", "verify")
    assert done.status == 0, (seed, done)
    size = log.stat().st_size  # and the worst case of it, at any byte of what no checkpoint covers
    last = log.read_bytes().rstrip(b"\n").rindex(b"\n") + 1
    os.truncate(log, dice.randrange(last + 1, size - 1))
    checkpoint = gate.state / "audit.jsonl.checkpoint"
    done = gate.command_line("audit", "verify", "--json")
    seen = json.loads(checkpoint.read_text())["seq"]
    if seen > done.json()["last_seq"]:
        assert done.status == 1, "that line was covered by a checkpoint: a cut, not a crash"
        return
    assert done.status == 0 and "torn" in done.json()["notes"][0], (seed, done)
    again = start("--no-local-trust", state=gate.state, wait="door")
    again.get("/after")
    again.stop()
    done = gate.command_line("audit", "verify", "--json")
    assert done.status == 0 and len(done.json()["notes"]) == 1, (seed, done)
    assert b'"event":"audit_torn"' in log.read_bytes()


def test_SG_10_show_filters(start):
    gate = start("--no-local-trust")
    gate.get("/one", fields=gate.bearer)
    gate.get("/two")
    gate.audited(path="/two")
    everything = gate.command_line("audit", "show")
    assert everything.status == 0 and "\trequest\tdenied\t-" in everything.out
    rows = [json.loads(line) for line in gate.command_line("audit", "show", "--json", "--outcome", "denied", "--event", "request").out.splitlines()]
    assert rows and all(row["outcome"] == "denied" and row["event"] == "request" for row in rows)
    rows = [json.loads(line) for line in gate.command_line("audit", "show", "--json", "--actor", "owner").out.splitlines()]
    assert rows and all(row["who"] == "owner" for row in rows)
    assert gate.command_line("audit", "show", "--since", "1h").out.startswith(everything.out)
    assert gate.command_line("audit", "show", "--since", "2999-01-01").out == ""
    done = gate.command_line("audit", "show", "--since", "yesterday")
    assert done.status == 2 and "2h" in done.err
    assert gate.command_line("audit", "show", "--outcome", "maybe").status == 2


def test_SG_10_syslog_and_journald(start, folder, cli):
    for kind in ("syslog", "journald"):
        path = folder / f"{kind}.sock"
        daemon = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        daemon.bind(str(path))
        daemon.settimeout(20)
        gate = start("--audit", f"{kind}:{path}", "--no-local-trust", wait="door")
        gate.get("/x")
        collected = b""
        while b'"path":"/x"' not in collected:
            message = daemon.recv(65536)
            assert message.startswith(b"<85>1 " if kind == "syslog" else b"MESSAGE={")
            collected += message[message.index(b"{"):].split(b"\n")[0] + b"\n"
        (folder / f"{kind}.log").write_bytes(collected)
        done = gate.command_line("audit", "verify", "--stream", str(folder / f"{kind}.log"))
        assert done.status == 0, done
    gate = start("--audit", f"syslog:{folder}/nobody", wait=None)
    assert gate.wait_exit() == 1 and "--audit FILE" in gate.text


def test_SG_10_standard_output_is_a_chain_too(start, folder):
    gate = start("--audit", "-", wait="door")
    gate.get("/x")
    gate.stop()
    lines = [line for line in gate.text.splitlines() if line.startswith('{"time"')]
    (folder / "out.log").write_text("\n".join(lines) + "\n")
    assert gate.command_line("audit", "verify", "--stream", str(folder / "out.log")).status == 0
