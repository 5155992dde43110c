# SPDX-License-Identifier: Apache-2.0
"""Go's TLS stack shakes hands with our listener, in both directions of trust: it judges our certificate, we judge one that it made."""
import json
import secrets
import ssl
import subprocess

import pytest
from harness.gate import eventually
from tools import ROOT, go_program

PASSWORD = "correct-horse-" + secrets.token_hex(8)
P256, P384, P521, X25519 = 23, 24, 25, 29  # RFC 8446, 4.2.7


@pytest.fixture(scope="module")
def go():
    return go_program(ROOT / "tests" / "interop" / "tls" / "go_peer")


def begin(start, *options):
    gate = start("--no-local-trust", *options, env={"SALLYPORT_PASSWORD": PASSWORD}, wait=None)
    gate.book.add(PASSWORD, "the password")
    gate.tls, gate.tls_name = ssl.create_default_context(), "localhost"
    gate.tls.check_hostname, gate.tls.verify_mode = False, ssl.CERT_NONE
    return gate


@pytest.fixture
def gate(start):
    gate = begin(start, "--tls", "self-signed")
    gate.wait("tool")
    return gate


def dial(go, gate, root=None, **order):
    """What Go tells of each connection."""
    order = {"Address": f"localhost:{gate.port}", "Root": str(root or gate.state / "tls" / "authority.crt"), "Name": "localhost", "Path": "/api/whoami", **order}
    done = subprocess.run([go, "dial"], input=json.dumps(order), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def token(gate):
    return gate.bearer["Authorization"].split()[1]


def test_AT_08_go_and_our_listener_agree_on_modern_terms(go, gate):
    (told,) = dial(go, gate, Bearer=token(gate))
    assert told["Error"] == "" and told["Status"] == 200 and told["Version"] == "TLS 1.3", told
    (told,) = dial(go, gate, Bearer=token(gate), Version="1.2")
    assert told["Status"] == 200 and told["Suite"].startswith("TLS_ECDHE_ECDSA_WITH_") and ("GCM" in told["Suite"] or "CHACHA20" in told["Suite"]), told
    (told,) = dial(go, gate, Name="other.example")
    assert "not other.example" in told["Error"], told
    (told,) = dial(go, gate)
    assert told["Error"] == "" and told["Status"] == 401, "a good handshake opens no door"


# In 1.2 the list also says which keys may sign, and ours is of P-256 (RFC 8422, 5.1).
@pytest.mark.parametrize(("version", "curves"), [("1.3", [P256]), ("1.3", [X25519]), ("1.3", [P384]), ("1.2", [P256]), ("1.2", [X25519, P256])])
def test_AT_08_key_exchange_by_p_256_and_by_x25519(go, gate, version, curves):
    (told,) = dial(go, gate, Version=version, Curves=curves, Bearer=token(gate))
    assert told["Error"] == "" and told["Status"] == 200 and told["Version"] == f"TLS {version}", told
    (told,) = dial(go, gate, Version=version, Curves=[P521])
    assert "handshake failure" in told["Error"], told


def test_AT_08_go_resumes_and_is_asked_anew_who_it_is(go, gate):
    first, second = dial(go, gate, Bearer=token(gate), Repeats=2, Version="1.2")
    assert not first["Resumed"] and first["Status"] == second["Status"] == 200, (first, second)
    assert all(told["Status"] == 401 for told in dial(go, gate, Repeats=2)), "what is resumed is a channel, not a login"


def test_SG_03_we_serve_and_verify_what_go_issued(go, start, cli, folder):
    subprocess.run([go, "issue", folder], check=True, timeout=60)
    for words in (("--host", "localhost", "server.crt"), ("--host", "127.0.0.1", "server.crt"), ("--purpose", "client", "client.crt")):
        assert cli("cert", "verify", "--ca", "root.crt", *words, cwd=folder).status == 0, words
    done = cli("cert", "verify", "--ca", "root.crt", "--host", "other.example", "server.crt", cwd=folder)
    assert done.status == 3 and "wrong_name" in done.err
    gate = begin(start, "--tls-cert", str(folder / "server.crt"), "--tls-key", str(folder / "server.key"))
    gate.wait("tool")
    (told,) = dial(go, gate, root=folder / "root.crt", Bearer=token(gate))
    assert told["Error"] == "" and told["Status"] == 200, told


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_SG_03_our_door_judges_a_client_certificate_of_go_s(go, start, cli, folder, version):
    subprocess.run([go, "issue", folder], check=True, timeout=60)
    assert cli("cert", "ca", "--out", "ca", cwd=folder).status == 0
    assert cli("cert", "issue", "--ca", "ca", "--out", "alice", "--client", "--san", "spiffe://home.example/alice", cwd=folder).status == 0
    gate = begin(start, "--auth", "mtls", "--client-ca", str(folder / "root.crt"))
    eventually(lambda: (gate.state / "tls" / "authority.crt").exists() and "is ready" in gate.text, 90, lambda: gate.text)

    def visit(name):
        return dial(go, gate, Version=version, Certificate=str(folder / f"{name}.crt"), Key=str(folder / f"{name}.key"))[0]
    assert visit("client")["Status"] == 200, visit("client")
    assert "bad certificate" in visit("alice")["Error"], "its authority is not ours to trust here"
    assert "bad certificate" in visit("server")["Error"], "a server's certificate opens no door"
    (told,) = dial(go, gate, Version=version)
    assert told["Status"] == 0 and "tls:" in told["Error"], "without a certificate no connection"
    lines = [json.loads(line) for line in (gate.state / "audit.jsonl").read_text().splitlines()]
    assert any(line.get("who") == "uri:spiffe://home.example/gopher" and line.get("outcome") == "allowed" for line in lines)
