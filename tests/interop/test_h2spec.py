# SPDX-License-Identifier: Apache-2.0
"""The HTTP/2 engine against h2spec, through a server that answers every request. EXCEPTIONS: each case that fails, with its reason."""
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tools import CACHE, ROOT

BUILD = Path(os.environ.get("SALLYPORT_BIN", ROOT / "build" / "release" / "sallyport")).parent
PEER = BUILD / "tests" / "interop" / "rpc" / "http2_peer"
VERSION = "v2.2.1+incompatible"
EXCEPTIONS = {
    "http2/5.1.1 Sends stream identifier that is numerically smaller than previous":
        "a number below the last one is a stream that has closed, perhaps by a reset that crossed the frame: nghttp2 ignores it instead of ending the connection",
}


def h2spec():
    folder = CACHE / f"h2spec-{VERSION}"
    found = folder / "h2spec"
    if not found.exists():
        if not shutil.which("go"):
            pytest.skip("go is missing: apt-get install golang-go")
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["go", "install", f"github.com/summerwind/h2spec/cmd/h2spec@{VERSION}"], capture_output=True, text=True, timeout=600,
                              env={**os.environ, "GOBIN": str(folder)})
        if done.returncode:
            pytest.skip(f"h2spec cannot be installed here: {done.stderr.strip()[-300:]}")
    return found


def test_h2spec(tmp_path):
    if not PEER.exists():
        pytest.skip(f"{PEER} is not built")
    tool = h2spec()
    peer = subprocess.Popen([str(PEER)], stdout=subprocess.PIPE, text=True)
    try:
        port = peer.stdout.readline().strip().rsplit(":", 1)[1]
        done = subprocess.run([str(tool), "-h", "127.0.0.1", "-p", port, "-o", "10", "-j", str(tmp_path / "report.xml")], capture_output=True, text=True, timeout=600)
    finally:
        peer.kill()
        peer.wait()
    report = (tmp_path / "report.xml").read_text(encoding="utf-8")
    cases = re.findall(r'<testcase package="([^"]*)" classname="([^"]*)"[^>]*?(/>|>.*?</testcase>)', report, re.S)
    failed = {f"{package} {name}" for package, name, body in cases if "<failure" in body or "<error" in body}
    assert len(cases) >= 140, done.stdout[-2000:]
    assert failed == set(EXCEPTIONS), done.stdout[-6000:]
