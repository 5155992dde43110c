# SPDX-License-Identifier: Apache-2.0
"""BY-02, SA-02, SA-07: what is revoked, rotated, expired or signed out is refused at once, and its live streams are cut."""
import json
import re
import secrets
import time

import pytest
from harness.gate import eventually, run_cli
from harness.person import Person, hidden_fields
from harness.wire import Closed, Wire, request_text

PASSWORD = "correct-horse-" + secrets.token_hex(8)


@pytest.fixture
def gate(start, book):
    book.add(PASSWORD, "the password")
    # What was revoked is presented again and again here; that those who guess have to wait is shown in test_attacks.py.
    return start("--no-local-trust", "--name", "tool", env={"SALLYPORT_PASSWORD": PASSWORD, "SALLYPORT_LOCKOUT": "1000/5m"})


class Live:
    """A WebSocket and an event stream that one credential opened."""

    def __init__(self, gate, fields):
        self.ws = gate.websocket("/ws", fields)
        assert self.ws.is_open, self.ws.answer
        self.events = gate.connect()
        self.events.send(request_text("GET", "/events", gate.host, [(k, v) for k, v in dict(fields).items() if k != "Origin"]))
        assert self.events.head()[0] == 200
        self.ws.echo("alive")

    def is_alive(self):
        self.ws.echo("still here")
        chunk = next(self.events.chunks())
        return b"data:" in chunk

    def assert_cut(self, seconds=3):
        started = time.monotonic()
        code = self.ws.cut(seconds)
        assert code is not None, "the WebSocket lives on"
        assert code in (0, 1008), code
        assert self.events.ended(seconds), "the event stream lives on"
        assert time.monotonic() - started < seconds


def shown(gate, *words, kind):
    """Runs a command that prints a credential of this kind, this once. Returns it."""
    done = run_cli(gate.book, gate.home, *words, "--state-dir", str(gate.state), shows=True)
    assert done.status == 0, done
    found = re.findall(rf"{kind}[A-Za-z0-9_-]{{43}}", done.out)
    assert len(set(found)) == 1, f"{words}: {len(found)} credentials were printed"
    assert not re.search(r"sp[a-z]_[A-Za-z0-9_-]{43}", done.err)
    return gate.book.add(found[0], f"printed by {' '.join(words[:2])}")


def test_BY_02_logout_cuts_live_websocket_and_events(gate):
    person, other = Person(gate), Person(gate)
    person.login(PASSWORD)
    other.login(PASSWORD)
    mine, theirs = (Live(gate, {"Cookie": p.cookie, "Origin": gate.origin}) for p in (person, other))
    assert person.logout().status in (302, 303)
    mine.assert_cut()
    assert theirs.is_alive(), "another login's streams are none of our business"
    gate.audited(event="connection_cut")


def test_BY_02_ending_the_other_sign_ins_cuts_theirs_alone(gate):
    here, there = Person(gate), Person(gate)
    here.login(PASSWORD)
    there.login(PASSWORD)
    mine, theirs = (Live(gate, {"Cookie": p.cookie, "Origin": gate.origin}) for p in (here, there))
    page = here.get("/.sallyport/sessions")
    here.post("/.sallyport/sessions", {"csrf": hidden_fields(page.text)["csrf"], "end": "others"})
    theirs.assert_cut()
    assert mine.is_alive()


def test_BY_02_revoking_an_access_token_cuts(gate, cli):
    if "\n  token " not in cli("--help").out:
        pytest.skip("this build has no command `token` yet: access tokens come from STATE/token alone")
    token = shown(gate, "token", "create", "--name", "robot", kind="spa_")
    fields = {"Authorization": f"Bearer {token}"}
    live, mine = Live(gate, fields), Live(gate, gate.bearer)
    listed = gate.command_line("token", "list", "--json")
    assert listed.status == 0 and token not in listed.out and "robot" in listed.out
    one = next(entry for entry in (listed.json() if isinstance(listed.json(), list) else next(v for v in listed.json().values() if isinstance(v, list))) if "robot" in json.dumps(entry))
    done = gate.command_line("token", "revoke", str(one["id"]))
    assert done.status == 0, done
    live.assert_cut()
    assert gate.get("/api/whoami", fields).status == 401
    assert mine.is_alive()
    gate.audited(event="credential_revoked")
    gate.audited(event="connection_cut")
    assert gate.command_line("token", "revoke", "no-such-token").status == 1


