# SPDX-License-Identifier: Apache-2.0
"""AT-04: where a listener's certificate comes from, and what `sallyport tls status` says of it."""
import json
import secrets
import ssl
import stat
import subprocess

import pytest
from harness.gate import eventually, free_port
from harness.tailscaled import NAME, Tailscaled

PASSWORD = "correct-horse-" + secrets.token_hex(8)


def insecure():
    made = ssl.create_default_context()
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    return made


def start_tls(start, *options, **keywords):
    keywords["env"] = {"SALLYPORT_PASSWORD": PASSWORD, **(keywords.get("env") or {})}
    gate = start("--no-local-trust", *options, wait=None, **keywords)
    gate.book.add(PASSWORD, "the password")
    gate.tls, gate.tls_name = insecure(), "localhost"
    return gate


def wide(start, *options, **keywords):
    port = free_port()
    gate = start_tls(start, *options, listen=[f"0.0.0.0:{port}"], **keywords)
    gate.address, gate.port = ("127.0.0.1", port), port
    return gate


@pytest.fixture
def tailscaled(folder):
    made = Tailscaled(folder / "tailscaled.sock", folder)
    yield made
    made.close()


@pytest.fixture
def status(cli):
    def ask(state, *words, env=None):
        done = cli("tls", "status", "--json", "--state-dir", str(state), *words, env=env)
        return done.status, json.loads(done.out) if done.out else done.err
    return ask


def served(gate):
    pem = ssl.get_server_certificate(gate.address)
    return subprocess.run(["openssl", "x509", "-noout", "-text"], input=pem, capture_output=True, text=True, check=True).stdout


def test_at_04_auto_prefers_tailscale_and_says_so(start, tailscaled, status, cli):
    gate = wide(start, "--tailscale-socket", tailscaled.path)
    gate.wait("tool")
    assert f"DNS:{NAME}" in served(gate)
    code, told = status(gate.state)
    assert code == 0 and told["running"] is True and told["source"] == "tailscale" and NAME in told["why"], told
    assert told["certificate"]["names"] == [NAME] and 88 <= told["certificate"]["days_left"] <= 90 and told["passed_over"] == []
    text = cli("tls", "status", "--state-dir", str(gate.state))
    assert text.status == 0 and "source       tailscale" in text.out and NAME in text.out
    # The name that the certificate is for is one of ours.
    assert gate.request("GET", "/api/whoami", {**gate.bearer, "Host": f"{NAME}:{gate.port}"}).status == 200
    assert gate.request("GET", "/api/whoami", {**gate.bearer, "Host": f"evil.ts.net:{gate.port}"}).status == 421
    assert "/localapi/v0/status?peers=false" in tailscaled.calls and f"/localapi/v0/cert/{NAME}?type=pair" in tailscaled.calls


def test_at_04_the_cascade_ends_at_the_local_authority_and_says_why(start, folder, status):
    gate = wide(start, "--tailscale-socket", str(folder / "none.sock"))
    gate.wait("tool")
    code, told = status(gate.state)
    assert code == 0 and told["source"] == "local authority", told
    passed = {one["source"]: one["why"] for one in told["passed_over"]}
    assert "no socket at" in passed["tailscale"] and "no rootCA.pem" in passed["mkcert"], passed
    assert told["root_file"] == str(gate.state / "tls" / "authority.crt")
    assert gate.get("/api/whoami", gate.bearer).status == 200


@pytest.mark.parametrize("what, word", [("logged out", "tailscale up"), ("https off", "admin console"), ("denied", "TS_PERMIT_CERT_UID"), ("limited", "Retry-After"),
                                        ("elsewhere", "--public-url"), ("garbage", "no usable pair"), ("over", "is over")])
def test_at_04_why_tailscale_was_passed_over(start, tailscaled, status, what, word):
    options = []
    if what == "logged out":
        tailscaled.state = "NeedsLogin"
    elif what == "https off":
        tailscaled.domains = None
    elif what == "denied":
        tailscaled.fault = (403, "cert access denied")
    elif what == "limited":
        tailscaled.fault = (429, "wait")
    elif what == "elsewhere":
        options = ["--public-url", "https://gate.example"]
    elif what == "garbage":
        tailscaled.chain = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    else:
        tailscaled.chain = expired(tailscaled)
    gate = wide(start, "--tailscale-socket", tailscaled.path, *options)
    gate.wait("tool")
    _, told = status(gate.state)
    assert told["source"] == "local authority", told
    why = {one["source"]: one["why"] for one in told["passed_over"]}["tailscale"]
    assert word in why or (what == "limited" and "wait" in why), why


def expired(tailscaled):
    """A certificate for the daemon's key that was over in 2021."""
    key = tailscaled.folder / "ts.key"
    conf = tailscaled.folder / "ca.cnf"
    conf.write_text(f"[ca]\ndefault_ca=d\n[d]\ndir={tailscaled.folder}\ndatabase={tailscaled.folder}/index\nnew_certs_dir={tailscaled.folder}\nrand_serial=yes\ndefault_md=sha256\n"
                    "policy=p\nunique_subject=no\n[p]\ncommonName=supplied\n[x]\nsubjectAltName=DNS:" + NAME + "\n")
    (tailscaled.folder / "index").write_text("")
    csr, crt = tailscaled.folder / "ts.csr", tailscaled.folder / "old.crt"
    subprocess.run(["openssl", "req", "-new", "-key", str(key), "-subj", f"/CN={NAME}", "-out", str(csr)], check=True, capture_output=True)
    subprocess.run(["openssl", "ca", "-batch", "-selfsign", "-config", str(conf), "-keyfile", str(key), "-in", str(csr), "-out", str(crt), "-extensions", "x",
                    "-startdate", "20210101000000Z", "-enddate", "20210201000000Z", "-notext"], check=True, capture_output=True)
    return crt.read_text()


