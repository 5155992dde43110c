# SPDX-License-Identifier: Apache-2.0
"""An attack run: spraying, stuffing, guessing, replaying, dawdling. The attacker is stopped as documented, a legitimate user is not."""
import concurrent.futures
import contextlib
import json
import secrets
import time

import pytest
from harness.admin import metrics, series
from harness.gate import backend, eventually
from harness.person import Person

PASSWORD = "right-" + secrets.token_hex(8)
SOMEBODY = "127.0.0.1"


class From:
    """The gate as it is seen from another address."""

    def __init__(self, gate, address):
        self.gate, self.address = gate, address
        self.host, self.origin, self.book, self.bearer = gate.host, gate.origin, gate.book, gate.bearer

    def request(self, *words, **options):
        return self.gate.request(*words, source=(self.address, 0), **options)

    def get(self, target, fields=(), **options):
        return self.request("GET", target, fields, **options)


@pytest.fixture
def gate(start, book):
    book.add(PASSWORD, "the password")
    return start("--no-local-trust", "--ready", "/ready", env={"SALLYPORT_PASSWORD": PASSWORD}, command=backend("faulty.py", "--port", "{port}"))


def legitimate_user_works(gate, address=SOMEBODY):
    there = From(gate, address)
    person = Person(there)
    assert person.login(PASSWORD).status in (302, 303)
    assert person.is_in()
    assert there.get("/echo", gate.bearer).status == 200


def guess():
    return {"Authorization": "Bearer spa_" + secrets.token_urlsafe(32)}


def ticket(gate):
    body = json.dumps({"path": "/ws", "origin": gate.origin}).encode()
    answer = gate.request("POST", "/.sallyport/api/auth/ws-ticket", {**gate.bearer, "Content-Type": "application/json"}, body)
    assert answer.status == 201, answer
    return gate.book.add(answer.json()["ticket"], "a ticket")


def upgrade(there, text):
    fields = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
              "Origin": there.origin}
    return there.get(f"/ws?ticket={text}", fields).status


def test_sg_11_password_spraying_from_many_addresses(gate):
    for i in range(60):
        assert Person(From(gate, f"127.1.0.{i + 1}")).login("guess-%d" % i).status == 401
    alert = gate.audited(event="lockout", denial="locked_out")
    assert "alert: 50 failures from all networks" in alert["detail"], "it is noticed"
    legitimate_user_works(gate)
    assert Person(From(gate, "127.1.0.1")).login(PASSWORD).status in (302, 303), "one failure locks nobody out"


def test_sg_11_credential_stuffing_on_one_account(gate):
    attacker = Person(From(gate, "127.2.0.1"))
    assert [attacker.login(f"guess-{i}").status for i in range(5)] == [401] * 5
    locked = attacker.login("guess-6")
    assert locked.status == 403 and 1 <= int(locked.get("Retry-After")) <= 2
    right = attacker.login(PASSWORD)
    assert right.status == 403 and right.get("Retry-After"), "the right one does not show either"
    line = gate.audited(event="lockout")
    assert "locked out for 2 s after 5 failures" in line["detail"] and "127.2.0.1" in json.dumps(line)
    legitimate_user_works(gate)


def test_sg_11_the_wait_grows_and_release_ends_it(gate):
    attacker = Person(From(gate, "127.2.0.2"))
    tries = [attacker.login(f"guess-{i}").status for i in range(5)]
    assert tries == [401] * 5
    def again():
        return attacker.login("guess-again").status == 401
    eventually(again, 20, "the first wait ends")
    assert int(attacker.login("guess").get("Retry-After")) in (3, 4), "and the second is longer"
    listed = gate.command_line("lockout", "list")
    assert listed.status == 0 and "127.2.0.2\tpassword" in listed.out, listed
    assert gate.command_line("lockout", "list", "--json").json()["lockouts"][0]["network"] == "127.2.0.2"
    assert gate.command_line("lockout", "release", "--network", "127.2.0.77").out == "let off: 0\n"
    assert attacker.login(PASSWORD).status == 403
    released = gate.command_line("lockout", "release", "--network", "127.2.0.2")
    assert released.status == 0 and released.out != "let off: 0\n", released
    assert attacker.login(PASSWORD).status in (302, 303)
    gate.audited(event="lockout", door="admin")


@pytest.mark.parametrize("words", [["release"], ["release", "--network", "somewhere"], ["release", "--all", "--user", "x"], ["list", "--x"], []])
def test_sg_11_lockout_is_told_what_is_wrong(gate, words):
    assert gate.command_line("lockout", *words).status == 2


def test_sg_11_lockout_without_a_gateway_says_so(cli, folder):
    done = cli("lockout", "list", "--state-dir", str(folder / "none"))
    assert done.status == 1 and done.err, done


def test_sg_11_token_guessing(gate):
    attacker = From(gate, "127.3.0.1")
    assert [attacker.get("/echo", guess()).status for _ in range(5)] == [401] * 5
    locked = attacker.get("/echo", guess())
    assert locked.status == 403 and locked.get("Retry-After") == "2" and locked.json() == {"error": "forbidden"}
    right = attacker.get("/echo", gate.bearer)
    assert (right.status, right.body) == (locked.status, locked.body), "good and bad look alike"
    legitimate_user_works(gate)
    eventually(lambda: attacker.get("/echo", gate.bearer).status == 200, 20, "the wait ends")
    gate.audited(event="lockout", step="lockout")