def test_BY_02_a_rotated_token_file_cuts_what_the_old_one_opened(gate):
    live, old = Live(gate, gate.bearer), gate.bearer
    part = gate.state / "token.part"
    new = "spa_" + secrets.token_urlsafe(32)
    part.touch(0o600)
    part.write_text(new)
    part.rename(gate.state / "token")
    gate.token = gate.book.add(new, "the new token")
    eventually(lambda: gate.get("/api/whoami", gate.bearer).status == 200, what="the new token works")
    assert gate.get("/api/whoami", old).status == 401
    live.assert_cut(5)


def test_SA_02_SA_07_session_token_opens_and_rotation_cuts(gate):
    first = shown(gate, "session", "rotate", "tool", kind="sps_")
    fields = {"X-Session-Token": first}
    assert gate.get("/api/whoami", fields).json()["session"] == "tool"
    assert gate.get("/api/whoami", {"Authorization": f"Bearer {first}"}).status == 200
    live, other = Live(gate, fields), Live(gate, gate.bearer)
    second = shown(gate, "session", "rotate", "tool", kind="sps_")
    assert second != first
    assert gate.get("/api/whoami", fields).status == 401, "at once"
    live.assert_cut()
    assert gate.get("/api/whoami", {"X-Session-Token": second}).status == 200
    assert other.is_alive()
    gate.audited(event="credential_minted", detail="session token rotated")
    gate.audited(event="connection_cut", how="session_token", detail="revoked")


def test_SA_07_grace_keeps_the_old_token_for_a_while(gate):
    first = shown(gate, "session", "rotate", "tool", kind="sps_")
    second = shown(gate, "session", "rotate", "tool", "--grace", "3s", kind="sps_")
    ask = lambda t: gate.get("/api/whoami", {"X-Session-Token": t}).status  # noqa: E731
    assert (ask(first), ask(second)) == (200, 200)
    eventually(lambda: ask(first) == 401, 8, "the grace ends")
    assert ask(second) == 200


def test_SA_07_rotating_the_backend_credential_does_not_lock_the_proxy_out(gate):
    """Fault of the source document: the child's environment is fixed at its start, so its rotation locked the proxy out."""
    assert gate.get("/api/whoami", gate.bearer).json()["credential"] == "expected"
    live = Live(gate, gate.bearer)
    shown(gate, "session", "rotate", "tool", "--backend", kind="sps_")
    def well():
        answer = gate.get("/api/whoami", gate.bearer)
        return answer.status == 200 and "(present, as expected)" in answer.text
    eventually(well, 20, "the tool takes the new backend credential")
    for _ in range(20):
        assert well()
    assert live.ws is not None


def test_SA_01_session_metadata_never_holds_the_token(gate):
    token = shown(gate, "session", "rotate", "tool", kind="sps_")
    for words in (("session", "list"), ("session", "list", "--json"), ("session", "show", "tool"), ("session", "show", "tool", "--json")):
        done = gate.command_line(*words)
        assert done.status == 0, done
        assert token not in done.out and token[4:16] not in done.out
        assert "tool" in done.out
    assert gate.command_line("session", "show", "nothing-of-that-name").status == 1


def test_SA_01_length_and_lifetime_settings(start):
    gate = start("--no-local-trust", "--name", "tool", "--session-token-lifetime", "2s")
    token = shown(gate, "session", "rotate", "tool", kind="sps_")
    live = Live(gate, {"X-Session-Token": token})
    eventually(lambda: gate.get("/api/whoami", {"X-Session-Token": token}).status == 401, 6, "the token expires")
    live.assert_cut(4)
    gate.audited(denial={"expired", "unknown_credential"})


