# SPDX-License-Identifier: Apache-2.0
"""Other people's clients: curl and openssl against the real binary."""
import secrets
import subprocess

import pytest
from tools import need


@pytest.fixture
def gate(start):
    return start("--no-local-trust")


def curl(*words, input=None):
    need("curl", "curl")
    return subprocess.run(["curl", "-sS", "-m", "60", *words], capture_output=True, input=input)


def test_curl_gets_puts_posts_and_follows_the_login(gate, folder):
    header = folder / "header"
    header.touch(0o600)
    header.write_text(f"Authorization: Bearer {gate.token}\n")
    done = curl("-H", f"@{header}", f"{gate.origin}/api/whoami")
    assert done.returncode == 0 and b'"user"' in done.stdout
    body = secrets.token_bytes(5_000_000)
    for words in (["--data-binary", "@-"], ["-T", "-"], ["-T", "-", "-H", "Transfer-Encoding: chunked"], ["--data-binary", "@-", "-H", "Expect: 100-continue"]):
        done = curl("-H", f"@{header}", *words, f"{gate.origin}/api/upload", input=body)
        assert done.returncode == 0 and b'"bytes": 5000000' in done.stdout, (words, done)
    done = curl("-H", f"@{header}", "-o", "/dev/null", "-w", "%{size_download} %{http_code}", f"{gate.origin}/api/download?bytes=50000000")
    assert done.stdout == b"50000000 200"
    done = curl("-L", "-H", "Accept: text/html", "-w", "%{url_effective} %{http_code}", "-o", "/dev/null", f"{gate.origin}/x")
    assert b"/.sallyport/login?next=%2Fx 200" in done.stdout
    done = curl("-H", f"@{header}", "-N", "--max-time", "2", f"{gate.origin}/events")
    assert done.returncode == 28 and done.stdout.count(b"data:") >= 1


def test_curl_connection_reuse(gate):
    done = curl("-v", *[f"{gate.origin}/api/whoami"] * 3)
    assert done.stderr.count(b"Re-using existing connection") == 2


def test_openssl_sees_a_sound_tls_server(start, folder):
    need("openssl", "openssl")
    from harness.gate import free_port
    import ssl
    port = free_port()
    gate = start("--no-local-trust", "--tls", "self-signed", listen=[f"127.0.0.1:{port}"], wait=None)
    made = ssl.create_default_context()
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    gate.address, gate.port, gate.tls, gate.tls_name = ("127.0.0.1", port), port, made, "localhost"
    gate.wait("tool")
    def client(*words):
        return subprocess.run(["openssl", "s_client", "-connect", gate.host, *words], input=b"", capture_output=True, timeout=20)
    assert b"TLSv1.3" in client("-tls1_3").stdout
    assert b"TLSv1.2" in client("-tls1_2").stdout
    assert client("-tls1_2", "-cipher", "aNULL:eNULL:RC4:3DES:NULL-SHA256:AES128-SHA").returncode != 0
    assert b"Secure Renegotiation IS supported" in client("-tls1_2").stdout
