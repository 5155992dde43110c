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


def test_at_04_testssl_finds_nothing_above_low(start, folder):
    testssl = need("testssl", "testssl.sh")
    port = free_port()
    gate = start("--no-local-trust", "--tls", "self-signed", listen=[f"127.0.0.1:{port}"], env={"SALLYPORT_PASSWORD": PASSWORD}, wait=None)
    gate.book.add(PASSWORD, "the password")
    gate.address, gate.port, gate.tls_name = ("127.0.0.1", port), port, "localhost"
    gate.tls = ssl.create_default_context()
    gate.tls.check_hostname, gate.tls.verify_mode = False, ssl.CERT_NONE
    gate.wait("tool")
    report = folder / "testssl.json"
    # Protocols, suites, forward secrecy, the server's preference and certificate, known weaknesses.
    subprocess.run([testssl, "--quiet", "--color", "0", "--warnings", "off", "--jsonfile", str(report), "--add-ca", str(gate.state / "tls" / "authority.crt"), "-p", "-s", "-f", "-P", "-S", "-U", f"https://localhost:{port}"],
                   stdin=subprocess.DEVNULL, capture_output=True, timeout=600)
    found = json.loads(report.read_text())
    assert len(found) > 50, "it has looked"
    bad = {one["id"]: (one["severity"], one["finding"]) for one in found if one["severity"] not in HARMLESS}
    assert bad == FORGIVEN
    severities = {one["id"]: one["severity"] for one in found}
    assert severities["TLS1_3"] == "OK" and severities["cert_chain_of_trust"] == "OK"
    assert gate.get("/api/whoami", gate.bearer).status == 200, "and the gate stands"