def test_BY_02_an_expired_login_is_cut(start, book):
    book.add(PASSWORD, "the password")
    gate = start("--no-local-trust", "--login-lifetime", "3s", env={"SALLYPORT_PASSWORD": PASSWORD})
    person = Person(gate)
    person.login(PASSWORD)
    live = Live(gate, {"Cookie": person.cookie, "Origin": gate.origin})
    live.assert_cut(8)
    assert not person.is_in()


def test_BY_02_a_download_under_way_is_cut(gate):
    token = shown(gate, "session", "rotate", "tool", kind="sps_")
    with Wire(gate.address) as wire:
        wire.send(request_text("GET", "/api/download?bytes=100000000000", gate.host, {"Authorization": f"Bearer {token}"}))
        assert wire.head()[0] == 200
        wire.exactly(1_000_000)
        shown(gate, "session", "rotate", "tool", kind="sps_")
        wire.socket.settimeout(5)
        with pytest.raises(Closed):
            for _ in range(100_000):
                wire.exactly(1_000_000)


def is_out(person):
    try:
        return not person.is_in()
    except Closed:
        return False  # cut in the middle of an answer: ask again


def test_BY_02_a_changed_password_ends_the_logins_it_opened(start, folder):
    path = folder / "pw"
    path.touch(0o600)
    path.write_text(PASSWORD)
    gate = start("--no-local-trust", "--password", f"file:{path}")
    person = Person(gate)
    person.login(PASSWORD)
    live = Live(gate, {"Cookie": person.cookie, "Origin": gate.origin})
    part = folder / "pw.part"
    part.touch(0o600)
    part.write_text(gate.book.add("another-" + secrets.token_hex(8), "the next password"))
    part.rename(path)
    eventually(lambda: is_out(person), 10, "R9: a changed password ends all")
    live.assert_cut()


def test_ticket_opened_socket_is_cut_with_the_login_that_minted_it(gate):
    person = Person(gate)
    person.login(PASSWORD)
    csrf = hidden_fields(person.get("/.sallyport/sessions").text)["csrf"]
    answer = gate.request("POST", "/.sallyport/api/auth/ws-ticket", {"Cookie": person.cookie, "Origin": gate.origin, "X-CSRF-Token": csrf, "Content-Type": "application/json"}, b'{"path":"/ws"}')
    assert answer.status == 201, answer
    ticket = gate.book.add(re.search(r"spt_[\w-]{43}", answer.text).group(), "a ticket")
    ws = gate.websocket(f"/ws?ticket={ticket}", {"Origin": gate.origin})
    ws.echo("alive")
    person.logout()
    assert ws.cut(3) is not None


def test_commands_without_a_running_gateway_say_so(cli, folder):
    for words in (("session", "list"), ("session", "show", "x"), ("session", "link", "x"), ("session", "rotate", "x")):
        done = cli(*words, "--state-dir", str(folder / "none"))
        assert done.status == 1 and len(done.err.strip().splitlines()) <= 3, done


def test_admin_socket_is_private(gate, stranger):
    import stat
    import subprocess
    sockets = [p for p in gate.state.rglob("admin.sock")]
    assert sockets and all(stat.S_IMODE(p.stat().st_mode) == 0o600 for p in sockets)
    done = subprocess.run([*stranger, "curl", "-s", "-m", "5", "--unix-socket", str(sockets[0]), "http://localhost/sessions"], capture_output=True, text=True)
    assert done.returncode != 0, "another user could speak to the admin socket"


def test_a_backend_of_ours_is_not_an_admin(gate):
    for target in ("/sessions", "/tokens", "/settings", "/audit", "/metrics", "/health"):
        assert gate.get(target).status == 401, "the admin API is not on the guarded origin"
        assert gate.get(target, gate.bearer).status == 404, "with a credential the path is the tool's own"
