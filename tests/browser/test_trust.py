# SPDX-License-Identifier: Apache-2.0
"""AT-04: a browser that trusts the root has no warning, one that does not has."""
import contextlib
import json
import os
import secrets
import shutil
import ssl
import subprocess

import pytest
from harness.gate import free_port
from webdriver import WebDriverError

PASSWORD = "correct-horse-" + secrets.token_hex(8)


def need(program, package):
    if not shutil.which(program):
        pytest.skip(f"{program} is missing: apt-get install {package}")
    return program


@pytest.fixture
def home(folder):
    """The home of somebody whose browser trusts nothing of ours yet."""
    store = folder / "home" / ".pki" / "nssdb"
    store.mkdir(parents=True)
    subprocess.run([need("certutil", "libnss3-tools"), "-N", "-d", f"sql:{store}", "--empty-password"], check=True, capture_output=True)
    return folder / "home"


def guarded(start, *options, env=None):
    port = free_port()
    gate = start("--no-local-trust", *options, listen=[f"0.0.0.0:{port}"], env={"SALLYPORT_PASSWORD": PASSWORD, **(env or {})}, wait=None)
    gate.book.add(PASSWORD, "the password")
    gate.address, gate.port = ("127.0.0.1", port), port
    gate.tls, gate.tls_name = ssl.create_default_context(), "localhost"
    gate.tls.check_hostname, gate.tls.verify_mode = False, ssl.CERT_NONE
    gate.wait("tool")
    return gate


def opens(browser, home, gate):
    """What is seen at each name of the gate: its page, or the browser's warning."""
    seen = []
    for name in ("localhost", "127.0.0.1"):
        one = browser(home=home)
        with contextlib.suppress(WebDriverError):  # some versions tell of the warning, others show it
            one.open(f"https://{name}:{gate.port}/")
        seen.append("warning" if "ERR_CERT_AUTHORITY_INVALID" in one.source else "page" if one.find("form") else "neither")
    return seen


def test_at_04_chromium_warns_until_it_has_the_exported_root(start, browser, home, cli, folder):
    gate = guarded(start, "--tls", "self-signed")
    assert opens(browser, home, gate) == ["warning"] * 2
    root = json.loads(cli("tls", "status", "--json", "--state-dir", str(gate.state)).out)["root_file"]
    assert root in gate.text, "the start lines say which file a browser has to trust"
    subprocess.run(["certutil", "-A", "-d", f"sql:{home / '.pki/nssdb'}", "-n", "sallyport", "-t", "C,,", "-i", root], check=True, capture_output=True)
    assert opens(browser, home, gate) == ["page"] * 2


def test_at_04_chromium_has_no_warning_where_mkcert_is_installed(start, browser, home):
    """Nothing is exported: mkcert has told the browser of its root before, and that root signs."""
    env = {"CAROOT": str(home / "caroot"), "TRUST_STORES": "nss"}
    subprocess.run([need("mkcert", "mkcert"), "-install"], check=True, capture_output=True, env={**env, "PATH": os.environ["PATH"], "HOME": str(home)})
    gate = guarded(start, "--tailscale-socket", str(home / "none"), env=env)
    assert opens(browser, home, gate) == ["page"] * 2
