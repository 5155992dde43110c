# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the end-to-end tests. They run the real binary: SALLYPORT_BIN, or build/release/sallyport."""
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from harness.gate import Gate, binary, other_user_prefix, run_cli  # noqa: E402
from harness.secrets_book import SecretsBook  # noqa: E402
from harness.serving import Serving  # noqa: E402

BOOK = SecretsBook()


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: moves gigabytes or waits for minutes; run by `make soak`, not by `make test`")
    config.addinivalue_line("markers", "timeout: of the plugin pytest-timeout, where it is installed")
    if not os.access(binary(), os.X_OK):
        raise pytest.UsageError(f"{binary()} is not there: build it first (make build), or name another one by SALLYPORT_BIN")


def pytest_collection_modifyitems(config, items):
    """Without -m, the slow tests are left out by name, so that their absence shows as 'deselected'."""
    if not config.getoption("-m"):
        slow = [item for item in items if item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    """MC-09, WT-06: whatever any process of this run printed or logged holds none of the secrets that were used."""
    leaks = BOOK.leaks()
    session.config.leaks = leaks
    if leaks and exitstatus in (0, 5):
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter, config):
    leaks = getattr(config, "leaks", [])
    terminalreporter.write_line(
        f"secrets: {len(BOOK.secrets)} used, {sum(len(t[1]) for t in BOOK.texts)} bytes of output searched, {len(leaks)} leaks",
        red=bool(leaks), green=not leaks)
    for leak in sorted(set(leaks)):
        terminalreporter.write_line("LEAK " + leak, red=True)


@pytest.fixture(scope="session")
def book():
    return BOOK


@pytest.fixture
def folder():
    """A short private path: a Unix socket's name has no more than 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix="sp-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


def make_gates(folder, environment=None):
    gates = []

    def start(*options, **keywords):
        keywords["env"] = {**(environment or {}), **(keywords.get("env") or {})}
        own = folder / str(len(gates))
        own.mkdir(mode=0o700)
        gate = Gate.__new__(Gate)
        gates.append(gate)
        gate.__init__(BOOK, own, *options, **keywords)
        return gate

    return gates, start


def finish_gates(gates):
    complaints = [c for gate in gates if hasattr(gate, "process") for c in gate.finish()]
    assert not complaints, "\n".join(complaints)


@pytest.fixture
def start(folder):
    """start(*options, **keywords) -> Gate. All are stopped after the test; one that leaves a process behind fails it."""
    gates, start = make_gates(folder)
    yield start
    finish_gates(gates)


@pytest.fixture(scope="module")
def start_shared():
    """Like `start`, for gates that all tests of a file share, and where the wrong credentials of one must not lock out the next."""
    path = Path(tempfile.mkdtemp(prefix="sp-"))
    gates, start = make_gates(path, {"SALLYPORT_LOCKOUT": "1000/5m"})
    yield start
    try:
        finish_gates(gates)
    finally:
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def serve(folder):
    """serve(*options, **keywords) -> Serving, likewise."""
    made = []

    def start(*options, **keywords):
        gateway = Serving.__new__(Serving)
        made.append(gateway)
        gateway.__init__(BOOK, folder / str(len(made)), *options, **keywords)
        return gateway

    yield start
    finish_gates(made)


@pytest.fixture
def cli(folder):
    """cli(*words, ...) -> Done: one command to its end."""
    return lambda *words, **keywords: run_cli(BOOK, folder, *words, **keywords)


@pytest.fixture
def stranger():
    """Words that run a command as another user of this machine."""
    prefix = other_user_prefix()
    if prefix is None:
        pytest.skip("needs root and setpriv (package util-linux) to act as another user")
    return prefix
