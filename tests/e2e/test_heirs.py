# SPDX-License-Identifier: Apache-2.0
"""SA-02, BY-03: does what a token made end with it, and whom does a login link sign in?"""
from datetime import datetime, timedelta

import pytest

from harness.gate import eventually
from harness.person import Person


def token_of(gateway, asks, **wish):
    """An access token, made by `asks`: the private socket, or somebody's token at the admin listener. (text, id)"""
    made = gateway.api("POST", "/tokens", wish) if asks is None else gateway.admin("POST", "/tokens", wish, token=asks)
    assert made.status == 201, made
    return gateway.book.add(made.json()["token"], "an access token"), made.json()["id"]


def link_of(gateway, asks, session, **wish):
    made = gateway.api("POST", f"/sessions/{session}/link", wish) if asks is None else \
        gateway.admin("POST", f"/sessions/{session}/link", wish, token=asks)
    assert made.status == 201, made
    link = made.json()["url"]
    gateway.book.add(link.rpartition("/")[2], "a login link")
    return link


def visitor(gateway, session, link=None):
    person = Person(gateway, host=gateway.at(session), origin=f"http://{gateway.at(session)}")
    if link is not None:
        answer = person.use_link(link)
        assert answer.status == 303, answer
    return person


def told_user(person):
    """Who the tool is told that this is; None where the gate refuses."""
    answer = person.get("/api/whoami", {"Accept": "application/json"})
    return answer.json()["user"] if answer.status == 200 else None


def test_sa_02_revoking_a_token_ends_all_that_it_made(serve):
    gateway = serve(admin=True)
    session, _ = gateway.create(owner="alice", shared=["guest"])
    gateway.wait_state(session, "ready")
    root, root_id = token_of(gateway, None, owner="ops", roles=["admin"])
    other, _ = token_of(gateway, None, owner="ops", roles=["admin"])
    child, child_id = token_of(gateway, root, owner="ops", roles=["admin"], label="child")
    grandchild, _ = token_of(gateway, child, owner="alice")
    made = gateway.admin("POST", f"/sessions/{session}/auth/rotate", {}, token=child)
    session_token = gateway.book.add(made.json()["token"], "a session token")
    unspent = link_of(gateway, grandchild, session)
    guest = visitor(gateway, session, link_of(gateway, child, session, user="guest"))
    assert told_user(guest) == "guest"
    streams = [gateway.websocket("/ws", fields=fields, host=gateway.at(session)) for fields in (
        {"Authorization": f"Bearer {grandchild}"}, {"Authorization": f"Bearer {session_token}"},
        {"Cookie": guest.cookie, "Origin": guest.origin})]
    mine = gateway.websocket("/ws", fields={"Authorization": f"Bearer {other}"}, host=gateway.at(session))
    for stream in (*streams, mine):
        stream.echo(b"alive")
    assert gateway.api("DELETE", f"/tokens/{root_id}").status == 204
    for token in (root, child, grandchild):
        assert gateway.admin("GET", "/sessions", token=token).status == 401
    assert gateway.visit(session, token=session_token).status == 401
    assert told_user(guest) is None
    for stream in streams:
        stream.cut()
    mine.echo(b"not mine to end")
    assert visitor(gateway, session).use_link(unspent).status == 401
    assert [t["label"] for t in gateway.api("GET", "/tokens").json()["tokens"]] == [""], "what ended is listed no more"
    assert gateway.api("DELETE", f"/tokens/{child_id}").status == 404
    renewed = gateway.api("POST", f"/sessions/{session}/auth/rotate").json()["token"]
    gateway.book.add(renewed, "a session token")
    assert gateway.visit(session, token=renewed).status == 200, "the session itself goes on"


def test_sa_02_ending_a_token_in_the_middle_leaves_what_is_above(serve):
    gateway = serve(admin=True)
    root, _ = token_of(gateway, None, owner="ops", roles=["admin"])
    child, child_id = token_of(gateway, root, owner="ops", roles=["admin"])
    grandchild, _ = token_of(gateway, child, owner="alice")
    assert gateway.admin("DELETE", f"/tokens/{child_id}", token=root).status == 204
    assert [gateway.admin("GET", "/sessions", token=t).status for t in (root, child, grandchild)] == [200, 401, 401]


def test_sa_03_what_a_token_makes_expires_with_it(serve):
    gateway = serve(admin=True)
    root, _ = token_of(gateway, None, owner="ops", roles=["admin"], ttl="1h")
    token_of(gateway, root, owner="alice", label="longer", ttl="30d")
    token_of(gateway, root, owner="alice", label="unlimited")
    token_of(gateway, None, owner="alice", label="by the owner")
    listed = {t["label"]: t["expires"] for t in gateway.api("GET", "/tokens").json()["tokens"]}
    ends = {label: datetime.fromisoformat(listed[label]) for label in ("", "longer", "unlimited")}
    for label, end in ends.items():  # told by the wall clock, kept by the other one: a millisecond may lie between
        assert abs(end - ends[""]) < timedelta(seconds=1), (label, listed)
    assert listed["by the owner"] is None


