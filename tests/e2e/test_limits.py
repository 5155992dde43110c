# SPDX-License-Identifier: Apache-2.0
"""SA-06, SG-11: can one user use up what all share: access tokens, event streams, the patience with wrong links?"""
import http.client
import secrets

import pytest

from harness.gate import eventually
from harness.person import Person


def token_for(gateway, owner, **wish):
    made = gateway.api("POST", "/tokens", {"owner": owner, **wish})
    assert made.status == 201, made
    return gateway.book.add(made.json()["token"], "an access token"), made.json()["id"]


def test_sa_06_access_tokens_per_owner(serve):
    gateway = serve("--tokens-per-owner", "3", admin=True)
    (token, _), (_, second), _ = (token_for(gateway, "alice") for _ in range(3))
    for refused in (gateway.admin("POST", "/tokens", {}, token=token), gateway.api("POST", "/tokens", {"owner": "alice"})):
        assert refused.status == 429, refused
        for part in ("alice", "3", "--tokens-per-owner", "revoke"):
            assert part in refused.json()["detail"], refused
    token_for(gateway, "bob")
    for _ in range(5):
        token_for(gateway, "owner")
    assert gateway.api("DELETE", f"/tokens/{second}").status == 204
    short, _ = token_for(gateway, "alice", ttl="1s")
    eventually(lambda: gateway.admin("GET", "/sessions", token=short).status == 401, 20, "it expires")
    token_for(gateway, "alice")
    done = gateway.cli("token", "create", "--owner", "alice", "--state-dir", str(gateway.state))
    assert done.status == 1 and "revoke one" in done.err, done


class Listening:
    def __init__(self, gateway, token, path):
        self.connection = http.client.HTTPConnection("127.0.0.1", gateway.admin_port, timeout=60)
        self.connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        self.answer = self.connection.getresponse()
        self.status = self.answer.status

    def close(self):
        self.answer.close()
        self.connection.close()


def test_sa_10_event_streams_and_followed_logs_per_owner(serve):
    gateway = serve("--listeners-per-owner", "2", admin=True)
    session, _ = gateway.create(owner="alice")
    gateway.wait_state(session, "ready")
    (one, _), (two, _), (bob, _) = token_for(gateway, "alice"), token_for(gateway, "alice"), token_for(gateway, "bob")
    first, second = Listening(gateway, one, "/events"), Listening(gateway, two, f"/sessions/{session}/logs?follow")
    assert (first.status, second.status) == (200, 200)
    for path in ("/events", f"/sessions/{session}/logs?follow"):
        refused = gateway.admin("GET", path, token=two)
        assert refused.status == 429, refused
        for part in ("alice", "2", "--listeners-per-owner", "close one"):
            assert part in refused.json()["detail"], refused
    assert gateway.admin("GET", f"/sessions/{session}/logs", token=two).status == 200, "reading once is no stream"
    his = Listening(gateway, bob, "/events")
    assert his.status == 200
    first.close()

    def again():
        listening = Listening(gateway, one, "/events")
        if listening.status != 200:
            listening.close()
            return None
        return listening
    third = eventually(again, 60, "a closed stream makes room")
    for listening in (second, his, third):
        listening.close()


@pytest.mark.parametrize("option, value", [("--tokens-per-owner", "0"), ("--tokens-per-owner", "many"), ("--listeners-per-owner", "257")])
def test_sg_18_bad_limits_are_named_and_end_with_2(cli, option, value):
    done = cli("config", "check", option, value)
    assert done.status == 2 and option[2:] in done.err, done


def test_sg_11_behind_a_shared_address_wrong_links_keep_nobody_from_a_right_one_or_from_a_password(start, book):
    password = book.add("a-good-password-" + secrets.token_hex(4), "the password")
    gate = start("--no-local-trust", env={"SALLYPORT_PASSWORD": password, "SALLYPORT_LOCKOUT": "5/5m"}, wait="door", tty=True)
    good = gate.link()
    stranger = Person(gate)
    answers = [stranger.use_link(f"{gate.origin}/.sallyport/link/spl_{secrets.token_urlsafe(32)}").status for _ in range(7)]
    assert answers == [401] * 5 + [403] * 2, answers
    assert Person(gate).login(password).status == 303, "passwords are counted apart"
    assert Person(gate).use_link(good).status == 303, "and a right link does not wait"


def test_sg_11_wrong_passwords_keep_nobody_from_a_right_link(start, book):
    password = book.add("a-good-password-" + secrets.token_hex(4), "the password")
    gate = start("--no-local-trust", env={"SALLYPORT_PASSWORD": password, "SALLYPORT_LOCKOUT": "5/5m"}, wait="door", tty=True)
    good = gate.link()
    stranger = Person(gate)
    answers = [stranger.login("wrong").status for _ in range(7)]
    assert answers[-1] == 403, answers
    assert Person(gate).use_link(good).status == 303
