# SPDX-License-Identifier: Apache-2.0
"""A host made with pyvider-rpcplugin starts our plugin: plain and with its automatic TLS, by Unix socket and TCP."""
import os
import subprocess
from pathlib import Path

import pytest

from tools import ROOT, python_with

BUILD = Path(os.environ.get("SALLYPORT_BIN", ROOT / "build" / "release" / "sallyport")).parent
PEER = BUILD / "tests" / "interop" / "plugin" / "plugin_peer"
HOST = Path(__file__).parent / "plugin" / "pyvider_host.py"


def run(tmp_path, *words, **more):
    if not PEER.exists():
        pytest.skip(f"{PEER} is not built")
    python = python_with("pyvider-rpcplugin", "0.5.5", (3, 11))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PLUGIN_", "XDG_"))}
    env = {**kept, "TMPDIR": str(tmp_path), "PLUGIN_MAGIC_COOKIE_KEY": "BASIC_PLUGIN", "PLUGIN_MAGIC_COOKIE_VALUE": "hello", **more}
    done = subprocess.run([python, str(HOST), str(PEER), *words], cwd=tmp_path, capture_output=True, text=True, timeout=120, env=env)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("mtls", ["false", "true"])
@pytest.mark.parametrize("transport", [[], ["--tcp"]], ids=["unix", "tcp"])
def test_mc_14_sg_02_a_pyvider_host_uses_our_plugin(tmp_path, mtls, transport):
    status, said = run(tmp_path, *transport, PLUGIN_AUTO_MTLS=mtls)
    assert status == 0, said
    assert "get b'\\n\\x05hello'" in said and "health b'\\x08\\x01'" in said
    assert not list(tmp_path.glob("plugin*/s"))


def test_mc_14_a_pyvider_host_with_another_cookie_is_refused(tmp_path):
    status, said = run(tmp_path, PLUGIN_MAGIC_COOKIE_VALUE="hullo", PLUGIN_AUTO_MTLS="false", PLUGIN_CLIENT_RETRY_ENABLED="false")
    assert status != 0 and "get " not in said
