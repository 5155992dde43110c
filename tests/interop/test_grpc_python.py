# SPDX-License-Identifier: Apache-2.0
"""Our gRPC against grpcio (gRPC C core), both directions: the four kinds of call, deadlines, cancellation, errors, metadata, gzip, large messages."""
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools import ROOT

BUILD = Path(os.environ.get("SALLYPORT_BIN", ROOT / "build" / "release" / "sallyport")).parent
PEER = BUILD / "tests" / "interop" / "rpc" / "rpc_peer"
GRPCIO = Path(__file__).parent / "rpc" / "grpcio_peer.py"


def python_with_grpcio():
    """A Python that has grpcio: Debian's package belongs to Debian's Python."""
    for python in (sys.executable, "/usr/bin/python3"):
        if Path(python).exists() and subprocess.run([python, "-c", "import grpc"], capture_output=True).returncode == 0:
            return python
    pytest.skip("grpcio is missing: apt-get install python3-grpcio")


@pytest.fixture
def served(tmp_path):
    """served(COMMAND…) starts a server and gives the first line that it prints."""
    running = []

    def start(*command):
        process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True)
        running.append(process)
        line = process.stdout.readline().strip()
        assert line, f"{command[0]} did not start"
        return line

    tmp_path.chmod(0o700)
    yield start
    for process in running:
        process.kill()
        process.wait()


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def peer():
    if not PEER.exists():
        pytest.skip(f"{PEER} is not built")
    return PEER


def test_grpcio_calls_our_server(peer, served, tmp_path):
    python = python_with_grpcio()
    address = served(peer, "serve", f"unix:{tmp_path}/s")
    status, said = run(python, GRPCIO, "call", address)
    assert status == 0, said
    assert said.count("ok ") == 17, said


def test_we_call_a_grpcio_server(peer, served, tmp_path):
    python = python_with_grpcio()
    address = served(python, GRPCIO, "serve", f"unix:{tmp_path}/s")
    status, said = run(peer, "call", address)
    assert status == 0, said
    assert said.count("ok ") == 11, said


def test_our_own_two_ends_agree(peer, served, tmp_path):
    address = served(peer, "serve", f"unix:{tmp_path}/s")
    status, said = run(peer, "call", address)
    assert status == 0, said
