# SPDX-License-Identifier: Apache-2.0
"""BY-11: promtool, of the package prometheus, judges our metrics."""
import shutil
import subprocess

import pytest
from harness.admin import metrics
from harness.gate import eventually


def test_BY_11_promtool_finds_them_good(start):
    if shutil.which("promtool") is None:
        pytest.skip("needs promtool (package prometheus)")
    gate = start()
    done = subprocess.run(["promtool", "check", "metrics"], input=metrics(gate), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not done.stderr.strip(), done.stdout + done.stderr


def test_BY_11_promtool_finds_those_of_a_tls_gateway_good(start):
    if shutil.which("promtool") is None:
        pytest.skip("needs promtool (package prometheus)")
    gate = start("--tls", "self-signed", wait=None)
    eventually(lambda: (gate.state / "admin.sock").exists(), 60)
    text = metrics(gate)
    assert "sallyport_certificate_expiry_timestamp_seconds" in text and "sallyport_tls_handshakes_total" in text
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not done.stderr.strip(), done.stdout + done.stderr