def test_at_04_tailscale_by_name_is_that_or_nothing(start, folder, tailscaled):
    gate = start_tls(start, "--tls", "tailscale", "--tailscale-socket", str(folder / "none.sock"))
    assert gate.wait_exit() == 1 and "no socket at" in gate.text
    tailscaled.fault = (403, "cert access denied")
    gate = start_tls(start, "--tls", "tailscale", "--tailscale-socket", tailscaled.path)
    assert gate.wait_exit() == 3 and "TS_PERMIT_CERT_UID" in gate.text
    tailscaled.fault = None
    gate = start_tls(start, "--tls", "tailscale", "--tailscale-socket", tailscaled.path)
    gate.wait("tool")
    assert f"DNS:{NAME}" in served(gate)


def test_at_04_a_tailscale_renewal_is_served_live(start, tailscaled, status):
    gate = wide(start, "--tailscale-socket", tailscaled.path)
    gate.wait("tool")
    first = ssl.get_server_certificate(gate.address)
    tailscaled.close()
    again = Tailscaled(tailscaled.path, tailscaled.folder)  # a daemon that starts anew is a reason to ask
    try:
        eventually(lambda: ssl.get_server_certificate(gate.address) != first, 20, "another certificate")
        code, told = status(gate.state)
        assert code == 0 and told["source"] == "tailscale" and told["changes"] >= 1
    finally:
        again.close()


def test_at_04_mkcert_without_a_root_makes_none(start, folder, status):
    caroot = folder / "caroot"
    caroot.mkdir()
    gate = start_tls(start, "--tls", "mkcert", env={"CAROOT": str(caroot)})
    assert gate.wait_exit() == 1 and "mkcert -install" in gate.text
    assert list(caroot.iterdir()) == []


def test_at_04_status_without_a_gateway_looks_and_makes_nothing(folder, status, tailscaled):
    state = folder / "fresh"
    code, told = status(state)
    assert code == 0 and told["source"] == "off" and told["running"] is False, told
    code, told = status(state, "--listen", "0.0.0.0:8443", "--tailscale-socket", tailscaled.path)
    assert code == 0 and told["source"] == "tailscale", told
    assert not any("/cert/" in call for call in tailscaled.calls), "looking fetches nothing"
    code, told = status(state, "--tls", "self-signed")
    assert code == 0 and told["source"] == "local authority" and "certificate" not in told and not (state / "tls").exists()
    code, told = status(state, "--tls", "mkcert", env={"CAROOT": str(folder / "nothing")})
    assert code == 1 and told["source"] == "none" and "no rootCA.pem" in told["passed_over"][0]["why"]


def test_at_04_status_ends_with_3_where_the_certificate_is_over_or_due(folder, status):
    for days, code in (("1", 0), ("90", 0)):
        crt, key = folder / f"{days}.crt", folder / f"{days}.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(key), "-out", str(crt), "-days", days,
                        "-subj", "/CN=mine", "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
        key.chmod(0o600)
        got, told = status(folder / "state", "--tls-cert", str(crt), "--tls-key", str(key))
        assert got == code and told["source"] == "given files" and told["state"] == "good", told
    old = folder / "old"
    old.mkdir()
    sock = Tailscaled(old / "s", old)
    (old / "given.crt").write_text(expired(sock))
    sock.close()
    (old / "ts.key").chmod(0o600)
    got, told = status(folder / "state", "--tls-cert", str(old / "given.crt"), "--tls-key", str(old / "ts.key"))
    assert got == 3 and told["state"] == "over" and told["certificate"]["days_left"] < 0


def test_at_04_tls_status_of_bad_settings(cli, folder):
    done = cli("tls", "status", "--tls-cert", "/x", "--state-dir", str(folder / "s"))
    assert done.status == 2 and "tls-key" in done.err
    assert cli("tls").status == 2
    assert cli("tls", "status", "--tls", "letsencrypt").status == 2


def test_at_04_given_files_may_be_links(start, folder):
    """As certbot and Kubernetes lay them out."""
    real, live = folder / "archive", folder / "live"
    real.mkdir(), live.mkdir()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(real / "k1.pem"), "-out", str(real / "c1.pem"), "-days", "9",
                    "-subj", "/CN=mine", "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
    (real / "k1.pem").chmod(0o600)
    (live / "c.pem").symlink_to(real / "c1.pem"), (live / "k.pem").symlink_to(real / "k1.pem")
    gate = start_tls(start, "--tls-cert", str(live / "c.pem"), "--tls-key", str(live / "k.pem"))
    gate.wait("tool")
    assert "CN = mine" in served(gate)


def test_at_08_what_tailscale_gave_is_not_kept_and_what_is_kept_is_private(start, tailscaled):
    gate = wide(start, "--tailscale-socket", tailscaled.path)
    gate.wait("tool")
    kept = [p for p in gate.state.rglob("*") if p.is_file() and b"PRIVATE KEY" in p.read_bytes()]
    assert all(stat.S_IMODE(p.stat().st_mode) == 0o600 for p in kept)
    assert not any(tailscaled.key.splitlines()[1].encode() in p.read_bytes() for p in gate.state.rglob("*") if p.is_file())
