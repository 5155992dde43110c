# SPDX-License-Identifier: Apache-2.0
"""Mutual TLS at the door: --auth mtls, exact identities, each refusal with its own reason and one alert, SG-14 revocation that cuts."""
import http.client
import json
import secrets
import socket
import ssl
import subprocess
import threading

import pytest
from harness.gate import eventually

PASSWORD = "correct-horse-" + secrets.token_hex(8)


@pytest.fixture
def pki(cli, folder):
    """ca/ with certificates of several people, made by our own commands."""
    def cert(*words):
        done = cli("cert", *words, cwd=folder)
        assert done.status == 0, done
    cert("ca", "--out", "ca")
    cert("ca", "--out", "other")
    cert("issue", "--ca", "ca", "--out", "alice", "--client", "--san", "spiffe://home.example/alice")
    cert("issue", "--ca", "ca", "--out", "bob", "--client", "--san", "bob.example")
    cert("issue", "--ca", "ca", "--out", "both", "--client", "--san", "spiffe://home.example/alice", "--san", "spiffe://home.example/bob")
    cert("issue", "--ca", "ca", "--out", "server", "--server", "--san", "alice.example")
    cert("issue", "--ca", "other", "--out", "stranger", "--client", "--san", "spiffe://home.example/alice")
    return folder


def context(gate, who=None, version=None):
    made = ssl.create_default_context(cafile=str(gate.state / "tls" / "authority.crt"))
    if version:
        made.minimum_version = made.maximum_version = version
    if who:
        made.load_cert_chain(f"{who}.crt", f"{who}.key")
    return made


def visit(gate, who=None, path="/api/whoami", headers=None, version=None):
    """(status, JSON) of one request on one connection, or the name of the alert or end that came instead."""
    try:
        with socket.create_connection(gate.address, 20) as raw, context(gate, who, version).wrap_socket(raw, server_hostname="localhost") as tls:
            lines = "".join(f"{k}: {v}\r\n" for k, v in (headers or {}).items())
            tls.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost:{gate.port}\r\nConnection: close\r\n{lines}\r\n".encode())
            data = b""
            while piece := tls.recv(65536):
                data += piece
            head, _, body = data.partition(b"\r\n\r\n")
            return int(head.split()[1]), body
    except ssl.SSLError as fault:
        return fault.reason, b""
    except ConnectionResetError:
        return "RESET", b""


def start_mtls(start, pki, *options, auth=("mtls",), ready="alice"):
    methods = [word for method in auth for word in ("--auth", method)]
    gate = start("--no-local-trust", *methods, "--client-ca", str(pki / "ca" / "ca.crt"), *options, env={"SALLYPORT_PASSWORD": PASSWORD}, wait=None)
    gate.book.add(PASSWORD, "the password")
    eventually(lambda: (gate.state / "tls" / "authority.crt").exists() and "is ready" in gate.text, 90, lambda: gate.text)
    eventually(lambda: visit(gate, ready and str(pki / ready))[0] in (200, 401, 403), 30, "an answer")
    return gate


def refusals(gate):
    lines = map(json.loads, (gate.state / "audit.jsonl").read_text().splitlines())
    return [line for line in lines if line.get("outcome") == "denied"]


def whoami(body):
    return dict(json.loads(body.rpartition(b"\n")[2] if body[:1] != b"{" else body)["headers"])


def test_sg_09_a_certificate_is_who_one_is(start, pki):
    gate = start_mtls(start, pki)
    status, body = visit(gate, pki / "alice")
    assert status == 200 and b"uri:spiffe://home.example/alice" in body, body
    status, body = visit(gate, pki / "bob", headers={"X-Forwarded-User": "root"})
    assert status == 200 and b"dns:bob.example" in body and b"root" not in body
    lines = [json.loads(one) for one in (gate.state / "audit.jsonl").read_text().splitlines()]
    assert any(one.get("who") == "uri:spiffe://home.example/alice" and one.get("how") == "client_certificate" and one.get("outcome") == "allowed" for one in lines)


