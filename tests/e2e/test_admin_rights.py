# SPDX-License-Identifier: Apache-2.0
"""SG-09, SA-06, SA-07, BY-02: does what the admin API gives end with the right to it, and does a policy hold there too?"""
import http.client
import json
import secrets
import sys
import time

from harness.person import Person

POLICY = """
roles:
  reader: {members: ["user:alice"], permissions: [sessions.read]}
  ops: {members: ["user:oscar"], permissions: ["*"]}
rules:
  - name: by-role
    allow: ["role:reader", "role:ops"]
    permission: [sessions.read]
  - name: operators
    allow: "role:ops"
    everything: true
"""
TICKER = [sys.executable, "-u", "-c", "import http.server, sys, threading, time\n"
          "threading.Thread(target=lambda: [(print('tick', n), time.sleep(0.05)) for n in range(10**9)], daemon=True).start()\n"
          "http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()", "{port}"]
LEAVER = [sys.executable, "-c", "import http.server, os, sys\n"
          "class H(http.server.BaseHTTPRequestHandler):\n"
          " def do_GET(self):\n"
          "  self.path == '/bye' and os._exit(0)\n"
          "  self.send_response(200); self.end_headers()\n"
          "http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), H).serve_forever()", "{port}"]


def access_token(gateway, owner, **wish):
    made = gateway.api("POST", "/tokens", {"owner": owner, **wish})
    assert made.status == 201, made
    return gateway.book.add(made.json()["token"], "an access token"), made.json()["id"]


# -- SG-09: a policy at the admin listener ----------------------------------------------------------------------


def test_sg_09_a_policy_holds_for_the_admin_listener_too(serve, folder):
    path = folder / "policy.yaml"
    path.write_text(POLICY)
    gateway = serve("--policy", str(path), admin=True)
    session, _ = gateway.create(owner="alice")
    gateway.create(owner="bob")
    alice, bob, oscar = (access_token(gateway, who, **wish)[0] for who, wish in (("alice", {}), ("bob", {}), ("oscar", {"roles": ["admin"]})))
    root, _ = access_token(gateway, "root", roles=["admin"])
    assert gateway.admin("GET", "/sessions", token=alice).status == 200
    assert gateway.admin("GET", f"/sessions/{session}", token=alice).status == 200
    hers = [("POST", f"/sessions/{session}/auth/rotate", {}), ("POST", f"/sessions/{session}/link", {}), ("GET", f"/sessions/{session}/logs", None),
            ("GET", "/tokens", None), ("POST", "/tokens", {"label": "x"}), ("DELETE", f"/sessions/{session}", None), ("GET", "/health", None),
            ("POST", "/api/auth/ws-ticket", {"session": session, "path": "/ws"})]
    for method, target, body in hers:
        refused = gateway.admin(method, target, body, token=alice)
        assert refused.status == 403 and "config check" in refused.json()["detail"], (method, target, refused)
    assert gateway.admin("GET", "/sessions", token=bob).status == 403, "no rule knows him"
    for method, target in (("GET", "/settings"), ("GET", "/audit"), ("GET", "/sessions"), ("GET", "/metrics")):
        assert gateway.admin(method, target, token=root).status == 403, "an admin is no exception where there is a policy"
        assert gateway.admin(method, target, token=oscar).status == 200, target
        assert gateway.api(method, target).status == 200, "who owns the gateway is not asked"
    assert gateway.admin("GET", "/auth/status", token=bob).status == 200, "who is known may ask who he is"
    assert gateway.state_of(session) == "ready" or gateway.wait_state(session, "ready")


def test_sg_11_and_sg_12_lock_out_and_rate_limits_hold_for_the_admin_listener_too(serve):
    gateway = serve("--rate-limit", "user=1/h:8", admin=True, env={"SALLYPORT_LOCKOUT": "5/5m"})
    good, _ = access_token(gateway, "alice")
    guesses = [gateway.admin("GET", "/sessions", token="spa_" + secrets.token_urlsafe(32)).status for _ in range(6)]
    assert guesses == [401] * 5 + [403], guesses
    gateway.audited(denial="locked_out")
    assert gateway.admin("GET", "/sessions", token=good).status == 200, "127.0.0.1 may stand for many people"
    answers = [gateway.admin("GET", "/sessions", token=good) for _ in range(8)]
    assert answers[-1].status == 429 and int(answers[-1].fields["Retry-After"]) > 0, answers


# -- SA-06: followed logs ---------------------------------------------------------------------------------------


class Followed:
    """`session logs --follow` as somebody with an access token."""

    def __init__(self, gateway, session, token):
        self.connection = http.client.HTTPConnection("127.0.0.1", gateway.admin_port, timeout=60)
        self.connection.request("GET", f"/sessions/{session}/logs?follow", headers={"Authorization": f"Bearer {token}"})
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200, self.answer.status
        self.read_on()

    def read_on(self):
        assert b"tick" in self.answer.read1(65536), "lines come"

    def ends(self, seconds=30):
        """Whether the stream ends, though its tool prints on."""
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                if not self.answer.read1(65536):
                    return True
        except (OSError, http.client.HTTPException):
            return True
        return False