def test_sg_11_a_forgotten_program_with_an_old_token_is_let_back_in_soon(gate):
    old = guess()
    program = From(gate, "127.3.0.2")
    end = time.monotonic() + 4
    statuses = []
    while time.monotonic() < end:
        statuses.append(program.get("/echo", old).status)
    assert 403 in statuses and statuses[-1] == 401, "one short wait, not a growing one"
    assert program.get("/echo", gate.bearer).status == 200


def test_sg_11_ticket_replay(gate):
    attacker = From(gate, "127.4.0.1")
    for _ in range(5):
        spent = ticket(gate)
        upgrade(attacker, spent)
        assert upgrade(attacker, spent) in (401, 403)
    gate.audited(denial="already_used")
    assert upgrade(attacker, ticket(gate)) == 403
    gate.audited(denial="locked_out")
    legitimate_user_works(gate)


def test_sg_11_slow_heads(gate):
    with contextlib.ExitStack() as stack:
        for i in range(100):
            wire = stack.enter_context(gate.connect(source=(f"127.5.0.{i % 10 + 1}", 0)))
            wire.send(b"GET /echo HTTP/1.1\r\nHost: ")
        legitimate_user_works(gate)


def test_sg_11_a_stale_cookie_on_a_page_of_many_pictures_locks_nobody_out(gate):
    name = "sallyport-%d" % gate.port
    there = From(gate, "127.6.0.1")
    for _ in range(40):
        assert there.get("/echo", {"Cookie": f"{name}=spc_{'A' * 43}"}).status == 401
    legitimate_user_works(gate, "127.6.0.1")


def test_sg_11_all_at_once_and_the_log_tells_the_story(gate):
    for i in range(6):
        Person(From(gate, "127.7.0.1")).login(f"guess-{i}")
        From(gate, "127.7.0.2").get("/echo", guess())
    legitimate_user_works(gate)
    story = eventually(lambda: [line for line in gate.audit() if line["event"] == "lockout"], what="lock-outs are recorded")
    text = json.dumps(story)
    assert "lane password, network 127.7.0.1" in text and "lane token, network 127.7.0.2" in text
    assert all(line["outcome"] == "denied" for line in story)
    successes = [line for line in gate.audit() if line["event"] == "login" and line["outcome"] == "allowed"]
    assert successes, "and so is the legitimate user"


class AtOnce:
    """Runs calls in threads of their own; on leaving, waits for them all and raises what one of them raised."""

    def __init__(self, *calls):
        self.pool = concurrent.futures.ThreadPoolExecutor(len(calls))
        self.running = [self.pool.submit(call) for call in calls]

    def busy(self):
        return not all(one.done() for one in self.running)

    def finish(self):
        self.pool.shutdown()
        for one in self.running:
            one.result()


def test_sg_11_by_11_an_attack_run_while_somebody_works_and_events_and_metrics_tell_the_story(gate):
    def spray():
        for i in range(60):
            assert Person(From(gate, f"127.1.1.{i + 1}")).login("summer-%d" % i).status == 401

    def stuff():
        attacker = Person(From(gate, "127.2.1.1"))
        answers = [attacker.login(f"leaked-{i}").status for i in range(20)]
        assert answers[:5] == [401] * 5 and 403 in answers[5:] and set(answers) <= {401, 403}

    def guess_tokens():
        answers = [From(gate, "127.3.1.1").get("/echo", guess()).status for _ in range(20)]
        assert answers[:5] == [401] * 5 and 403 in answers[5:] and set(answers) <= {401, 403}

    def replay_tickets():
        attacker = From(gate, "127.4.1.1")
        for _ in range(3):
            spent = ticket(gate)
            upgrade(attacker, spent)
            assert upgrade(attacker, spent) in (401, 403)

    def dawdle():
        with contextlib.ExitStack() as stack:
            for i in range(60):
                wire = stack.enter_context(gate.connect(source=(f"127.5.1.{i % 10 + 1}", 0)))
                wire.send(b"GET /echo HTTP/1.1\r\nHost: ")
            for _ in range(3):
                legitimate_user_works(gate, "127.9.0.2")

    before = metrics(gate)
    run = AtOnce(spray, stuff, guess_tokens, replay_tickets, dawdle)
    rounds = 0
    while run.busy() or rounds == 0:
        legitimate_user_works(gate, "127.9.0.1")
        rounds += 1
    run.finish()
    after = metrics(gate)

    def more(name):
        return series(after, name) - series(before, name)
    assert more('sallyport_denials_total{reason="wrong_password"}') >= 65, "sprayed and stuffed"
    assert more('sallyport_denials_total{reason="unknown_credential"}') >= 5, "guessed"
    assert more('sallyport_denials_total{reason="already_used"}') == 3, "replayed"
    assert more('sallyport_denials_total{reason="locked_out"}') >= 2
    assert more('sallyport_events_total{event="lockout",outcome="denied"}') >= 3, "two who were locked out, and the alert of the spraying"
    assert more("sallyport_connections_accepted_total") >= 60
    assert more('sallyport_events_total{event="login",outcome="allowed"}') >= rounds
    story = json.dumps([line for line in gate.audit() if line["event"] == "lockout"])
    for part in ("lane password, network 127.2.1.1", "lane token, network 127.3.1.1", "alert: 50 failures from all networks"):
        assert part in story, part
    assert "127.9.0" not in story, "who works is no part of it"


def test_sg_11_a_right_password_after_wrong_ones_is_no_lockout(gate):
    person = Person(From(gate, "127.8.0.1"))
    assert [person.login(f"typo-{i}").status for i in range(4)] == [401] * 4
    assert person.login(PASSWORD).status in (302, 303)
    gate.audited(event="login", outcome="allowed")
    assert not [line for line in gate.audit() if line["event"] == "lockout"], "nobody was locked out"
