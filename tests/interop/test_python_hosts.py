# SPDX-License-Identifier: Apache-2.0
"""Hosts made with Python's pyvider-rpcplugin and python-plugin start our plugin: plain and with their automatic TLS, by Unix socket and TCP."""
import os
import subprocess
from pathlib import Path

import pytest

from tools import ROOT, python_with

BUILD = Path(os.environ.get("SALLYPORT_BIN", ROOT / "build" / "release" / "sallyport")).parent
PEER = BUILD / "tests" / "interop" / "plugin" / "plugin_peer"
HOSTS = Path(__file__).parent / "plugin"


def run(tmp_path, python, *words, **more):
    if not PEER.exists():
        pytest.skip(f"{PEER} is not built")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PLUGIN_", "XDG_"))}
    env = {**kept, "TMPDIR": str(tmp_path), "PLUGIN_MAGIC_COOKIE_KEY": "BASIC_PLUGIN", "PLUGIN_MAGIC_COOKIE_VALUE": "hello", **more}
    done = subprocess.run([python, *map(str, words)], cwd=tmp_path, capture_output=True, text=True, timeout=120, env=env)
    return done.returncode, done.stdout + done.stderr


def run_pyvider(tmp_path, *words, **more):
    return run(tmp_path, python_with("pyvider-rpcplugin", "0.5.5", (3, 11)), HOSTS / "pyvider_host.py", PEER, *words, **more)


@pytest.mark.parametrize("mtls", ["false", "true"])
@pytest.mark.parametrize("transport", [[], ["--tcp"]], ids=["unix", "tcp"])
def test_mc_14_sg_02_a_pyvider_host_uses_our_plugin(tmp_path, mtls, transport):
    status, said = run_pyvider(tmp_path, *transport, PLUGIN_AUTO_MTLS=mtls)
    assert status == 0, said
    assert "get b'\\n\\x05hello'" in said and "health b'\\x08\\x01'" in said
    assert not list(tmp_path.glob("plugin*/s"))


def test_mc_14_a_pyvider_host_with_another_cookie_is_refused(tmp_path):
    status, said = run_pyvider(tmp_path, PLUGIN_MAGIC_COOKIE_VALUE="hullo", PLUGIN_AUTO_MTLS="false", PLUGIN_CLIENT_RETRY_ENABLED="false")
    assert status != 0 and "get " not in said


@pytest.mark.parametrize("way", ["plain", "mtls"])
@pytest.mark.parametrize("transport", [[], ["--tcp"]], ids=["unix", "tcp"])
def test_mc_14_sg_02_a_python_plugin_host_uses_our_plugin_and_serves_it(tmp_path, way, transport):
    status, said = run(tmp_path, python_with("python-plugin", "0.1.0", (3, 10)), HOSTS / "python_plugin_host.py", way, PEER, *transport)
    assert status == 0, said
    assert "get b'\\n\\x05hello'\nsum b'\\x08\\x07'\ndone\n" in said
    assert not list(tmp_path.glob("plugin*/s"))
