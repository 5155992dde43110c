# SPDX-License-Identifier: Apache-2.0
"""Question: does what a gateway has acknowledged outlive it, tools included, however it ends; and does it refuse to start from a
store that it cannot vouch for?"""
import os
import random
import secrets
import shutil
import signal
import sqlite3
import threading
import time
from contextlib import closing

import pytest

from harness.gate import alive, backend, descendants, eventually
from harness.serving import TOOL

STATUS = "/.sallyport/auth/status"
ROUNDS = int(os.environ.get("SALLYPORT_FAULT_ROUNDS", "40"))


def opens(gateway, session, token):
    """Whether a token opens a session; its tool is not asked."""
    return gateway.visit(session, STATUS, token=token).status == 200


def tool_of(gateway, session):
    return gateway.api("GET", f"/sessions/{session}").json()["pid"]


def test_sa_11_tools_tokens_and_credentials_survive_a_killed_gateway(serve, book):
    gateway = serve()
    session, first = gateway.create()
    gateway.wait_state(session, "ready")
    token = book.add(gateway.api("POST", f"/sessions/{session}/auth/rotate").json()["token"], "a session token")
    made = gateway.api("POST", "/tokens", {"owner": "alice", "roles": ["admin"], "label": "kept"}).json()
    book.add(made["token"], "an access token")
    revoked = gateway.api("POST", "/tokens", {"owner": "alice", "roles": ["admin"]}).json()
    book.add(revoked["token"], "an access token")
    assert gateway.api("DELETE", f"/tokens/{revoked['id']}").status == 204
    before = gateway.visit(session, token=token)
    assert before.status == 200
    pid = tool_of(gateway, session)
    for _ in range(3):
        gateway.crash()
        gateway.begin()
        gateway.wait_state(session, "ready")
        assert tool_of(gateway, session) == pid, "it is the same process"
        after = gateway.visit(session, token=token)
        assert after.status == 200, after
        assert gateway.visit(session, token=made["token"]).status == 200
        assert gateway.visit(session, token=first).status == 401, "what was rotated stays so"
        assert gateway.visit(session, token=revoked["token"]).status == 401
    listed = [row["id"] for row in gateway.api("GET", "/tokens").json()["tokens"]]
    assert made["id"] in listed and revoked["id"] not in listed
    assert gateway.api("GET", "/health").json()["store"]["kind"] == "sqlite"
    assert gateway.api("DELETE", f"/sessions/{session}").status == 204
    eventually(lambda: not alive_pid(pid), 20, "the adopted tool is ended and reaped")


