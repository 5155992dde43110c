# SPDX-License-Identifier: Apache-2.0
"""AT-02 without PAM, AT-07: where the password comes from, and that an unreadable or empty file never means 'none'."""
import json
import os
import secrets
import stat
import threading
import time

import pytest
from harness.gate import backend, eventually
from harness.person import Person

OLD, NEW = "old-" + secrets.token_hex(8), "new-" + secrets.token_hex(8)


@pytest.fixture(autouse=True)
def known(book):
    book.add(OLD, "the first password")
    book.add(NEW, "the second password")


def write(path, text, mode=0o600):
    part = path.with_name(path.name + ".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.write(descriptor, text.encode())
    os.fchmod(descriptor, mode)
    os.close(descriptor)
    os.rename(part, path)


def logs_in(gate, password):
    answer = Person(gate).login(password)
    assert answer.status in (200, 302, 303, 401, 403, 503), answer
    return answer.status in (302, 303)


def test_AT_02_environment_wins_over_file(start, folder):
    path = folder / "pw"
    write(path, NEW)
    gate = start("--no-local-trust", env={"SALLYPORT_PASSWORD": OLD})
    assert logs_in(gate, OLD) and not logs_in(gate, NEW)


def test_AT_02_password_is_not_in_the_childs_environment(start, folder):
    report = folder / "report.json"
    start("--no-local-trust", env={"SALLYPORT_PASSWORD": OLD}, command=backend("child.py", "--port", "{port}", "--report", str(report)))
    assert OLD not in json.dumps(json.loads(report.read_text()))


def test_AT_02_generated_password_is_kept_private_and_works(start):
    gate = start("--no-local-trust", tty=True)
    path = gate.state / "password"
    eventually(path.exists, what="a generated password is kept")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text().strip()
    password = gate.book.add(text, "the generated password")
    assert text not in gate.text, "it is kept in a file, not shown on a terminal that may be recorded"
    if not text.startswith("$argon2"):
        assert logs_in(gate, password)


def test_AT_07_password_file_read_fresh(start, folder):
    path = folder / "pw"
    write(path, OLD + "\n")
    gate = start("--no-local-trust", "--password", f"file:{path}")
    assert logs_in(gate, OLD) and not logs_in(gate, NEW)
    write(path, NEW + "\n")
    eventually(lambda: logs_in(gate, NEW), what="the new password works without a restart")
    assert not logs_in(gate, OLD)


@pytest.mark.parametrize("fault", ["gone", "empty", "blank", "unreadable", "wide", "directory", "link", "huge", "nul"])
def test_AT_07_a_spoiled_password_file_denies(start, folder, fault):
    """Fault of the source document: a failed or empty read can become 'no password'."""
    path = folder / "pw"
    write(path, OLD)
    gate = start("--no-local-trust", "--password", f"file:{path}")
    admitted = Person(gate)
    assert admitted.login(OLD).status in (302, 303)
    if fault == "gone":
        path.unlink()
    elif fault in ("empty", "blank", "huge", "nul"):
        write(path, {"empty": "", "blank": " \n", "huge": "x" * 2_000_000, "nul": "\0"}[fault])
    elif fault == "unreadable":
        if os.getuid() == 0:
            path.unlink()
            os.symlink("/proc/self/mem", path)
        else:
            os.chmod(path, 0)
    elif fault == "wide":
        write(path, OLD, mode=0o644)
    elif fault == "directory":
        path.unlink()
        path.mkdir()
    elif fault == "link":
        other = folder / "elsewhere"
        other.write_text(NEW)
        other.chmod(0o644)
        path.unlink()
        path.symlink_to(other)
    eventually(lambda: not logs_in(gate, OLD), what="the old password no longer works")
    for attempt in (OLD, "", " ", "\n", "\0"):
        assert not logs_in(gate, attempt), f"{attempt!r} signs in while the file is {fault}"
    if fault == "link":
        assert not logs_in(gate, NEW)
    assert gate.get("/api/whoami").status == 401
    assert admitted.is_in(), "who is signed in goes on"
    gate.audited(event="login", outcome={"denied", "failed"})
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    write(path, NEW)
    eventually(lambda: logs_in(gate, NEW), what="a repaired file works at once")


@pytest.mark.parametrize("fault", ["gone", "empty", "wide"])
def test_AT_07_a_spoiled_password_file_at_start_is_refused(start, folder, fault):
    path = folder / "pw"
    if fault != "gone":
        write(path, "" if fault == "empty" else OLD, mode=0o644 if fault == "wide" else 0o600)
    gate = start("--no-local-trust", "--password", f"file:{path}", wait=None)
    status = gate.wait_exit()
    assert status in (2, 3), gate.text
    assert str(path) in gate.text, "the message does not name the file"


def test_AT_07_empty_password_variable_is_refused(start):
    gate = start("--no-local-trust", env={"SALLYPORT_PASSWORD": ""}, wait=None)
    assert gate.wait_exit() in (2, 3), gate.text
    assert "SALLYPORT_PASSWORD" in gate.text


def test_AT_07_token_file_rotates_under_load(start, folder):
    path = folder / "tok"
    first, second = ("spa_" + secrets.token_urlsafe(32) for _ in range(2))
    write(path, first)
    gate = start("--no-local-trust", "--token", f"file:{path}", token=False, wait="door",
                 env={"SALLYPORT_LOCKOUT": "1000/5m"})  # the load presents what is not good yet, again and again
    gate.book.add(first, "the first token")
    gate.book.add(second, "the second token")
    gate.token = first
    gate.wait("tool")
    ask = lambda token: gate.get("/api/whoami", {"Authorization": f"Bearer {token}"}).status  # noqa: E731
    statuses, stop = [], threading.Event()

    def load():
        while not stop.is_set():
            statuses.append(ask(second))
            time.sleep(0.02)

    thread = threading.Thread(target=load)
    thread.start()
    assert ask(first) == 200
    write(path, second)
    eventually(lambda: ask(second) == 200, what="the new token works")
    eventually(lambda: ask(first) == 401, what="the old token is refused")
    stop.set()
    thread.join()
    assert set(statuses) <= {200, 401} and statuses == sorted(statuses, reverse=True), "it changed once, and nothing failed in between"


@pytest.mark.parametrize("text", ["", "\n", "short", "spa_short"])
def test_AT_07_a_spoiled_token_file_admits_nobody(start, folder, text):
    path = folder / "tok"
    good = "spa_" + secrets.token_urlsafe(32)
    write(path, good)
    gate = start("--no-local-trust", "--token", f"file:{path}", token=False, wait="door")
    gate.token = gate.book.add(good, "the token")
    gate.wait("tool")
    assert gate.get("/api/whoami", gate.bearer).status == 200
    write(path, text)
    eventually(lambda: gate.get("/api/whoami", gate.bearer).status == 401, what="the token is refused")
    for value in (f"Bearer {text.strip()}", "Bearer ", "Bearer"):
        assert gate.get("/api/whoami", {"Authorization": value}).status in (400, 401)
