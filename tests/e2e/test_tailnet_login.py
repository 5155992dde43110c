# SPDX-License-Identifier: Apache-2.0
"""BY-10: signing in by the word of Tailscale's daemon. The tailnet is a network namespace of this test's own with two of its addresses."""
import ctypes
import functools
import os
import secrets
import ssl
import subprocess

import pytest
from harness.gate import free_port
from harness.person import Person, hidden_fields
from harness.tailscaled import NAME, Tailscaled

US, THEM = "100.64.0.7", "100.64.0.8"
US6, THEM6 = "fd7a:115c:a1e0::7", "fd7a:115c:a1e0::8"
PASSWORD = "correct-horse-" + secrets.token_hex(8)
CLONE_NEWNET = 0x40000000


def whois(login, tags=(), node="laptop"):
    return {"Node": {"Name": f"{node}.tail1234.ts.net.", "Tags": list(tags)}, "UserProfile": {"LoginName": login, "DisplayName": "Somebody"}}


@pytest.fixture(scope="module", autouse=True)
def tailnet():
    """Puts this thread, and what it starts, into a network of its own."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net") as before:
        if libc.unshare(CLONE_NEWNET) != 0:
            pytest.skip(f"no network namespace can be made here: {os.strerror(ctypes.get_errno())}")
        try:
            for words in (["link", "set", "lo", "up"], *(["address", "add", ip, "dev", "lo"] for ip in (f"{US}/32", f"{THEM}/32")),
                          *(["address", "add", f"{ip}/128", "dev", "lo", "nodad"] for ip in (US6, THEM6))):
                subprocess.run(["ip", *words], check=True, capture_output=True)
            yield
        finally:
            assert libc.setns(before.fileno(), CLONE_NEWNET) == 0


@pytest.fixture
def tailscaled(folder):
    made = Tailscaled(folder / "tailscaled.sock", folder)
    made.people[THEM] = made.people[THEM6] = whois("alice@example.com")
    yield made
    made.close()


@pytest.fixture
def gate_for(start, tailscaled, book):
    book.add(PASSWORD, "the password")

    def begin(*options, at=US, source=THEM, listen=None):
        port = free_port()
        at_host = f"[{at}]" if ":" in at else at
        gate = start("--tailscale-socket", tailscaled.path, "--tls", "self-signed", *options, wait=None, listen=[listen.format(port) if listen else f"{at_host}:{port}"],
                     env={"SALLYPORT_PASSWORD": PASSWORD})
        gate.tls = ssl.create_default_context()
        gate.tls.check_hostname, gate.tls.verify_mode = False, ssl.CERT_NONE
        gate.tls_name, gate.address, gate.port = "localhost", (at, port), port
        gate.connect = functools.partial(gate.connect, source=(source, 0))
        gate.wait_host = f"{at_host}:{port}"
        ready(gate)
        return gate
    return begin


def ready(gate):
    from harness.gate import eventually
    from harness.wire import Closed

    def up():
        assert gate.process.poll() is None, gate.text
        try:
            return gate.request("GET", "/", gate.bearer, host=gate.wait_host).status != 503
        except (OSError, Closed):
            return False
    eventually(up, 90, lambda: gate.text)


def person_at(gate, host=None):
    host = host or gate.wait_host
    return Person(gate, host=host, origin=f"https://{host}")


def sign_in(person, next_target="/api/whoami", **changes):
    form = person.open_login(next_target)
    return person.post("/.sallyport/login", {**form, "by": "tailscale", **changes})


def test_by_10_a_listed_person_signs_in_with_one_press(gate_for, tailscaled):
    gate = gate_for("--tailscale-user", "alice@example.com=alice")
    person = person_at(gate)
    assert not person.is_in(), "being on the tailnet opens nothing by itself"
    page = person.get("/.sallyport/login").text
    assert "Sign in with Tailscale" in page and 'name="password"' in page
    answer = sign_in(person)
    assert answer.status == 303 and answer.get("Location") == "/api/whoami", answer
    assert person.is_in()
    told = person.get("/.sallyport/auth/status").json()
    assert told["user"] == "alice" and told["by"] == "login", told
    assert "alice" in person.get("/api/whoami").text
    line = gate.audited(event="login", outcome="allowed", how="tailnet_peer")
    assert line["who"] == "alice" and "alice@example.com at laptop.tail1234.ts.net" in line["detail"], line
    assert any(call.startswith(f"/localapi/v0/whois?addr={THEM}:") for call in tailscaled.calls)
    # It is a login like any other: it can be ended.
    assert person.post("/.sallyport/logout", hidden_fields(person.get("/.sallyport/sessions").text)).status == 303
    assert not person.is_in()


def test_by_10_it_works_by_the_tailnet_name_and_by_ipv6(gate_for):
    gate = gate_for("--auth", "tailscale", "--tailscale-user", "alice@example.com", "--auth", "token", at=US6, source=THEM6)
    assert sign_in(person_at(gate)).status == 303
    named = person_at(gate, f"{NAME}:{gate.port}")
    assert sign_in(named).status == 303 and named.is_in()
    assert named.get("/.sallyport/auth/status").json()["user"] == "alice@example.com"
    page = person_at(gate).get("/.sallyport/login").text
    assert 'name="password"' not in page and "password" not in page, "no password would open anything here"


REFUSED = {
    "unlisted": (lambda t: t.people.update({THEM: whois("mallory@example.com")}), 403, "not_permitted", "mallory@example.com"),
    "other_case": (lambda t: t.people.update({THEM: whois("Alice@example.com")}), 403, "not_permitted", "Alice@example.com"),
    "tagged": (lambda t: t.people.update({THEM: whois("alice@example.com", ["tag:ci"])}), 403, "not_permitted", "alice@example.com"),
    "unknown": (lambda t: t.people.clear(), 403, "unknown_credential", ""),
    "odd": (lambda t: t.people.update({THEM: {"UserProfile": {"LoginName": ["alice@example.com"]}}}), 503, "store_unavailable", ""),
    "not_connected": (lambda t: setattr(t, "state", "NeedsLogin"), 503, "store_unavailable", ""),
    "gone": (lambda t: t.close(), 503, "store_unavailable", ""),
    "ourselves": (lambda t: t.addresses.append(THEM), 403, "network_not_allowed", ""),
    "not_ours": (lambda t: t.addresses.clear(), 403, "network_not_allowed", ""),
}


@pytest.mark.parametrize("case", REFUSED)
def test_by_10_nobody_else_comes_in(gate_for, tailscaled, case):
    gate = gate_for("--tailscale-user", "alice@example.com=alice", "--tailscale-user", "bob@example.com=bob")
    spoil, status, reason, name = REFUSED[case]
    spoil(tailscaled)
    person = person_at(gate)
    answer = sign_in(person)
    assert answer.status == status and "<form" in answer.text, answer
    assert not person.is_in() and not any(cookie.startswith("__Host-sallyport") and value.startswith("spc_") for cookie, value in person.jar.items())
    line = gate.audited(event="login", outcome="denied", how="tailnet_peer")
    assert line["denial"] == reason and line.get("who", "") == name, line
    assert person.login(PASSWORD).status == 303, "the other ways still work"


def test_by_10_another_page_cannot_press_the_button(gate_for):
    gate = gate_for("--tailscale-user", "alice@example.com")
    person = person_at(gate)
    assert sign_in(person, csrf="").status == 403
    assert sign_in(person, csrf="x" * 60).status == 403
    form = person.open_login()
    assert person.post("/.sallyport/login", {**form, "by": "tailscale"}, Origin="https://evil.example", **{"Sec-Fetch-Site": "cross-site"}).status == 403
    assert not person.is_in()


@pytest.mark.parametrize("at, source", [(US, US), ("127.0.0.1", "127.0.0.1")], ids=["own_address", "loopback"])
def test_by_10_this_machine_is_not_the_tailnet(gate_for, tailscaled, at, source):
    """Every user of this machine comes from its own address; to the daemon that is its owner."""
    tailscaled.people.update({US: whois("alice@example.com"), "127.0.0.1": whois("alice@example.com")})
    gate = gate_for("--no-local-trust", "--tailscale-user", "alice@example.com", at=at, source=source, listen="0.0.0.0:{}")
    person = person_at(gate)
    assert "Tailscale" not in person.get("/.sallyport/login").text
    assert sign_in(person).status == 403 and not person.is_in()
    assert not any("whois" in call for call in tailscaled.calls), "nobody is asked"


def test_by_10_without_the_option_it_is_not_there(gate_for, tailscaled):
    gate = gate_for()
    person = person_at(gate)
    assert "Tailscale" not in person.get("/.sallyport/login").text
    assert sign_in(person).status == 403 and not person.is_in()
    assert not any("whois" in call for call in tailscaled.calls)


@pytest.mark.parametrize("options, said", [
    (["--auth", "tailscale"], "--tailscale-user LOGIN"),
    (["--auth", "password", "--tailscale-user", "a@b"], "add --auth tailscale"),
    (["--tailscale-user", "a b"], "LOGIN or LOGIN=USER"),
    (["--tailscale-user", "=alice"], "LOGIN or LOGIN=USER"),
    (["--tailscale-user", "a@b", "--trusted-proxy", "10.0.0.0/8"], "behind a proxy"),
    (["--tailscale-user", "a@b", "--proxy-protocol", "10.0.0.0/8"], "behind a proxy"),
])
def test_by_10_bad_settings_say_what_to_do(cli, folder, options, said):
    done = cli("run", "--state-dir", str(folder / "state"), "--listen", "127.0.0.1:0", *options, "--", "true")
    assert done.status == 2 and said in done.err, done