def alive_pid(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_sa_11_output_of_a_surviving_tool_is_read_on(serve):
    gateway = serve()
    session, token = gateway.create("sh", "-c", "echo before >&2; exec python3 -u -m http.server --bind 127.0.0.1 {port}")
    gateway.wait_state(session, "ready")
    gateway.crash()
    gateway.begin()
    gateway.wait_state(session, "ready")
    assert gateway.visit(session, "/after-the-crash", token=token).status == 404
    eventually(lambda: "/after-the-crash" in gateway.api("GET", f"/sessions/{session}/logs").body.decode(), 20, "its log goes on")


def test_sa_11_told_to_keep_its_tools_a_gateway_leaves_them_and_told_to_end_it_ends_them(serve):
    gateway = serve("--on-stop", "keep")
    session, token = gateway.create()
    gateway.wait_state(session, "ready")
    pid = tool_of(gateway, session)
    assert gateway.stop(signal.SIGTERM) == 0
    gateway.finish_output()
    assert alive_pid(pid)
    gateway.begin()
    gateway.wait_state(session, "ready")
    assert tool_of(gateway, session) == pid and gateway.visit(session, token=token).status == 200
    assert gateway.stop(signal.SIGINT) == 0
    gateway.finish_output()
    assert not alive_pid(pid), "an interrupt ends everything"
    gateway.begin()
    gateway.wait_state(session, "ready")
    assert tool_of(gateway, session) != pid, "the session is still there, with a new tool"
    assert gateway.visit(session, token=token).status == 200


def test_sa_11_a_tool_whose_gateway_does_not_come_back_ends_in_its_time(serve):
    gateway = serve("--survive", "1s")
    session, _ = gateway.create()
    gateway.wait_state(session, "ready")
    pid = tool_of(gateway, session)
    gateway.crash()
    eventually(lambda: not alive_pid(pid), 30, "the tool is ended by its shepherd")


def test_sa_11_with_the_memory_store_everything_ends_with_the_gateway(serve):
    gateway = serve("--store", "memory")
    session, token = gateway.create()
    gateway.wait_state(session, "ready")
    pid = tool_of(gateway, session)
    gateway.crash()
    eventually(lambda: not alive_pid(pid), 30, "the tool ends")
    gateway.begin()
    assert gateway.state_of(session) is None
    assert gateway.api("GET", "/health").json()["store"]["kind"] == "memory"
    assert not (gateway.state / "store.db").exists()


def test_sa_11_what_was_made_with_a_revoked_token_does_not_come_back(serve, book):
    gateway = serve(admin=True)
    admin = gateway.api("POST", "/tokens", {"owner": "alice", "roles": ["admin"]}).json()
    book.add(admin["token"], "an access token")
    heir = gateway.admin("POST", "/tokens", {"label": "heir"}, token=admin["token"]).json()
    book.add(heir["token"], "an access token")
    made = gateway.admin("POST", "/sessions", {"command": TOOL, "limits": {"on_demand": True}}, token=admin["token"]).json()
    book.add(made["token"], "a session token")
    gateway.crash()
    gateway.begin()
    assert gateway.admin("GET", "/auth/status", token=heir["token"]).status == 200
    assert opens(gateway, made["id"], made["token"])
    assert gateway.api("DELETE", f"/tokens/{admin['id']}").status == 204
    for _ in range(2):
        assert gateway.admin("GET", "/auth/status", token=heir["token"]).status == 401
        assert not opens(gateway, made["id"], made["token"])
        gateway.crash()
        gateway.begin()


def test_sa_09_a_used_ticket_does_not_come_back(serve, book):
    gateway = serve()
    session, _ = gateway.create(*backend("faulty.py", "--port", "{port}"))
    gateway.wait_state(session, "ready")
    origin = {"Origin": f"http://{gateway.at(session)}"}

    def ask(ticket):
        with gateway.websocket(f"/ws?ticket={ticket}", origin, host=gateway.at(session)) as ws:
            return ws.answer.status

    tickets = [book.add(gateway.api("POST", "/api/auth/ws-ticket", {"session": session, "path": "/ws"}).json()["ticket"], "a ticket")
               for _ in range(2)]
    assert ask(tickets[0]) == 101
    gateway.crash()
    gateway.begin()
    gateway.wait_state(session, "ready")
    assert [ask(ticket) for ticket in tickets] == [401, 401], "nor does an unused one"


class Client(threading.Thread):
    """Somebody who works with the gateway until it dies under him, and remembers what he was told and nothing else."""

    def __init__(self, gateway, number, seed):
        super().__init__(daemon=True)
        self.gateway, self.random, self.stem = gateway, random.Random(seed), f"c{number}"
        self.sessions, self.tokens = {}, {}   # id -> token, as acknowledged
        self.dead = []                        # (session, token): acknowledged to be no longer good
        self.gone, self.revoked = set(), set()

    def run(self):
        steps = [self.create, self.create, self.rotate, self.end, self.make_token, self.make_token, self.revoke]
        try:
            while True:
                self.random.choice(steps)()
        except (OSError, EOFError, ValueError, AssertionError, self.gateway.broken):
            return

    def call(self, method, path, body=None, expected=200):
        reply = self.gateway.api(method, path, body)
        assert reply.status == expected, reply
        return reply

    def create(self):
        name = f"{self.stem}-{secrets.token_hex(6)}"
        wish = {"command": TOOL, "name": name, "limits": {"on_demand": True}}
        self.sessions[name] = self.gateway.book.add(self.call("POST", "/sessions", wish, 201).json()["token"], "a session token")

    def rotate(self):
        if self.sessions:
            name = self.random.choice(sorted(self.sessions))
            before = self.sessions.pop(name)  # until the answer is there, either may be good
            new = self.gateway.book.add(self.call("POST", f"/sessions/{name}/auth/rotate").json()["token"], "a session token")
            self.sessions[name] = new
            self.dead.append((name, before))

    def end(self):
        if len(self.sessions) > 3:
            name = self.random.choice(sorted(self.sessions))
            token = self.sessions.pop(name)
            self.call("DELETE", f"/sessions/{name}", expected=204)
            self.gone.add(name)
            self.dead.append((name, token))

    def make_token(self):
        made = self.call("POST", "/tokens", {"owner": "alice"}, 201).json()
        self.tokens[made["id"]] = self.gateway.book.add(made["token"], "an access token")

    def revoke(self):
        if len(self.tokens) > 3:
            name = self.random.choice(sorted(self.tokens))
            self.tokens.pop(name)
            self.call("DELETE", f"/tokens/{name}", expected=204)
            self.revoked.add(name)

    def check(self, listed_sessions, listed_tokens):
        """What it was told holds, whatever happened since. Each round looks at all names, and at some of the tokens."""
        assert set(self.sessions) <= listed_sessions, "a session that was acknowledged is lost"
        assert not self.gone & listed_sessions, "a session that was ended is back"
        assert set(self.tokens) <= listed_tokens, "a token that was acknowledged is lost"
        assert not self.revoked & listed_tokens, "a token that was revoked is back"
        for name in self.random.sample(sorted(self.sessions), min(4, len(self.sessions))):
            assert opens(self.gateway, name, self.sessions[name]), "a token that was acknowledged does not open its session"
        for name, token in self.dead[-3:] + self.random.sample(self.dead, min(3, len(self.dead))):
            assert not opens(self.gateway, name, token), "a token that was rotated or ended opens its session again"


def listing(gateway, what):
    names, after = set(), ""
    while after is not None:
        page = gateway.api("GET", f"/{what}?limit=100&after={after}" if what == "sessions" else f"/{what}").json()
        names |= {row["id"] for row in page[what]}
        after = page.get("next")
    return names


def test_sa_09_killed_at_any_moment_a_gateway_loses_nothing_that_it_acknowledged(serve, book):
    seed = int(os.environ.get("SALLYPORT_FAULT_SEED") or secrets.randbits(32))
    print("seed", seed)
    chance = random.Random(seed)
    import http.client
    gateway = serve()
    gateway.broken = http.client.HTTPException
    session, token = gateway.create()
    gateway.wait_state(session, "ready")
    pid = tool_of(gateway, session)
    clients = []
    memory = [Client(gateway, number, chance.random()) for number in range(3)]
    for round_number in range(ROUNDS):
        clients = [Client(gateway, number, chance.random()) for number in range(3)]
        for new, old in zip(clients, memory):
            for part in ("sessions", "tokens", "dead", "gone", "revoked"):
                setattr(new, part, getattr(old, part))
        for client in clients:
            client.start()
        time.sleep(chance.uniform(0.01, 0.4))
        gateway.crash()
        for client in clients:
            client.join(60)
        memory = clients
        if chance.random() < 0.3:  # also while it starts, and has not said so yet
            gateway.begin(wait=False)
            time.sleep(chance.uniform(0.0, 0.2))
            gateway.crash()
        gateway.begin()
        sessions, tokens = listing(gateway, "sessions"), listing(gateway, "tokens")
        assert session in sessions
        for client in clients:
            client.check(sessions, tokens)
        assert alive_pid(pid)
    gateway.wait_state(session, "ready")
    assert tool_of(gateway, session) == pid and gateway.visit(session, token=token).status == 200
    assert sum(len(client.tokens) + len(client.dead) for client in memory) > ROUNDS // 4, "something was done between the kills"


def refused(gateway, status, remedy):
    """The gateway does not start, says how to mend it, and changes nothing; `config check` says the same."""
    gateway.begin(wait=False)
    assert gateway.wait_exit() == status, gateway.text
    assert remedy in gateway.text, gateway.text
    checked = gateway.cli("config", "check", "--state-dir", str(gateway.state))
    assert checked.status != 0 and remedy in checked.err, checked
    gateway.finish_output()


def stopped_with_a_session(serve):
    gateway = serve()
    gateway.create(limits={"on_demand": True})
    assert gateway.stop() == 0
    gateway.finish_output()
    return gateway, gateway.state / "store.db"


def test_sa_09_a_bad_store_stops_the_start_with_a_remedy(serve):
    gateway, store = stopped_with_a_session(serve)
    key = gateway.state / "seal.key"
    good = store.read_bytes()
    whole = key.read_bytes()

    def put(data):
        store.write_bytes(data)
        for log in ("store.db-wal", "store.db-shm"):
            (gateway.state / log).unlink(missing_ok=True)

    put(b"")
    refused(gateway, 2, "truncated")
    put(good[:len(good) // 4096 // 2 * 4096])
    refused(gateway, 1, "put a backup in its place")
    put(b"this is no database" * 500)
    refused(gateway, 2, "truncated")
    put(b"this is no database" + bytes(8192 - 19))
    refused(gateway, 1, "put a backup in its place")
    put(good)
    with closing(sqlite3.connect(store, isolation_level=None)) as other:
        other.execute("PRAGMA user_version=99")
    refused(gateway, 2, "upgrade sallyport")
    put(good)
    with closing(sqlite3.connect(store, isolation_level=None)) as other:
        other.execute("UPDATE sessions SET id = 'another'")
    refused(gateway, 1, "does not open")
    put(good)
    key.write_bytes(b"A" * 43 + b"\n")
    refused(gateway, 3, "another key")
    key.unlink()
    refused(gateway, 3, "put it back from a backup")
    key.write_bytes(whole)
    key.chmod(0o644)
    refused(gateway, 3, "chmod 600")
    key.chmod(0o600)
    store.chmod(0o640)
    refused(gateway, 3, "chmod 600")
    store.chmod(0o600)
    gateway.begin()
    assert len(listing(gateway, "sessions")) == 1


def test_sa_09_a_locked_store_and_a_second_gateway_are_refused(serve):
    gateway, store = stopped_with_a_session(serve)
    other = sqlite3.connect(store, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    gateway.begin(wait=False)
    assert gateway.wait_exit() == 1 and "locked by another program" in gateway.text, gateway.text
    gateway.finish_output()
    other.close()
    gateway.begin()
    second = gateway.cli("serve", "--listen", "127.0.0.1:0", "--state-dir", str(gateway.state))
    assert second.status == 1 and "another gateway serves from" in second.err and "--state-dir" in second.err, second
    checked = gateway.cli("config", "check", "--state-dir", str(gateway.state))
    assert checked.status == 0 and "the store is good: 1 sessions" in checked.out, checked


def test_sa_09_the_store_holds_no_secret_and_is_private(serve, book):
    gateway = serve()
    session, token = gateway.create(env={"API_KEY": book.add("hunter2-hunter2-hunter2", "a variable")})
    gateway.wait_state(session, "ready")
    made = book.add(gateway.api("POST", "/tokens", {"owner": "alice"}).json()["token"], "an access token")
    for path in gateway.state.glob("store.db*"):
        assert path.stat().st_mode & 0o777 == 0o600, path
        book.add_text(path.name, path.read_bytes())
        for secret in (token, made, "hunter2"):
            assert secret.encode() not in path.read_bytes(), path
    assert (gateway.state / "seal.key").stat().st_mode & 0o777 == 0o600


def test_sa_09_an_unknown_store_is_wrong_usage(serve):
    gateway = serve()
    for name in ("redis://localhost", "postgres"):
        done = gateway.cli("serve", "--store", name, "--listen", "127.0.0.1:0", "--state-dir", str(gateway.state))
        assert done.status == 2 and "memory" in done.err and "sqlite" in done.err, done


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to mount a small file system")
def test_sa_09_a_full_disk_is_told_and_nothing_is_lost(serve, book):
    import subprocess
    gateway = serve()
    assert gateway.stop() == 0
    gateway.finish_output()
    small = gateway.folder / "small"
    small.mkdir(mode=0o700)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", str(small)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("mounting is not allowed here")
    try:
        for path in gateway.state.iterdir():
            if path.is_file():
                shutil.copy2(path, small / path.name)
        at = gateway.argv.index("--state-dir")
        gateway.argv[at + 1], gateway.state = str(small), small
        gateway.begin("--audit", str(gateway.folder / "audit.jsonl"))
        kept = {}
        for _ in range(5000):
            reply = gateway.api("POST", "/tokens", {"owner": "alice", "label": "x" * 190, "roles": ["r" * 60] * 8})
            if reply.status != 201:
                break
            kept[reply.json()["id"]] = book.add(reply.json()["token"], "an access token")
            if len(kept) == 20:  # the rest of the room goes at once
                with open(small / "filler", "wb", buffering=0) as filler:
                    try:
                        while filler.write(b"x" * 4096):
                            pass
                    except OSError:
                        pass
        assert reply.status in (429, 503, 507) and "disk space" in reply.body.decode(), reply
        gateway.crash()
        (small / "filler").unlink()
        gateway.begin("--audit", str(gateway.folder / "audit.jsonl"))
        assert set(kept) <= listing(gateway, "tokens")
        assert gateway.stop() == 0
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)
