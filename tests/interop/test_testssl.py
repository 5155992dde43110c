# SPDX-License-Identifier: Apache-2.0
"""What testssl.sh, whom nobody can accuse of being on our side, finds at the listener."""
import json
import secrets
import ssl
import subprocess

from harness.gate import free_port
from tools import need

PASSWORD = "correct-horse-" + secrets.token_hex(8)
# A local authority has no server that tells of revocation; that is all that is forgiven.
FORGIVEN = {"cert_revocation": ("HIGH", "Neither CRL nor OCSP URI provided")}
HARMLESS = {"OK", "INFO", "LOW"}
# Protocols, suites, forward secrecy, the server's preference and certificate, known weaknesses.
CHECKS = ["-p", "-s", "-f", "-P", "-S", "-U"]


def scan(report, authority, port):
    """What testssl.sh finds, by its ids: (severity, finding)."""
    command = [need("testssl", "testssl.sh"), "--quiet", "--color", "0", "--warnings", "off", "--jsonfile", str(report), "--add-ca", str(authority), *CHECKS, f"https://localhost:{port}"]
    subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=400)
    return {one["id"]: (one["severity"], one["finding"]) for one in json.loads(report.read_text())}


def not_made(found):
    """The checks that could not be made. Its resumption check, say, hangs up without waiting for the server's ticket, and then may have none."""
    return {name for name, (severity, _) in found.items() if severity == "WARN"}


def test_at_04_testssl_finds_nothing_above_low(start, folder):
    need("testssl", "testssl.sh")
    port = free_port()
    gate = start("--no-local-trust", "--tls", "self-signed", listen=[f"127.0.0.1:{port}"], env={"SALLYPORT_PASSWORD": PASSWORD}, wait=None)
    gate.book.add(PASSWORD, "the password")
    gate.address, gate.port, gate.tls_name = ("127.0.0.1", port), port, "localhost"
    gate.tls = ssl.create_default_context()
    gate.tls.check_hostname, gate.tls.verify_mode = False, ssl.CERT_NONE
    gate.wait("tool")
    authority = gate.state / "tls" / "authority.crt"
    found = scan(folder / "first.json", authority, port)
    if not_made(found):  # once more; what could not be made twice is a failure
        again = scan(folder / "second.json", authority, port)
        found |= {name: again.get(name, found[name]) for name in not_made(found)}
    assert len(found) > 50, "it has looked"
    bad = {name: told for name, told in found.items() if told[0] not in HARMLESS}
    assert bad == FORGIVEN, bad
    assert found["TLS1_3"][0] == "OK" and found["cert_chain_of_trust"][0] == "OK"
    assert gate.get("/api/whoami", gate.bearer).status == 200, "and the gate stands"
