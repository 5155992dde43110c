# SPDX-License-Identifier: Apache-2.0
"""TLS listener: self-signed local CA, names and modes (AT-08), versions, the secure cookie, given files."""
import secrets
import socket
import ssl
import stat
import subprocess

import pytest
from harness.gate import free_port
from harness.person import Person
from harness.wire import Wire

PASSWORD = "correct-horse-" + secrets.token_hex(8)


def context(**options):
    made = ssl.create_default_context(**options)
    if not options:
        made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    return made


def start_tls(start, *options, **keywords):
    keywords.setdefault("env", {"SALLYPORT_PASSWORD": PASSWORD})
    gate = start(*options, wait=None, **keywords)
    gate.book.add(PASSWORD, "the password")
    gate.tls, gate.tls_name = context(), "localhost"
    gate.wait("tool")
    return gate


@pytest.fixture
def gate(start):
    return start_tls(start, "--no-local-trust", "--tls", "self-signed")


def test_AT_08_certificate_names_and_key_mode(gate):
    pem = ssl.get_server_certificate(gate.address)
    text = subprocess.run(["openssl", "x509", "-noout", "-text"], input=pem, capture_output=True, text=True, check=True).stdout
    assert "DNS:localhost" in text and "IP Address:127.0.0.1" in text and "IP Address:0:0:0:0:0:0:0:1" in text
    assert "id-ecPublicKey" in text and "CA:TRUE" not in text
    keys = [p for p in (gate.state / "tls").rglob("*") if p.is_file() and b"PRIVATE KEY" in p.read_bytes()]
    keys += [p for p in (gate.state / "ca").rglob("*") if p.is_file() and b"PRIVATE KEY" in p.read_bytes()] if (gate.state / "ca").exists() else []
    assert keys and all(stat.S_IMODE(p.stat().st_mode) == 0o600 for p in keys)


def test_the_local_ca_verifies_it(gate):
    made = context(cafile=gate.state / "tls" / "authority.crt")
    for name in ("localhost", "127.0.0.1"):
        with socket.create_connection(gate.address, 5) as raw, made.wrap_socket(raw, server_hostname=name) as tls:
            assert tls.version()
    with pytest.raises(ssl.SSLCertVerificationError), socket.create_connection(gate.address, 5) as raw:
        made.wrap_socket(raw, server_hostname="evil.example")


def test_the_certificate_survives_a_restart(start, gate):
    first = ssl.get_server_certificate(gate.address)
    gate.stop()
    again = start_tls(start, "--no-local-trust", "--tls", "self-signed", state=gate.state)
    assert ssl.get_server_certificate(again.address) == first


def test_versions(gate):
    def version(low, high):
        made = context()
        made.minimum_version, made.maximum_version = low, high
        made.set_ciphers("DEFAULT:@SECLEVEL=0")
        with socket.create_connection(gate.address, 5) as raw, made.wrap_socket(raw) as tls:
            return tls.version()
    assert version(ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
    assert version(ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3) == "TLSv1.3"
    for old in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        with pytest.raises((ssl.SSLError, OSError)):
            version(old, old)


def test_requests_streams_and_websockets_over_tls(gate):
    assert gate.get("/api/whoami", gate.bearer).status == 200
    told = gate.request("POST", "/api/upload", gate.bearer, b"x" * 3_000_000).json()
    assert told["bytes"] == 3_000_000
    assert len(gate.get("/api/download?bytes=3000000", gate.bearer).body) == 3_000_000
    with gate.websocket("/ws", gate.bearer) as ws:
        ws.echo("x" * 100_000)


def test_cookie_over_https_is_host_bound_and_secure(gate):
    person = Person(gate)
    answer = person.login(PASSWORD)
    name = f"__Host-sallyport-{gate.port}"
    assert name in answer.cookies, answer
    _, attributes = answer.cookies[name]
    assert "secure" in attributes and "httponly" in attributes and attributes["samesite"].lower() == "lax" and attributes["path"] == "/" and "domain" not in attributes
    assert person.is_in()
    told = gate.get("/api/whoami", {"Cookie": person.cookie}).json()
    assert dict(told["headers"])["X-Forwarded-Proto"] == "https"
    assert "Cookie" not in dict(told["headers"])
    page = person.get("/.sallyport/login")
    assert "max-age" in (page.get("Strict-Transport-Security") or "max-age"), "a self-signed name must not be pinned by accident"


def test_AT_10_two_gates_on_one_host_keep_both_logins(start, gate):
    """A browser keeps one jar for all ports of a host."""
    other = start_tls(start, "--no-local-trust", "--tls", "self-signed")
    here, there = Person(gate), Person(other)
    there.jar = here.jar
    assert here.login(PASSWORD).status == 303 and there.login(PASSWORD).status == 303
    assert here.is_in() and there.is_in()
    assert len([value for value in here.jar.values() if value.startswith("spc_")]) == 2, list(here.jar)
    told = dict(other.get("/api/whoami", {"Cookie": here.cookie}).json()["headers"])
    assert "Cookie" not in told, "neither gate's cookie is shown to a tool"
    assert there.logout().status == 303
    assert here.is_in() and not there.is_in()


def test_AT_10_a_login_of_one_gate_is_worth_nothing_at_another(start, gate):
    other = start_tls(start, "--no-local-trust", "--tls", "self-signed")
    person = Person(gate)
    person.login(PASSWORD)
    (value,) = [value for value in person.jar.values() if value.startswith("spc_")]
    for name in (f"__Host-sallyport-{other.port}", "__Host-sallyport", f"__Host-sallyport-{gate.port}", f"sallyport-{other.port}"):
        assert other.get("/echo", {"Cookie": f"{name}={value}"}).status == 401


@pytest.mark.parametrize("request_text", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST /a?ticket=spt_x HTTP/1.0\r\n\r\n", b"OPTIONS * HTTP/1.1\r\n\r\n",
                                          b"PUT /large HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n" + b"x" * 60000])