def test_sa_02_a_rotated_token_file_ends_what_the_old_token_made(serve):
    gateway = serve(admin=True)
    child, _ = token_of(gateway, gateway.token, owner="alice")
    assert gateway.admin("GET", "/sessions", token=child).status == 200
    gateway.write_token("spa_" + "B" * 42 + "A")
    eventually(lambda: gateway.admin("GET", "/sessions", token=child).status == 401, 30, "it ended with the file's token")


# -- BY-03: whom a link signs in ----------------------------------------------------------------------------------


def test_by_03_an_admins_link_signs_in_whom_it_names_and_to_that_session_alone(serve):
    gateway = serve(admin=True)
    state = ["--state-dir", str(gateway.state)]
    session, _ = gateway.create(owner="alice", shared=["guest"])
    other, _ = gateway.create(owner="alice", shared=["guest"])
    gateway.wait_state(session, "ready")
    gateway.wait_state(other, "ready")
    refused = gateway.cli("session", "link", session, *state)
    assert refused.status == 2 and "--user" in refused.err and "alice" in refused.err, refused
    done = gateway.cli("session", "link", session, "--user", "guest", *state, shows=True)
    assert done.status == 0, done
    link = done.out.strip()
    gateway.book.add(link.rpartition("/")[2], "a login link")
    guest = visitor(gateway, session, link)
    assert told_user(guest) == "guest", "not the admin who made it"
    gateway.audited(event="credential_minted", detail="login link made for guest")
    elsewhere = visitor(gateway, other)
    elsewhere.jar = dict(guest.jar)
    assert told_user(elsewhere) is None, "though that is shared with guest too"
    for method, path in (("GET", "/sessions"), ("POST", "/sessions"), ("GET", "/tokens"), ("GET", "/.sallyport/sessions")):
        answer = gateway.admin(method, path, {} if method == "POST" else None, fields={"Cookie": guest.cookie})
        assert answer.status == 401, (path, answer)
    assert gateway.api("PATCH", f"/sessions/{session}", {"shared": []}).status == 200
    assert told_user(guest) is None, "the right ended with the share"


def test_by_03_a_link_without_a_name_is_for_oneself(serve):
    gateway = serve(admin=True)
    session, _ = gateway.create()
    gateway.wait_state(session, "ready")
    assert told_user(visitor(gateway, session, link_of(gateway, None, session))) == "owner"
    hers, _ = gateway.create(owner="alice", shared=["bob"])
    gateway.wait_state(hers, "ready")
    alice, _ = token_of(gateway, None, owner="alice")
    assert told_user(visitor(gateway, hers, link_of(gateway, alice, hers))) == "alice"
    assert told_user(visitor(gateway, hers, link_of(gateway, alice, hers, user="alice"))) == "alice"


@pytest.mark.parametrize("asks, wish, status, told", [
    ("alice", {"user": "bob"}, 403, "only an admin"), ("ops", {"user": "owner"}, 403, "owns the gateway"),
    ("ops", {"user": "carol"}, 403, "share it first"), ("ops", {}, 400, "--user"), ("ops", {"user": "a b"}, 400, "name of a user"),
    ("ops", {"user": ""}, 400, "name of a user"), ("ops", {"user": 7}, 400, "user"), ("ops", {"users": "bob"}, 400, "users"),
    ("ops", {"user": "bob\r\nX-Forwarded-User: owner"}, 400, "name of a user"), ("bob", {}, 403, "admin"),
])
def test_by_03_links_that_nobody_may_ask_for(serve, asks, wish, status, told):
    gateway = serve(admin=True)
    session, _ = gateway.create(owner="alice", shared=["bob"], limits={"on_demand": True})
    token, _ = token_of(gateway, None, owner=asks, **({"roles": ["admin"]} if asks == "ops" else {}))
    refused = gateway.admin("POST", f"/sessions/{session}/link", wish, token=token)
    assert refused.status == status and told in refused.json()["detail"], refused


def test_by_03_a_link_for_a_session_on_a_path_leads_there(serve):
    gateway = serve()
    session, _ = gateway.create(routing="path", shared=["guest"])
    gateway.wait_state(session, "ready")
    made = gateway.api("POST", f"/sessions/{session}/link", {"user": "guest"})
    link = made.json()["url"]
    gateway.book.add(link.rpartition("/")[2], "a login link")
    guest = Person(gateway, host=gateway.host, origin=gateway.origin)
    answer = guest.use_link(link)
    assert (answer.status, answer.get("Location")) == (303, f"/s/{session}/"), answer
    assert guest.get(f"/s/{session}/api/whoami", {"Accept": "application/json"}).json()["user"] == "guest"
    assert guest.get("/.sallyport/sessions").status == 200
    assert guest.logout().status == 303
    assert guest.get(f"/s/{session}/api/whoami", {"Accept": "application/json"}).status == 401