def age(pki, name, start_date, end_date):
    """A client certificate of ca/ for another time, by openssl, since our own command backdates nothing."""
    (pki / "index").write_text("")
    (pki / "ca.cnf").write_text(f"[ca]\ndefault_ca=d\n[d]\ndatabase={pki}/index\nnew_certs_dir={pki}\nrand_serial=yes\ndefault_md=sha256\npolicy=p\nunique_subject=no\n[p]\n"
                                "commonName=optional\n[x]\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\nsubjectAltName=URI:spiffe://home.example/alice\n"
                                "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
    run = lambda *words: subprocess.run(["openssl", *words], check=True, capture_output=True)  # noqa: E731
    run("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(pki / f"{name}.key"), "-out", str(pki / "x.csr"), "-subj", "/CN=alice")
    run("ca", "-batch", "-config", str(pki / "ca.cnf"), "-cert", str(pki / "ca" / "ca.crt"), "-keyfile", str(pki / "ca" / "ca.key"), "-in", str(pki / "x.csr"), "-out", str(pki / f"{name}.crt"),
        "-extensions", "x", "-startdate", start_date, "-enddate", end_date, "-notext")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_mtls_each_refusal_has_its_own_reason_and_one_alert(start, pki, cli, version):
    age(pki, "old", "20200101000000Z", "20200201000000Z")
    age(pki, "young", "20400101000000Z", "20410101000000Z")
    assert cli("cert", "issue", "--ca", "ca", "--out", "gone", "--client", "--san", "spiffe://home.example/gone", cwd=pki).status == 0
    assert cli("cert", "revoke", "--ca", "ca", "gone.crt", cwd=pki).status == 0
    gate = start_mtls(start, pki, "--client-crl", str(pki / "ca" / "ca.crl"))
    reasons = {"old": "certificate_expired", "young": "certificate_not_yet_valid", "server": "certificate_wrong_purpose", "stranger": "certificate_unknown_authority",
               "both": "certificate_wrong_name", "gone": "certificate_revoked"}
    alerts = set()
    for who, reason in reasons.items():
        before = len(refusals(gate))
        alerts.add(visit(gate, pki / who, version=version)[0])
        eventually(lambda: len(refusals(gate)) > before, 20, f"a refusal of {who}")
        last = refusals(gate)[-1]
        assert last["denial"] == reason and last["detail"] and last["how"] == "client_certificate", (who, last)
    assert len(alerts) == 1 and "BAD_CERTIFICATE" in alerts.pop(), alerts
    before = len(refusals(gate))
    assert isinstance(visit(gate, None, version=version)[0], str), "no certificate, no connection"
    eventually(lambda: len(refusals(gate)) > before and refusals(gate)[-1]["denial"] == "no_credential", 20, "a refusal of nobody")
    assert visit(gate, pki / "alice", version=version)[0] == 200


def test_mtls_long_chains_are_refused(start, pki):
    """Each certificate costs us its parsing before anybody can judge it."""
    gate = start_mtls(start, pki)
    for count, alert in ((9, None), (10, "BAD_CERTIFICATE"), (80, "ILLEGAL_PARAMETER")):
        (pki / "long.crt").write_text((pki / "alice.crt").read_text() + (pki / "ca" / "ca.crt").read_text() * count)
        (pki / "long.key").write_bytes((pki / "alice.key").read_bytes())
        outcome = visit(gate, pki / "long")[0]
        assert outcome == 200 if alert is None else alert in str(outcome), (count, outcome)
    assert any(line["denial"] == "certificate_refused" and "more than 10" in line["detail"] for line in refusals(gate))
    assert visit(gate, pki / "alice")[0] == 200


def test_mtls_beside_other_methods_asks_and_does_not_insist(start, pki):
    gate = start_mtls(start, pki, auth=("mtls", "token"), ready=None)
    assert visit(gate)[0] == 401
    assert visit(gate, headers=gate.bearer)[0] == 200
    assert visit(gate, pki / "alice")[0] == 200
    assert "BAD_CERTIFICATE" in visit(gate, pki / "stranger")[0], "a bad one is not the same as none"
    # What is sent on purpose decides alone.
    assert visit(gate, pki / "alice", headers={"Authorization": "Bearer spa_" + "A" * 43})[0] == 401


def test_mtls_identities_are_mapped_exactly(start, pki):
    gate = start_mtls(start, pki, "--client-user", "uri:SPIFFE://home.example/alice=alice", "--client-user", "dns:bob.exampl=bob", "--client-user", "uri:spiffe://home.example/bob=bob")
    status, body = visit(gate, pki / "alice")
    assert status == 200 and whoami(body)["X-Forwarded-User"] == "alice"
    assert "BAD_CERTIFICATE" in visit(gate, pki / "bob")[0], "dns:bob.exampl is not bob.example"
    assert "BAD_CERTIFICATE" in visit(gate, pki / "both")[0], "two users in one certificate"


def test_mtls_the_common_name_counts_only_where_told(start, pki, cli):
    assert cli("cert", "issue", "--ca", "ca", "--out", "cn", "--client", "--name", "carol.example", cwd=pki).status == 0
    gate = start_mtls(start, pki, "--client-user", "uri:spiffe://home.example/alice=alice", "--client-user", "cn:carol.example=carol")
    status, body = visit(gate, pki / "cn")
    assert status == 200 and whoami(body)["X-Forwarded-User"] == "carol"


def test_mtls_another_page_cannot_use_the_browser_s_certificate(start, pki):
    gate = start_mtls(start, pki)
    assert visit(gate, pki / "alice", headers={"Origin": "https://evil.example"})[0] == 403
    assert visit(gate, pki / "alice", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"})[0] == 403


def test_mtls_no_session_is_resumed(start, pki):
    gate = start_mtls(start, pki)
    made = context(gate, pki / "alice", ssl.TLSVersion.TLSv1_2)
    with socket.create_connection(gate.address, 20) as raw, made.wrap_socket(raw, server_hostname="localhost") as tls:
        session = tls.session
    with socket.create_connection(gate.address, 20) as raw, made.wrap_socket(raw, server_hostname="localhost", session=session) as tls:
        assert not tls.session_reused


class Held:
    """A WebSocket by certificate, and a kept connection beside it."""

    def __init__(self, gate, who):
        raw = socket.create_connection(gate.address, 30)
        self.tls = context(gate, who).wrap_socket(raw, server_hostname="localhost")
        self.gate = gate

    def ask(self, path="/api/whoami"):
        self.tls.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost:{self.gate.port}\r\n\r\n".encode())
        answer = http.client.HTTPResponse(self.tls, method="GET")
        answer.begin()
        answer.read()
        return answer.status

    def open_stream(self):
        self.tls.sendall((f"GET /ws HTTP/1.1\r\nHost: localhost:{self.gate.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                          f"Sec-WebSocket-Version: 13\r\nOrigin: https://localhost:{self.gate.port}\r\n\r\n").encode())
        assert self.tls.recv(65536).split()[1] == b"101"

    def wait_end(self):
        self.tls.settimeout(30)
        try:
            while self.tls.recv(65536):
                pass
        except (ConnectionResetError, ssl.SSLError):
            pass


@pytest.mark.parametrize("how", ["crl", "deny sha256", "deny serial", "deny uri", "root gone"])
def test_sg_14_a_revoked_certificate_is_cut_and_refused_from_then_on(start, pki, cli, how):
    (pki / "deny").write_text("# nobody yet\n")
    assert cli("cert", "issue", "--ca", "ca", "--out", "x", "--client", "--san", "x.example", cwd=pki).status == 0
    assert cli("cert", "revoke", "--ca", "ca", "x.crt", cwd=pki).status == 0
    crl = ["--client-crl", str(pki / "ca" / "ca.crl")] if how == "crl" else []
    gate = start_mtls(start, pki, "--client-deny", str(pki / "deny"), *crl)
    stream, kept, other = Held(gate, pki / "alice"), Held(gate, pki / "alice"), Held(gate, pki / "bob")
    stream.open_stream()
    assert kept.ask() == 200 and other.ask() == 200
    facts = json.loads(cli("cert", "show", "--json", "alice.crt", cwd=pki).out)
    facts = facts[0] if isinstance(facts, list) else facts
    if how == "crl":
        assert cli("cert", "revoke", "--ca", "ca", "--reason", "keyCompromise", "alice.crt", cwd=pki).status == 0
    elif how == "root gone":
        (pki / "ca" / "ca.crt").write_text((pki / "other" / "ca.crt").read_text())
    else:
        line = {"deny sha256": "sha256:" + facts["fingerprint_sha256"], "deny serial": "serial:" + facts["serial"], "deny uri": "uri:spiffe://home.example/alice"}[how]
        (pki / "deny").write_text(line + "\n")
    ended = threading.Thread(target=stream.wait_end, daemon=True)
    ended.start()
    ended.join(30)
    assert not ended.is_alive(), "the stream was not cut"
    assert kept.ask() == 401, "a kept connection admits no further request"
    assert other.ask() == (401 if how == "root gone" else 200), "nobody else is concerned"
    assert "BAD_CERTIFICATE" in visit(gate, pki / "alice")[0]
    denials = {one["denial"] for one in refusals(gate)}
    assert "certificate_revoked" in denials
    cut = [json.loads(one) for one in (gate.state / "audit.jsonl").read_text().splitlines()]
    assert any(one["event"] == "connection_cut" for one in cut)


def test_sg_14_a_broken_list_changes_nothing_and_is_told(start, pki):
    (pki / "deny").write_text("")
    gate = start_mtls(start, pki, "--client-deny", str(pki / "deny"))
    (pki / "deny").write_text("alice\n")
    eventually(lambda: "what was in force stays" in gate.text, 20, "a complaint")
    assert visit(gate, pki / "alice")[0] == 200
    (pki / "deny").write_text("uri:spiffe://home.example/alice\n")
    eventually(lambda: isinstance(visit(gate, pki / "alice")[0], str), 20, "the refusal")


def test_sg_09_policy_rules_name_certificates(start, pki, folder):
    (folder / "policy.yaml").write_text('rules:\n  - name: alice\n    allow: "uri:spiffe://home.example/alice"\n    http: "GET /*"\n')
    gate = start_mtls(start, pki, "--policy", str(folder / "policy.yaml"))
    assert visit(gate, pki / "alice")[0] == 200, str(refusals(gate)[-1])
    assert visit(gate, pki / "bob")[0] == 403


@pytest.mark.parametrize("options, word", [
    (["--auth", "mtls"], "--client-ca"), (["--auth", "token", "--client-ca", "{ca}"], "--auth mtls"), (["--auth", "mtls", "--client-ca", "{ca}", "--tls", "off"], "TLS"),
    (["--client-deny", "{ca}"], "--client-ca"), (["--auth", "mtls", "--client-ca", "{no}"], "nothing-here"), (["--auth", "mtls", "--client-ca", "{key}"], "ca.key"),
    (["--client-ca", "{ca}", "--client-user", "alice=alice"], "client-user"), (["--client-ca", "{ca}", "--client-user", "uri:not a uri=alice"], "client-user"),
    (["--client-ca", "{ca}", "--client-crl", "{ca}"], "ca.crt")])
def test_mtls_bad_settings_are_told(start, pki, options, word):
    places = {"ca": pki / "ca" / "ca.crt", "no": pki / "nothing-here", "key": pki / "ca" / "ca.key"}
    gate = start(*[one.format(**places) for one in options], wait=None)
    assert gate.wait_exit() in (1, 2), gate.text
    assert word in gate.text, gate.text
