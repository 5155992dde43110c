# SPDX-License-Identifier: Apache-2.0
"""AT-04: the root that a real mkcert has made signs the listener's certificate; none is made or installed."""
import hashlib
import json
import os
import secrets
import socket
import ssl
import stat
import subprocess

import pytest
from harness.gate import eventually, free_port
from tools import need

PASSWORD = "correct-horse-" + secrets.token_hex(8)


@pytest.fixture
def caroot(folder):
    """What `mkcert NAME` leaves: a root that is in no trust store."""
    mkcert = need("mkcert", "mkcert")
    root = folder / "caroot"
    root.mkdir(mode=0o700)
    subprocess.run([mkcert, "-cert-file", str(folder / "x.pem"), "-key-file", str(folder / "x.key"), "localhost"], check=True, capture_output=True, cwd=folder,
                   env={"CAROOT": str(root), "PATH": os.environ["PATH"], "HOME": str(folder)})
    return root


def fingerprint(folder):
    return {p.name: (hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_mtime_ns) for p in folder.iterdir()}


def start_tls(start, caroot, *options, **keywords):
    env = {"SALLYPORT_PASSWORD": PASSWORD, "CAROOT": str(caroot)}
    gate = start("--no-local-trust", *options, wait=None, env=env, **keywords)
    gate.book.add(PASSWORD, "the password")
    gate.tls, gate.tls_name = ssl.create_default_context(cafile=str(caroot / "rootCA.pem")), "localhost"
    return gate


def test_at_04_mkcert_root_signs_in_process(start, caroot, cli, folder):
    before = fingerprint(caroot)
    gate = start_tls(start, caroot, "--tls", "mkcert")
    gate.wait("tool")
    assert gate.get("/api/whoami", gate.bearer).status == 200
    for name in ("localhost", "127.0.0.1"):
        with socket.create_connection(gate.address, 5) as raw, gate.tls.wrap_socket(raw, server_hostname=name) as tls:
            assert tls.version() == "TLSv1.3"
    assert fingerprint(caroot) == before, "nothing is made or changed there"
    kept = gate.state / "tls" / "mkcert.pem"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    chain = folder / "leaf.pem"
    chain.write_text(ssl.get_server_certificate(gate.address))
    judged = subprocess.run(["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", "localhost", "-CAfile", str(caroot / "rootCA.pem"), str(chain)],
                            capture_output=True, text=True)
    assert judged.returncode == 0, judged.stdout + judged.stderr
    done = cli("tls", "status", "--json", "--state-dir", str(gate.state))
    told = json.loads(done.out)
    assert done.status == 0 and told["source"] == "mkcert" and told["root_file"] == str(caroot / "rootCA.pem")


def test_at_04_auto_takes_mkcert_before_the_local_authority(start, caroot, cli, folder):
    port = free_port()
    gate = start_tls(start, caroot, "--tailscale-socket", str(folder / "none"), listen=[f"0.0.0.0:{port}"])
    gate.address, gate.port = ("127.0.0.1", port), port
    gate.wait("tool")
    told = json.loads(cli("tls", "status", "--json", "--state-dir", str(gate.state)).out)
    assert told["source"] == "mkcert" and [one["source"] for one in told["passed_over"]] == ["tailscale"]
    assert not (gate.state / "tls" / "authority.pem").exists(), "what is not needed is not made"


def test_at_04_mkcert_key_open_to_others_is_refused(start, caroot):
    (caroot / "rootCA-key.pem").chmod(0o644)
    gate = start_tls(start, caroot, "--tls", "mkcert")
    assert gate.wait_exit() == 3 and "rootCA-key.pem can be read or written by others" in gate.text


def test_at_04_mkcert_root_without_key(start, caroot):
    (caroot / "rootCA-key.pem").unlink()
    gate = start_tls(start, caroot, "--tls", "mkcert")
    assert gate.wait_exit() == 1 and "no rootCA-key.pem" in gate.text
    assert sorted(p.name for p in caroot.iterdir()) == ["rootCA.pem"]


def test_at_04_another_root_of_mkcert_is_taken_live(start, caroot, folder):
    """SG-05: a watched source; who trusts the new root gets in, the process stays."""
    gate = start_tls(start, caroot, "--tls", "mkcert")
    gate.wait("tool")
    for file in caroot.iterdir():
        file.unlink()
    subprocess.run([need("mkcert", "mkcert"), "-cert-file", str(folder / "y.pem"), "-key-file", str(folder / "y.key"), "localhost"], check=True, capture_output=True, cwd=folder,
                   env={"CAROOT": str(caroot), "PATH": os.environ["PATH"], "HOME": str(folder)})

    def works():
        gate.tls = ssl.create_default_context(cafile=str(caroot / "rootCA.pem"))
        try:
            return gate.get("/api/whoami", gate.bearer).status == 200
        except (OSError, ssl.SSLError):
            return False
    eventually(works, 20, "a certificate of the new root")