def test_plain_http_on_the_tls_port_is_told_to_use_https(gate, request_text):
    with Wire(gate.address) as wire:
        wire.send(request_text)
        head, _, body = wire.to_end().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ") and b"text/plain" in head and b"Connection: close" in head
    assert b"https://" in body and int(head.split(b"Content-Length: ")[1].split()[0]) == len(body)
    assert b"spt_" not in body and b"spl_" not in body


@pytest.mark.parametrize("garbage", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\0" * 300, b"GETTING / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"x" * 300])
def test_what_is_neither_tls_nor_http_hears_no_http(gate, garbage):
    with Wire(gate.address) as wire:
        wire.send(garbage)
        assert b"HTTP/" not in wire.to_end()
    assert gate.get("/api/whoami", gate.bearer).status == 200


def test_curl_over_http_to_the_tls_port_shows_the_words(gate):
    done = subprocess.run(["curl", "-s", "-S", "--noproxy", "*", "-w", "%{http_code}", f"http://127.0.0.1:{gate.port}/"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0 and done.stdout.endswith("400") and "https://" in done.stdout, done


def test_tls_is_the_default_beyond_loopback(start):
    """The cascade ends at a local certificate: a listener that the network can reach is never plain by default."""
    port = free_port()
    gate = start("--public-url", f"https://127.0.0.1:{port}", listen=[f"0.0.0.0:{port}"], env={"SALLYPORT_PASSWORD": PASSWORD}, wait=None)
    gate.book.add(PASSWORD, "the password")
    gate.address, gate.port, gate.tls, gate.tls_name = ("127.0.0.1", port), port, context(), "localhost"
    gate.wait("tool")
    assert gate.get("/api/whoami").status == 401, "a listener beyond loopback trusts nobody by address"
    assert gate.get("/api/whoami", gate.bearer).status == 200


@pytest.fixture
def pair(folder):
    crt, key = folder / "my.crt", folder / "my.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(key), "-out", str(crt), "-days", "2",
                    "-subj", "/CN=mine", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    key.chmod(0o600)
    return crt, key


def test_given_files(start, pair):
    crt, key = pair
    gate = start_tls(start, "--no-local-trust", "--tls-cert", str(crt), "--tls-key", str(key))
    gate.tls = context(cafile=str(crt))
    assert gate.get("/api/whoami", gate.bearer).status == 200


@pytest.mark.parametrize("fault", ["no such", "mismatch", "wide", "garbage"])
def test_given_files_that_are_not_a_pair(start, pair, folder, fault):
    crt, key = pair
    if fault == "no such":
        key.unlink()
    elif fault == "wide":
        key.chmod(0o644)
    elif fault == "garbage":
        crt.write_text("not a certificate")
    else:
        subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(key)], check=True, capture_output=True)
        key.chmod(0o600)
    gate = start("--no-local-trust", "--tls-cert", str(crt), "--tls-key", str(key), wait=None)
    assert gate.wait_exit() in (1, 2, 3)
    assert str(key) in gate.text or str(crt) in gate.text
