# SPDX-License-Identifier: Apache-2.0
"""SG-03, SG-04, SG-05, SG-13, SG-14, AT-08: `sallyport cert`, the real binary, judged by openssl and by itself."""
import json
import os
import re
import signal
import stat
import subprocess
import time

import pytest
from harness.gate import binary, clean_environment, eventually


@pytest.fixture
def cert(cli, folder, book):
    """cert(*words) -> Done, in the test's own folder; every private key that appears there is looked for in all output."""
    def run(*words, **keywords):
        done = cli("cert", *words, cwd=folder, **keywords)
        for key in folder.rglob("*.key"):
            if key.is_file() and b"PRIVATE KEY" in (text := key.read_bytes()):
                for line in text.splitlines()[1:-1]:
                    if len(line) >= 32:
                        book.add(line, f"private key {key.name}")
        return done
    return run


@pytest.fixture
def ca(cert):
    done = cert("ca", "--out", "ca", "--name", "Test authority")
    assert done.status == 0, done
    return "ca"


def issue(cert, out, *words, ca="ca"):
    done = cert("issue", "--ca", ca, "--out", out, *words)
    assert done.status == 0, done
    return f"{out}.crt"


def openssl(folder, *words):
    done = subprocess.run(["openssl", *words], cwd=folder, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def one_line_error(done, status):
    assert done.status == status, done
    assert done.out == ""
    assert len(done.err.strip().splitlines()) == 1 and done.err.startswith("sallyport: "), done.err
    return done.err


def test_SG_03_AT_08_ca_and_issue_write_private_files(cert, ca, folder):
    issue(cert, "server", "--san", "gate.example", "--san", "127.0.0.1", "--san", "::1")
    assert stat.S_IMODE((folder / "ca").stat().st_mode) == 0o700
    for name in ("ca/ca.key", "server.key"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600, name
    status, said = openssl(folder, "verify", "-x509_strict", "-CAfile", "ca/ca.crt", "-purpose", "sslserver", "-verify_hostname", "gate.example", "server.crt")
    assert status == 0, said
    status, said = openssl(folder, "verify", "-x509_strict", "-CAfile", "ca/ca.crt", "-purpose", "sslserver", "-verify_ip", "127.0.0.1", "server.crt")
    assert status == 0, said
    status, said = openssl(folder, "x509", "-in", "server.crt", "-noout", "-text")
    assert "DNS:gate.example, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1" in said


def test_SG_03_results_go_to_stdout(cert, folder):
    done = cert("ca", "--out", "ca")
    assert done.out == "ca/ca.crt\nca/ca.key\n" and "until" in done.err
    done = cert("issue", "--ca", "ca", "--out", "server", "--san", "localhost", "--json")
    said = json.loads(done.out)
    assert said["certificate"] == "server.crt" and said["key"] == "server.key" and done.err == ""
    assert said["fingerprint_sha256"] in cert("show", "server.crt").out


@pytest.mark.parametrize("key", ["p256", "p384", "p521", "rsa2048"])
def test_SG_03_kinds_of_key(cert, folder, key):
    assert cert("ca", "--out", "ca", "--key", key).status == 0
    issue(cert, "server", "--san", "localhost", "--key", key)
    status, said = openssl(folder, "verify", "-x509_strict", "-CAfile", "ca/ca.crt", "-purpose", "sslserver", "server.crt")
    assert status == 0, said
    assert cert("verify", "--ca", "ca/ca.crt", "--host", "localhost", "server.crt").status == 0


def test_SG_03_client_peer_and_spiffe(cert, ca, folder):
    issue(cert, "client", "--client", "--san", "spiffe://home.example/alice")
    issue(cert, "peer", "--peer", "--san", "a.example")
    assert openssl(folder, "verify", "-x509_strict", "-CAfile", "ca/ca.crt", "-purpose", "sslclient", "client.crt")[0] == 0
    assert cert("verify", "--ca", "ca/ca.crt", "client.crt").status == 0, "its own purpose"
    assert cert("verify", "--ca", "ca/ca.crt", "--purpose", "client", "--strict", "client.crt").status == 0
    assert cert("verify", "--ca", "ca/ca.crt", "--host", "spiffe://home.example/alice", "--purpose", "client", "client.crt").status == 0
    for purpose in ("server", "client", "peer"):
        assert cert("verify", "--ca", "ca/ca.crt", "--purpose", purpose, "peer.crt").status == 0, purpose


def test_SG_03_verify_says_why_not(cert, ca, folder):
    server = issue(cert, "server", "--san", "gate.example")
    assert cert("ca", "--out", "other").status == 0
    for words, reason in (
            (("--host", "other.example"), "wrong_name"), (("--host", "127.0.0.1"), "wrong_name"), (("--purpose", "client"), "wrong_purpose"),
            (("--at", "2090-01-01T00:00:00Z"), "expired"), (("--at", "2020-01-01T00:00:00Z"), "not_yet_valid"), (("--pin", "00" * 32), "wrong_pin")):
        done = cert("verify", "--ca", "ca/ca.crt", *words, server)
        assert reason in one_line_error(done, 3)
        done = cert("verify", "--json", "--ca", "ca/ca.crt", *words, server)
        assert done.status == 3 and json.loads(done.out)["fault"] == reason
    assert "unknown_authority" in one_line_error(cert("verify", "--ca", "other/ca.crt", server), 3)
    assert "wrong_purpose" in one_line_error(cert("verify", "--ca", "ca/ca.crt", "ca/ca.crt"), 3), "an authority is no leaf"


def test_SG_03_an_authority_of_the_same_name_is_not_believed(cert, ca, folder):
    assert cert("ca", "--out", "twin", "--name", "Test authority").status == 0
    server = issue(cert, "server", "--san", "gate.example", ca="twin")
    done = cert("verify", "--ca", "ca/ca.crt", server)
    assert re.search("unknown_authority|bad_signature", one_line_error(done, 3))


def test_SG_03_a_changed_certificate_is_refused(cert, ca, folder):
    import base64
    issue(cert, "server", "--san", "gate.example")
    body = base64.b64decode("".join((folder / "server.crt").read_text().splitlines()[1:-1]))
    changed = body.replace(b"gate.example", b"evil.example")
    assert changed != body
    (folder / "evil.crt").write_bytes(changed)
    done = cert("verify", "--ca", "ca/ca.crt", "--host", "evil.example", "evil.crt")
    assert "bad_signature" in one_line_error(done, 3)


@pytest.mark.parametrize("content", [b"", b"garbage", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b"\x30\x82\xff\xff", b"\0" * 5000, b"-----BEGIN CERTIFICATE-----\n" + b"A" * 9000])
def test_SG_03_garbage_is_refused_in_one_line(cert, ca, folder, content):
    (folder / "bad.crt").write_bytes(content)
    assert "malformed" in one_line_error(cert("verify", "--ca", "ca/ca.crt", "bad.crt"), 3)
    assert "bad.crt" in one_line_error(cert("show", "bad.crt"), 2)
    server = issue(cert, "server", "--san", "localhost")
    assert "bad.crt" in one_line_error(cert("verify", "--ca", "bad.crt", server), 2), "a trust anchor that cannot be read"


def test_SG_03_missing_and_unreadable_files(cert, ca, folder):
    server = issue(cert, "server", "--san", "localhost")
    assert "nothing.crt" in one_line_error(cert("show", "nothing.crt"), 1)
    assert "nothing.crt" in one_line_error(cert("verify", "--ca", "ca/ca.crt", "nothing.crt"), 1)
    assert "nothing.crt" in one_line_error(cert("verify", "--ca", "nothing.crt", server), 1)
    assert "folder" in one_line_error(cert("show", "ca"), 1)
    said = one_line_error(cert("issue", "--ca", "nowhere", "--out", "x", "--san", "localhost"), 1)
    assert "sallyport cert ca --out nowhere" in said, "the remedy"
    assert "no/such/x.key" in one_line_error(cert("issue", "--ca", "ca", "--out", "no/such/x", "--san", "localhost"), 1)


def test_SG_03_an_unreadable_file_of_another_user(cli, folder, stranger):
    secret = folder / "root.crt"
    secret.write_text("x")
    secret.chmod(0o600)
    folder.chmod(0o711)
    done = cli("cert", "show", str(secret), prefix=stranger)
    assert done.status == 1 and "Permission denied" in done.err and str(secret) in done.err


def test_AT_08_a_key_that_others_can_read_is_refused_with_the_remedy(cert, ca, folder):
    (folder / "ca/ca.key").chmod(0o644)
    assert "chmod 600" in one_line_error(cert("issue", "--ca", "ca", "--out", "x", "--san", "localhost"), 3)
    assert not (folder / "x.key").exists()


def test_AT_08_a_folder_that_others_can_write_to_is_refused(cert, folder):
    (folder / "open").mkdir()
    (folder / "open").chmod(0o777)
    assert "chmod 700" in one_line_error(cert("ca", "--out", "open"), 3)
    (folder / "open").chmod(0o755)
    assert cert("ca", "--out", "open").status == 0, "one that they can only read is no harm"


def test_SG_03_wrong_key(cert, ca, folder):
    assert cert("ca", "--out", "other").status == 0
    os.replace(folder / "other/ca.key", folder / "ca/ca.key")
    assert "not that of the certificate" in one_line_error(cert("issue", "--ca", "ca", "--out", "x", "--san", "localhost"), 2)
    (folder / "ca/ca.key").write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    assert "damaged" in one_line_error(cert("issue", "--ca", "ca", "--out", "x", "--san", "localhost"), 2)


def test_SG_03_an_encrypted_key_is_told_from_a_damaged_one(cert, ca, folder):
    openssl(folder, "pkey", "-in", "ca/ca.key", "-aes256", "-passout", "pass:secret-word", "-out", "locked.key")
    os.replace(folder / "locked.key", folder / "ca/ca.key")
    (folder / "ca/ca.key").chmod(0o600)
    assert "openssl pkey" in one_line_error(cert("issue", "--ca", "ca", "--out", "x", "--san", "localhost"), 2)


def test_SG_03_nothing_is_overwritten_without_force(cert, ca, folder):
    issue(cert, "server", "--san", "localhost")
    before = {name: (folder / name).read_bytes() for name in ("ca/ca.crt", "ca/ca.key", "server.crt", "server.key")}
    assert "--force" in one_line_error(cert("ca", "--out", "ca"), 1)
    assert "--force" in one_line_error(cert("issue", "--ca", "ca", "--out", "server", "--san", "localhost"), 1)
    (folder / "server.crt").unlink()
    assert "server.key" in one_line_error(cert("issue", "--ca", "ca", "--out", "server", "--san", "localhost"), 1)
    assert not (folder / "server.crt").exists()
    (folder / "server.crt").write_bytes(before["server.crt"])
    for name, content in before.items():
        assert (folder / name).read_bytes() == content, name
    assert cert("issue", "--ca", "ca", "--out", "server", "--san", "localhost", "--force").status == 0
    assert (folder / "server.key").read_bytes() != before["server.key"]
    assert cert("verify", "--ca", "ca/ca.crt", "server.crt").status == 0


@pytest.mark.parametrize("words", [
    ("ca",), ("ca", "--out", "x", "--key", "dsa"), ("ca", "--out", "x", "--days", "0"), ("ca", "--out", "x", "--days", "-3"), ("ca", "--out", "x", "--days", "99999999999"),
    ("ca", "--out", "x", "--permit", "a b"), ("issue", "--ca", "ca", "--out", "x"), ("issue", "--ca", "ca", "--out", "x", "--san", "a_b.example"),
    ("issue", "--ca", "ca", "--out", "x", "--san", "*.example"), ("issue", "--ca", "ca", "--out", "x", "--san", "spiffe://a/../b"), ("issue", "--ca", "ca", "--san", "localhost"),
    ("issue", "--out", "x", "--san", "localhost"), ("issue", "--ca", "ca", "--out", "x", "--server", "--client", "--san", "localhost"), ("show",), ("verify", "x"), ("revoke", "--ca", "ca"),
    ("revoke", "--ca", "ca", "--serial", "xyz"), ("revoke", "--ca", "ca", "--serial", "aa", "--reason", "boredom"), ("watch",), ("watch", "--warn", "30", "x"), ("verify", "--ca", "ca/ca.crt", "--at", "today", "ca/ca.crt"),
    ("verify", "--ca", "ca/ca.crt", "--purpose", "fun", "ca/ca.crt"), ("verify", "--ca", "ca/ca.crt", "--host", "a b", "ca/ca.crt"), ("nonsense",), ()], ids=lambda words: " ".join(words) or "nothing")
def test_SG_03_wrong_usage(cert, ca, words, folder):
    done = cert(*words)
    assert done.status == 2 and done.out == "" and done.err.startswith("sallyport: "), done
    assert not (folder / "x.key").exists() and not (folder / "x").exists()


@pytest.mark.parametrize("words", [("ca",), ("ca", "export"), ("issue",), ("show",), ("verify",), ("renew",), ("revoke",), ("watch",), ()], ids=lambda words: " ".join(words) or "cert")
def test_SG_03_help_has_an_example(cert, words):
    done = cert(*words, "--help")
    assert done.status == 0 and "Example: sallyport cert" in done.out and done.err == ""


def test_SG_03_show(cert, ca, folder):
    issue(cert, "server", "--san", "gate.example", "--san", "10.1.2.3", "--days", "10")
    said = cert("show", "server.crt")
    assert said.status == 0 and "gate.example, 10.1.2.3" in said.out and "serverAuth" in said.out and "9 days left" in said.out
    facts = json.loads(cert("show", "--json", "server.crt").out)
    assert facts["names"] == ["gate.example", "10.1.2.3"] and facts["valid_now"] is True and facts["issuer"] == "CN=Test authority" and facts["key"] == "P-256"
    digest = openssl(folder, "x509", "-in", "server.crt", "-noout", "-fingerprint", "-sha256")[1].split("=")[1].strip().replace(":", "").lower()
    assert facts["fingerprint_sha256"] == digest
    assert "private key" not in cert("show", "server.key").err and cert("show", "server.key").status == 2
    with open(folder / "server.crt") as text:
        assert cert("show", "-", input=text.read()).out == said.out


def test_SG_13_the_pin_is_the_public_keys_digest(cert, ca, folder):
    issue(cert, "server", "--san", "gate.example")
    pin = json.loads(cert("show", "--json", "server.crt").out)["pin_sha256"]
    key = subprocess.run("openssl x509 -in server.crt -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum", shell=True, cwd=folder, capture_output=True, text=True, timeout=60)
    assert key.stdout.split()[0] == pin
    assert cert("verify", "--ca", "ca/ca.crt", "--pin", pin, "server.crt").status == 0
    assert cert("renew", "--ca", "ca", "server").status == 0
    assert cert("verify", "--ca", "ca/ca.crt", "--pin", pin, "server.crt").status == 0, "renewal keeps the key"
    assert cert("renew", "--ca", "ca", "--new-key", "server").status == 0
    assert "wrong_pin" in one_line_error(cert("verify", "--ca", "ca/ca.crt", "--pin", pin, "server.crt"), 3)
    assert cert("verify", "--ca", "ca/ca.crt", "--host", "gate.example", "server.crt").status == 0


def test_SG_05_renew(cert, ca, folder):
    issue(cert, "server", "--san", "gate.example", "--san", "::1", "--days", "10")
    old = json.loads(cert("show", "--json", "server.crt").out)
    done = cert("renew", "--ca", "ca", "--if-due", "server")
    assert done.status == 0 and "not due" in done.err
    assert json.loads(cert("show", "--json", "server.crt").out) == old
    assert cert("renew", "--ca", "ca", "--days", "20", "server").status == 0
    new = json.loads(cert("show", "--json", "server.crt").out)
    assert new["names"] == old["names"] and new["serial"] != old["serial"] and new["not_after"] > old["not_after"] and new["extended_key_usage"] == ["serverAuth"]
    assert cert("ca", "--out", "other").status == 0
    assert "not from the authority" in one_line_error(cert("renew", "--ca", "other", "server"), 3)
    assert json.loads(cert("show", "--json", "server.crt").out) == new
    assert cert("renew", "--ca", "ca", "nothing").status == 1


def test_SG_14_revoke(cert, ca, folder):
    alice, bob = issue(cert, "alice", "--client", "--san", "alice.example"), issue(cert, "bob", "--client", "--san", "bob.example")
    done = cert("revoke", "--ca", "ca", "--reason", "keyCompromise", alice)
    assert done.status == 0 and done.out == "ca/ca.crl\n"
    assert "revoked" in one_line_error(cert("verify", "--ca", "ca/ca.crt", alice), 3), "the list beside the authority counts"
    assert cert("verify", "--ca", "ca/ca.crt", bob).status == 0
    status, said = openssl(folder, "verify", "-crl_check", "-CAfile", "ca/ca.crt", "-CRLfile", "ca/ca.crl", alice)
    assert status != 0 and "revoked" in said
    status, said = openssl(folder, "verify", "-crl_check", "-CAfile", "ca/ca.crt", "-CRLfile", "ca/ca.crl", bob)
    assert status == 0, said
    assert "already" in cert("revoke", "--ca", "ca", alice).err
    serial = json.loads(cert("show", "--json", bob).out)["serial"]
    assert json.loads(cert("revoke", "--ca", "ca", "--serial", serial, "--json").out)["already_revoked"] is False
    assert cert("verify", "--ca", "ca/ca.crt", bob).status == 3 and cert("verify", "--ca", "ca/ca.crt", alice).status == 3
    assert "CRL Number: \n                2" in openssl(folder, "crl", "-in", "ca/ca.crl", "-noout", "-text")[1]
    assert cert("ca", "--out", "other").status == 0
    stranger = issue(cert, "stranger", "--san", "s.example", ca="other")
    assert "not from the authority" in one_line_error(cert("revoke", "--ca", "ca", stranger), 3)
    (folder / "ca/ca.crl").write_text("garbage")
    assert "ca.crl" in one_line_error(cert("revoke", "--ca", "ca", alice), 2)
    assert "ca.crl" in one_line_error(cert("verify", "--ca", "ca/ca.crt", alice), 2), "a list that cannot be read turns nobody away silently, and lets nobody in"


def test_SG_04_watch_once(cert, ca, folder):
    issue(cert, "long", "--san", "a.example", "--days", "90")
    issue(cert, "short", "--san", "b.example", "--days", "10")
    assert cert("watch", "--once", "long.crt", "ca/ca.crt").status == 0
    done = cert("watch", "--once", "long.crt", "short.crt")
    assert done.status == 3 and "short.crt: due" in done.out and "long.crt: good" in done.out
    assert cert("watch", "--once", "--warn", "5d", "long.crt", "short.crt").status == 0
    done = cert("watch", "--once", "--json", "short.crt")
    assert done.status == 3 and json.loads(done.out)["state"] == "due" and json.loads(done.out)["days_left"] == 9
    assert "nothing.crt" in one_line_error(cert("watch", "--once", "nothing.crt"), 1)
    assert cert("watch", "--once", "nothing.crt", "short.crt").status == 3


def test_SG_04_watch_gives_metrics(cert, ca, folder):
    issue(cert, "short", "--san", "b.example", "--days", "10")
    done = cert("watch", "--once", "--prometheus", "short.crt")
    assert done.status == 3
    value = re.search(r'^sallyport_certificate_not_after_seconds\{path="short.crt",name="b.example"\} (\d+)$', done.out, re.M)
    assert 9 * 86400 < int(value.group(1)) - time.time() < 11 * 86400
    assert 'sallyport_certificate_due{path="short.crt"} 1' in done.out


def test_SG_04_watch_goes_on_until_interrupted(cert, ca, folder):
    issue(cert, "server", "--san", "a.example")
    log = open(folder / "log", "w")
    process = subprocess.Popen([binary(), "cert", "watch", "--interval", "1s", "server.crt"], cwd=folder, stdout=log, stderr=subprocess.STDOUT, env=clean_environment(folder))
    try:
        eventually(lambda: "good" in (folder / "log").read_text(), 30)
        issue(cert, "server", "--san", "a.example", "--days", "3", "--force")
        eventually(lambda: "due" in (folder / "log").read_text(), 30)
    finally:
        process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130


def test_SG_03_export_of_the_local_authority(cert, folder):
    done = cert("ca", "export", "--state-dir", "state")
    assert done.status == 0 and done.out.startswith("-----BEGIN CERTIFICATE-----") and "PRIVATE" not in done.out
    for word in ("Firefox", "Chrome", "Debian", "macOS", "Windows", "SHA-256"):
        assert word in done.err, word
    assert cert("ca", "export", "--state-dir", "state").out == done.out, "made once"
    assert stat.S_IMODE((folder / "state/tls/authority.pem").stat().st_mode) == 0o600
    assert cert("ca", "export", "--state-dir", "state", "--out", "root.crt").status == 0
    assert (folder / "root.crt").read_text() == done.out
    assert "root.crt" in one_line_error(cert("ca", "export", "--state-dir", "state", "--out", "root.crt"), 1)


def test_SG_03_a_bound_authority(cert, folder):
    assert cert("ca", "--out", "ca", "--permit", "home.example", "--permit", "127.0.0.0/8").status == 0
    issue(cert, "good", "--san", "a.home.example", "--san", "127.0.0.1")
    assert openssl(folder, "verify", "-x509_strict", "-CAfile", "ca/ca.crt", "good.crt")[0] == 0
    for name in ("evil.example", "192.0.2.1", "::1"):
        assert "bound to other names" in one_line_error(cert("issue", "--ca", "ca", "--out", "bad", "--san", name), 3)


def test_SG_03_self_signed(cert, folder):
    assert cert("issue", "--self-signed", "--out", "own", "--san", "localhost").status == 0
    assert cert("verify", "--ca", "own.crt", "--host", "localhost", "own.crt").status == 0
    assert json.loads(cert("show", "--json", "own.crt").out)["authority"] is False


def test_SG_03_hostile_certificates_are_bounded(cert, ca, folder):
    """10,000 names, a serial number of 2,001 bytes: made by openssl, refused quickly. (A NUL in a name: unit tests.)"""
    names = "\n".join(f"DNS.{i} = n{i}.example" for i in range(10000))
    (folder / "many.cnf").write_text(f"[req]\ndistinguished_name = dn\nx509_extensions = ext\n[dn]\n[ext]\nsubjectAltName = @names\n[names]\n{names}\n")
    status, said = openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "many.pem", "-subj", "/CN=n0.example", "-config", "many.cnf", "-out", "many.crt")
    assert status == 0, said
    (folder / "big.cnf").write_text("[req]\ndistinguished_name = dn\n[dn]\n")
    status, said = openssl(folder, "req", "-x509", "-key", "many.pem", "-subj", "/CN=big", "-config", "big.cnf", "-set_serial", "0x7f" + "ab" * 2000, "-out", "serial.crt")
    assert status == 0, said
    done = cert("show", "many.crt")
    assert done.status == 1 and "refused" in done.err and len(done.err) < 300
    assert cert("verify", "--ca", "many.crt", "many.crt").status != 0
    done = cert("show", "serial.crt")
    assert done.status == 0 and len(done.out) < 2000
    assert cert("verify", "--ca", "serial.crt", "serial.crt").status == 3