def test_sa_06_followed_logs_end_with_the_share_that_opened_them(serve):
    gateway = serve(admin=True)
    session, _ = gateway.create(*TICKER, owner="alice", shared=["bob"])
    gateway.wait_state(session, "ready")
    hers, his = (Followed(gateway, session, access_token(gateway, who)[0]) for who in ("alice", "bob"))
    assert gateway.api("PATCH", f"/sessions/{session}", {"shared": []}).status == 200
    assert his.ends(), "he may not use it any more"
    hers.read_on()


def test_by_02_followed_logs_end_with_the_token_that_opened_them(serve):
    gateway = serve(admin=True)
    session, _ = gateway.create(*TICKER, owner="alice")
    gateway.wait_state(session, "ready")
    (one, id_of_one), (two, _) = access_token(gateway, "alice"), access_token(gateway, "alice")
    first, second = Followed(gateway, session, one), Followed(gateway, session, two)
    assert gateway.api("DELETE", f"/tokens/{id_of_one}").status == 204
    assert first.ends()
    second.read_on()


# -- SA-07: a session that is over ------------------------------------------------------------------------------


def test_sa_07_a_session_that_is_over_gets_no_new_token(serve):
    gateway = serve()
    session, token = gateway.create(*LEAVER)
    gateway.wait_state(session, "ready")
    assert gateway.visit(session, "/bye", token=token).status in (200, 502, 503)
    gateway.wait_state(session, "stopped")
    refused = gateway.api("POST", f"/sessions/{session}/auth/rotate")
    assert refused.status == 404 and "no such session" in refused.json()["detail"], refused
    assert gateway.api("GET", f"/sessions/{session}/auth").json() == {"token": None}
    assert gateway.visit(session, token=token).status == 401


# -- BY-02: throwing somebody out ------------------------------------------------------------------------------


def signed_in(gateway, session, user):
    """Somebody who came in by a link that an admin made for him, and another link of the kind."""
    def mint():
        return gateway.book.add(gateway.api("POST", f"/sessions/{session}/link", {"user": user}).json()["url"], "a link")
    person = someone_at(gateway, session)
    person.use_link(mint())
    return person, mint()


def someone_at(gateway, session):
    return Person(gateway, host=gateway.at(session), origin=f"http://{gateway.at(session)}")


def test_by_02_user_logout_ends_logins_links_and_where_told_tokens(serve):
    gateway = serve(admin=True)
    session, _ = gateway.create(owner="alice")
    gateway.wait_state(session, "ready")
    person, waiting = signed_in(gateway, session, "alice")
    other, _ = signed_in(gateway, session, "owner")
    token, _ = access_token(gateway, "alice")
    assert person.is_in() and other.is_in()
    state = ["--state-dir", str(gateway.state)]
    done = gateway.cli("user", "logout", "alice", *state)
    assert done.status == 0 and done.out == "ended: 1 logins, 0 access tokens\n", done
    assert not person.is_in() and other.is_in()
    late = someone_at(gateway, session)
    late.use_link(waiting)
    assert not late.is_in(), "nor does a link that waited bring her back"
    assert gateway.admin("GET", "/tokens", token=token).status == 200
    done = gateway.cli("user", "logout", "alice", "--tokens", "--json", *state)
    assert json.loads(done.out) == {"logins": 0, "tokens": 1}
    assert gateway.admin("GET", "/tokens", token=token).status == 401
    lines = [json.loads(line) for line in (gateway.state / "audit.jsonl").read_text().splitlines()]
    assert any(line["event"] == "credential_revoked" and "1 logins and 0 access tokens of alice" in line.get("detail", "") for line in lines)


def test_by_02_only_admins_throw_others_out(serve):
    gateway = serve(admin=True)
    bob, _ = access_token(gateway, "bob")
    assert gateway.admin("POST", "/logins/end", {"user": "alice"}, token=bob).status == 403
    for body in ({}, {"user": ""}, {"user": 7}, {"user": "bob", "tokens": "yes"}, {"user": "bob", "more": 1}, []):
        assert gateway.admin("POST", "/logins/end", body, token=bob).status == 400, body
    assert gateway.admin("POST", "/logins/end", {"user": "bob", "tokens": True}, token=bob).json() == {"logins": 0, "tokens": 1}
    assert gateway.admin("GET", "/tokens", token=bob).status == 401, "who throws himself out is out"
    done = gateway.cli("user", "logout", "alice", "--state-dir", str(gateway.state / "nowhere"))
    assert done.status != 0 and "sallyport" in done.err, done
