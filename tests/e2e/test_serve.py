# SPDX-License-Identifier: Apache-2.0
"""Question: does `sallyport serve` give each session its own tool, credential, origin and owner, and keep everybody else out?"""
import json
import os
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness.gate import alive, descendants, eventually
from harness.serving import TOOL


def words_of(text):
    return dict(line.split("\t", 1) for line in text.strip().splitlines())


def test_sa_06_create_list_show_rotate_end_on_the_command_line(serve, book):
    gateway = serve()
    state = ["--state-dir", str(gateway.state)]
    made = gateway.cli("session", "create", *state, "--", *TOOL, shows=True)
    assert made.status == 0, made
    told = words_of(made.out)
    book.add(told["token"], "a session token")
    session = told["id"]
    assert told["url"] == f"http://{session}.localhost:{gateway.port}"
    gateway.wait_state(session, "ready")
    assert gateway.visit(session, token=told["token"]).status == 200
    listed = gateway.cli("session", "list", *state)
    assert listed.out.split("\t")[:2] == [session, "ready"]
    shown = gateway.cli("session", "show", session, *state, "--json").json()
    assert (shown["owner"], shown["routing"], shown["isolated"]) == ("owner", "origin", True)
    rotated = gateway.cli("session", "rotate", session, *state, shows=True)
    new = book.add(rotated.out.strip(), "a session token")
    assert gateway.visit(session, token=told["token"]).status == 401
    assert gateway.visit(session, token=new).status == 200
    family = descendants(gateway.process.pid)
    ended = gateway.cli("session", "end", session, *state)
    assert ended.status == 0, ended
    assert gateway.cli("session", "list", *state).out == ""
    eventually(lambda: not any(alive(p) for p in family), 10, "the tool is reaped")
    assert gateway.visit(session, token=new).status == 401


def test_sa_06_wrong_usage_has_its_exit_status(serve):
    gateway = serve()
    state = ["--state-dir", str(gateway.state)]
    for status, words in [(2, ["session", "create"]), (2, ["session", "create", "--ttl", "soon", "--", *TOOL]),
                          (2, ["session", "create", "--name", "No Name", "--", *TOOL]),
                          (2, ["session", "create", "--image", "debian"]), (2, ["session", "create", "--", "sleep", "1"]),
                          (2, ["session", "create", "--preset", "none-such", "--", *TOOL]),
                          (1, ["session", "show", "none-such"]), (1, ["session", "end", "none-such"]),
                          (1, ["token", "revoke", "0123456789ab"]), (1, ["token", "revoke", "../sessions"]),
                          (2, ["token", "create", "--ttl", "7"])]:
        cut = words.index("--") if "--" in words else len(words)
        done = gateway.cli(*words[:cut], *state, *words[cut:])
        assert done.status == status, (words, done)
        assert done.err.startswith("sallyport: "), done
    nobody = gateway.cli("session", "list", "--state-dir", str(gateway.home))
    assert nobody.status == 1 and "sallyport serve" in nobody.err


def test_sa_02_a_token_opens_its_session_and_no_other(serve):
    gateway = serve()
    (one, token_one), (two, token_two) = gateway.create(name="one"), gateway.create(name="two")
    gateway.wait_state("one", "ready")
    gateway.wait_state("two", "ready")
    assert gateway.visit("one", token=token_one).status == 200
    assert gateway.visit("two", token=token_two).status == 200
    for session, token in (("one", token_two), ("two", token_one), ("three", token_one)):
        assert gateway.visit(session, token=token).status == 401
    assert gateway.request("GET", "/", {"Authorization": f"Bearer {token_one}"}).status == 401, "the gateway's own origin"
    for bad in (token_one[:-1], token_one + "A", "sps_", "sps_" + "A" * 43, token_one.upper(), token_one.replace("sps_", "spa_")):
        assert gateway.visit("one", token=bad).status == 401
    seen = gateway.visit("one", token=token_one).json()
    assert "X-Session-ID" in json.dumps(seen) and "one" in json.dumps(seen)


def test_by_04_only_its_own_pages_may_drive_a_session(serve):
    gateway = serve()
    _, token = gateway.create(name="one")
    gateway.create(name="two")
    gateway.wait_state("one", "ready")
    bearer = {"Authorization": f"Bearer {token}"}
    for origin in (f"http://two.localhost:{gateway.port}", f"http://localhost:{gateway.port}", "null", "http://one.localhost",
                   f"https://one.localhost:{gateway.port}"):
        fields = {**bearer, "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Origin": origin}
        assert gateway.request("GET", "/ws", fields, host=gateway.at("one")).status == 403, origin
    with gateway.websocket("/ws", fields={**bearer, "Origin": f"http://one.localhost:{gateway.port}"}, host=gateway.at("one")) as ws:
        ws.echo(b"hello")
    for host in ("one.localhost", f"one.localhost:{gateway.port + 1}", f"a.one.localhost:{gateway.port}", f"one.example:{gateway.port}",
                 f"-one.localhost:{gateway.port}", f"One.localhost:{gateway.port}", f".localhost:{gateway.port}"):
        assert gateway.request("GET", "/", bearer, host=host).status == 421, host


def test_sa_06_two_users_do_not_see_each_other_at_any_door(serve, book):
    gateway = serve(admin=True)
    sessions, tokens, access = {}, {}, {}
    for user in ("alice", "bob"):
        sessions[user], tokens[user] = gateway.create(owner=user)
        made = gateway.api("POST", "/tokens", {"owner": user, "label": "test"})
        assert made.status == 201, made
        access[user] = book.add(made.json()["token"], "an access token")
    for user in sessions:
        gateway.wait_state(sessions[user], "ready")
    hers, his = sessions["alice"], sessions["bob"]
    bob = access["bob"]
    assert gateway.visit(his, token=bob).status == 200
    assert gateway.visit(hers, token=bob).status == 403, "known, but not allowed"
    unknown, foreign = gateway.visit("none-such", token=bob), gateway.visit(hers, token=bob)
    assert (unknown.status, unknown.body) == (foreign.status, foreign.body), "what is not there looks the same"
    assert [s["id"] for s in gateway.admin("GET", "/sessions", token=bob).json()["sessions"]] == [his]
    assert [s["id"] for s in gateway.admin("GET", "/auth/sessions", token=bob).json()["sessions"]] == [his]
    assert [t["owner"] for t in gateway.admin("GET", "/tokens", token=bob).json()["tokens"]] == ["bob"]
    for method, path in [("GET", ""), ("DELETE", ""), ("GET", "/auth"), ("POST", "/auth/rotate"), ("POST", "/link"), ("GET", "/logs"),
                         ("PATCH", "")]:
        answers = [gateway.admin(method, f"/sessions/{one}{path}", token=bob) for one in (hers, "none-such")]
        assert answers[0].status == 404 and answers[0].body == answers[1].body, (method, path, answers)
    ticket = gateway.admin("POST", "/api/auth/ws-ticket", {"session": hers, "path": "/ws"}, token=bob)
    assert ticket.status == 404, ticket
    for method, path in [("POST", "/sessions"), ("GET", "/settings"), ("PATCH", "/settings"), ("GET", "/audit"), ("GET", "/routes")]:
        assert gateway.admin(method, path, token=bob).status == 403, path
    assert gateway.admin("POST", "/tokens", {"owner": "alice"}, token=bob).status == 403
    assert gateway.admin("POST", "/tokens", {"roles": ["admin"]}, token=bob).status == 403
    for door in ({}, {"token": tokens["bob"]}, {"token": "spa_" + "A" * 43}):
        assert gateway.admin("GET", "/sessions", **door).status == 401
    assert gateway.state_of(hers) == "ready"
    assert gateway.visit(hers, token=tokens["alice"]).status == 200
    assert gateway.api("PATCH", f"/sessions/{hers}", {"shared": ["bob"]}).status == 200
    assert gateway.visit(hers, token=bob).status == 200, "shared with him now"
    assert gateway.admin("DELETE", f"/sessions/{hers}", token=bob).status == 403, "and still not his to end"


def test_by_08_starts_on_the_first_request_and_stops_when_idle(serve):
    gateway = serve()
    session, token = gateway.create(limits={"on_demand": True}, idle="2s")
    assert gateway.state_of(session) == "dormant"
    with gateway.websocket("/ws", fields={"Authorization": f"Bearer {token}"}, host=gateway.at(session), timeout=60) as ws:
        end = time.monotonic() + 4
        while time.monotonic() < end:
            ws.echo(b"still here")
            time.sleep(0.3)
        assert gateway.state_of(session) == "ready", "bytes in a tunnel are activity"
    gateway.wait_state(session, "dormant", seconds=30)
    assert gateway.visit(session, token=token, timeout=60).status == 200, "and starts again"


def test_by_08_restarts_with_a_pause_and_shows_the_end_of_the_output(serve):
    gateway = serve()
    script = "import sys; print('this is why'); sys.exit(3)"
    session, token = gateway.create(sys.executable, "-c", script, "{port}", limits={"restart": "on-failure"})
    gateway.wait_state(session, "waiting", seconds=30)
    starts = gateway.api("GET", f"/sessions/{session}").json()["starts"]
    eventually(lambda: gateway.api("GET", f"/sessions/{session}").json()["starts"] > starts, 30, "it is started again")
    failed, _ = gateway.create(sys.executable, "-c", script, "{port}")
    gateway.wait_state(failed, "failed", seconds=30)
    assert b"this is why" in gateway.api("GET", f"/sessions/{failed}/logs").body
    page = gateway.visit(session, "/", token=token, fields={"Accept": "text/html", "Sec-Fetch-Mode": "navigate"})
    assert page.status == 503


def test_sa_03_a_session_ends_with_its_ttl(serve):
    gateway = serve()
    session, token = gateway.create(ttl="3s")
    eventually(lambda: gateway.state_of(session) is None, 30, "it is gone")
    assert gateway.visit(session, token=token).status == 401


def test_sa_06_limits_per_owner(serve):
    gateway = serve("--sessions-per-owner", "2")
    for _ in range(2):
        gateway.create(owner="alice", limits={"on_demand": True})
    third = gateway.api("POST", "/sessions", {"command": TOOL, "owner": "alice"})
    assert third.status in (429, 503) and "alice" in third.json()["detail"], third
    gateway.create(owner="bob", limits={"on_demand": True})
    first = gateway.api("GET", "/sessions?limit=2").json()
    rest = gateway.api("GET", f"/sessions?limit=2&after={first['next']}").json()
    assert (len(first["sessions"]), len(rest["sessions"]), rest["next"]) == (2, 1, None)


def test_sa_06_bad_input_is_refused_and_changes_nothing(serve):
    gateway = serve()
    bad = [b"", b"{", b"[]", b"null", b'{"command":[]}', b'{"command":"sleep"}', b'{"command":["a","{port}"],"command":["b","{port}"]}',
           b'{"command":["a","{port}"],"surprise":1}', b'{"command":["a\\u0000b","{port}"]}', b'{"command":[1]}', b"\xff\xfe",
           b'{"command":["a","{port}"],"ttl":30}', b'{"command":["a","{port}"],"limits":{"cpu":1}}', b'{"command":["a","{port}"],"env":{"SALLYPORT_X":"1"}}',
           b'{"command":["a","{port}"],"name":"../up"}', b'{"command":["a","{port}"],"routing":"both"}', b"[" * 4000]
    for body in bad:
        reply = gateway.api("POST", "/sessions", raw=body)
        assert reply.status == 400, (body, reply)
        assert reply.fields["Content-Type"] == "application/problem+json" and reply.json()["detail"]
    assert gateway.api("POST", "/sessions", raw=b" " * 70000).status == 413
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        assert gateway.api("POST", "/sessions", {"command": TOOL}, {"Content-Type": kind}).status == 415
        assert gateway.api("POST", "/health", {}, {"Content-Type": kind}).status == 405
    for method, path in [("PUT", "/sessions"), ("POST", "/health"), ("DELETE", "/settings")]:
        assert gateway.api(method, path, {}, {"Content-Type": "application/json"}).status == 405
    assert gateway.api("GET", "/sessions?limit=0").status == 400
    assert gateway.api("GET", "/sessions").json()["sessions"] == []


def test_sa_07_a_thousand_rotations_under_load_and_not_one_wrong_401(serve, book):
    gateway = serve()
    session, token = gateway.create()
    gateway.wait_state(session, "ready")
    current, over, wrong, served = [token], threading.Event(), [], [0] * 4

    def visit(place):
        while not over.is_set():
            answer = gateway.visit(session, token=current[0])
            if answer.status != 200:
                wrong.append((answer.status, answer.body[:200]))
            served[place] += 1

    with ThreadPoolExecutor(4) as pool:
        for place in range(4):
            pool.submit(visit, place)
        for turn in range(1000):
            reply = gateway.api("POST", f"/sessions/{session}/auth/rotate", {"grace": "60s", "backend": turn % 10 == 0})
            if reply.status != 200:
                over.set()
            assert reply.status == 200, reply
            current[0] = reply.json()["token"]
        over.set()
    book.add(current[0], "a session token")
    assert not wrong, wrong[:3]
    assert min(served) > 0
    shown = gateway.api("GET", f"/sessions/{session}/auth").json()
    assert shown["rotations"] == 1000
    assert gateway.api("GET", f"/sessions/{session}").json()["starts"] == 1, "the tool was never started anew"
    assert gateway.api("POST", f"/sessions/{session}/auth/rotate").status == 200
    assert gateway.visit(session, token=current[0]).status == 401, "without grace the old one ends, whatever it had left"


def test_sa_07_a_tool_that_cannot_reread_is_relaunched_or_left_alone(serve):
    gateway = serve()
    script = "import os,sys; t=open(os.environ['SALLYPORT_CREDENTIAL_FILE']).read().strip()\n" \
             "from http.server import *\n" \
             "class H(BaseHTTPRequestHandler):\n" \
             " def do_GET(s):\n" \
             "  s.send_response(200 if s.headers.get('Authorization')=='Bearer '+t else 401); s.end_headers()\n" \
             " def log_message(s,*a): pass\n" \
             "ThreadingHTTPServer(('127.0.0.1',int(sys.argv[1])),H).serve_forever()"
    session, token = gateway.create(sys.executable, "-c", script, "{port}")
    gateway.wait_state(session, "ready")
    refused = gateway.api("POST", f"/sessions/{session}/auth/rotate", {"backend": True, "relaunch": False})
    assert refused.status == 503, refused
    assert gateway.visit(session, "/", token=token).status == 200, "nothing has changed"
    done = gateway.api("POST", f"/sessions/{session}/auth/rotate", {"backend": True, "grace": "60s"})
    assert done.status == 200, done
    assert gateway.api("GET", f"/sessions/{session}").json()["starts"] == 2
    gateway.wait_state(session, "ready")
    assert gateway.visit(session, "/", token=token).status == 200


def test_sa_06_rotate_and_delete_at_once_leave_nothing_open(serve):
    gateway = serve()
    for _ in range(3):
        session, token = gateway.create(limits={"on_demand": True})
        with ThreadPoolExecutor(8) as pool:
            turns = [pool.submit(gateway.api, "POST", f"/sessions/{session}/auth/rotate") for _ in range(6)]
            ends = [pool.submit(gateway.api, "DELETE", f"/sessions/{session}") for _ in range(2)]
        tokens = [t.result().json()["token"] for t in turns if t.result().status == 200] + [token]
        assert all(t.result().status in (200, 404, 409) for t in turns), [t.result() for t in turns]
        assert all(e.result().status in (202, 204, 404) for e in ends), [e.result() for e in ends]
        eventually(lambda: gateway.state_of(session) is None, 30, "it has ended")
        for one in tokens:
            assert gateway.visit(session, token=one).status == 401


def test_sa_06_ending_cuts_streams(serve):
    gateway = serve()
    session, token = gateway.create()
    gateway.wait_state(session, "ready")
    ws = gateway.websocket("/ws", fields={"Authorization": f"Bearer {token}"}, host=gateway.at(session))
    ws.echo(b"open")
    assert gateway.api("DELETE", f"/sessions/{session}").status == 204
    ws.cut()


def test_wt_02_of_many_that_spend_one_ticket_exactly_one_wins(serve):
    gateway = serve()
    session, _ = gateway.create()
    gateway.wait_state(session, "ready")
    made = gateway.api("POST", "/api/auth/ws-ticket", {"session": session, "path": "/ws"})
    assert made.status == 201, made
    ticket, origin = made.json()["ticket"], f"http://{gateway.at(session)}"

    def spend(_):
        fields = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Origin": origin}
        return gateway.request("GET", f"/ws?ticket={ticket}", fields, host=gateway.at(session)).status

    with ThreadPoolExecutor(16) as pool:
        outcomes = sorted(pool.map(spend, range(16)))
    assert outcomes == [101] + [401] * 15


def test_sa_11_authentication_is_switched_on_while_sessions_run(serve):
    gateway = serve("--insecurely-no-auth")
    session, token = gateway.create()
    gateway.wait_state(session, "ready")
    pid = gateway.api("GET", f"/sessions/{session}").json()["pid"]
    assert gateway.visit(session).status == 200
    ws = gateway.websocket("/ws", fields={"Origin": f"http://{gateway.at(session)}"}, host=gateway.at(session))
    ws.echo(b"open to all")
    assert gateway.api("GET", "/health").json()["authentication"] == "off (insecurely)"
    assert gateway.api("PATCH", "/settings", {"insecurely_no_auth": False}).status == 200
    ws.cut()
    assert gateway.visit(session).status == 401
    assert gateway.visit(session, token=token).status == 200
    shown = gateway.api("GET", f"/sessions/{session}").json()
    assert (shown["pid"], shown["starts"]) == (pid, 1), "the tool went on"
    assert gateway.api("GET", "/health").json()["authentication"] == "required"
    assert gateway.api("PATCH", "/settings", {"insecurely_no_auth": True}).status == 400


def test_at_09_masked_settings_round_trip(serve, book):
    secret = book.add("swordfish-swordfish", "a tool's secret")
    gateway = serve("--env", f"API_KEY={secret}", "--env", "MODE=fast")
    settings = gateway.api("GET", "/settings").json()
    assert settings["env"] == [{"name": "API_KEY", "value": "********"}, {"name": "MODE", "value": "********"}]

    def inside():
        session, token = gateway.create(sys.executable, "-c", "import os,sys\nfrom http.server import *\nclass H(BaseHTTPRequestHandler):\n"
                                        " def do_GET(s):\n  b=(os.environ.get('API_KEY','-')+','+os.environ.get('MODE','-')).encode()\n"
                                        "  s.send_response(200); s.send_header('Content-Length',str(len(b))); s.end_headers(); s.wfile.write(b)\n"
                                        " def log_message(s,*a): pass\nThreadingHTTPServer(('127.0.0.1',int(sys.argv[1])),H).serve_forever()", "{port}")
        gateway.wait_state(session, "ready")
        return gateway.visit(session, "/", token=token).body.decode()

    assert inside() == secret + ",fast"
    assert gateway.api("PATCH", "/settings", settings).json() == settings, "what was read is written back"
    assert inside() == secret + ",fast"
    reordered = {"env": [{"name": "MODE", "value": "slow"}, {"name": "API_KEY", "value": "********"}]}
    assert gateway.api("PATCH", "/settings", reordered).status == 200
    assert inside() == secret + ",slow", "matched by name, not by place"
    assert gateway.api("PATCH", "/settings", {"env": [{"name": "MODE"}]}).status == 200
    for bad in ({"env": [{"name": "NEW", "value": "********"}]}, {"env": {}}, {"env": [{"value": "x"}]}, {"unknown": 1},
                {"env": [{"name": "SALLYPORT_X", "value": "x"}]}, {"ready_timeout": "soon", "env": [{"name": "API_KEY", "value": None}]}):
        assert gateway.api("PATCH", "/settings", bad).status == 400, bad
    assert inside() == secret + ",slow", "all of a change or nothing"
    assert gateway.api("PATCH", "/settings", {"env": [{"name": "API_KEY", "value": None}]}).status == 200
    assert inside() == "-,slow"


def test_sa_10_events_tell_what_happens_and_audit_shows_it(serve):
    gateway = serve(admin=True)
    from harness.serving import SocketConnection
    connection = SocketConnection(gateway.state / "admin.sock")
    connection.request("GET", "/events")
    stream = connection.getresponse()
    assert stream.status == 200 and stream.headers["Content-Type"] == "text/event-stream"
    session, _ = gateway.create()
    seen = b""
    while b'"ready"' not in seen:
        seen += stream.read1(4096)
    assert session.encode() in seen
    connection.close()
    gateway.audited(event="credential_minted", session=session, detail="session created")
    rows = gateway.api("GET", "/audit?event=credential_minted").json()["events"]
    assert any(row.get("session") == session for row in rows), rows[-3:]


def test_at_02_people_are_added_and_removed_while_it_runs(serve, book):
    gateway = serve()
    state = ["--state-dir", str(gateway.state)]
    owner_password = (gateway.state / "password").read_text().strip()
    password = book.add("correct horse battery", "a password")
    for words, text, status in [(["add", "alice"], password, 0), (["add", "alice"], password, 1), (["passwd", "nobody"], password, 1),
                                (["add", "-x"], password, 2), (["add", "carol"], "", 2), (["add", "carol"], "seven 7", 2), (["add", "bob"], "another one", 0),
                                (["remove", "bob"], None, 0), (["remove", "bob"], None, 1)]:
        done = gateway.cli("user", words[0], *state, *(["--", words[1]] if words[1].startswith("-") else [words[1]]),
                           input=None if text is None else text + "\n")
        assert done.status == status, (words, done)
    assert gateway.cli("user", "list", *state).out.split() == ["owner", "alice"]
    stored = (gateway.state / "password").read_text()
    assert password not in stored and owner_password not in stored and stored.count("$argon2id$") == 2
    assert os.stat(gateway.state / "password").st_mode & 0o777 == 0o600


def test_by_06_a_path_route_is_marked_as_no_isolation(serve):
    gateway = serve()
    session, token = gateway.create(routing="path")
    gateway.wait_state(session, "ready")
    shown = gateway.api("GET", f"/sessions/{session}").json()
    assert (shown["routing"], shown["isolated"]) == ("path", False)
    assert shown["url"].endswith(f"/s/{session}/")
    bearer = {"Authorization": f"Bearer {token}"}
    assert gateway.request("GET", f"/s/{session}/api/whoami", bearer).status == 200
    bare = gateway.request("GET", f"/s/{session}", bearer)
    assert (bare.status, bare.get("Location")) == (308, f"/s/{session}/")
    assert gateway.request("GET", f"/s/{session}/api/whoami").status == 401
    assert gateway.visit(session, token=token).status == 404, "it is not also found at an origin of its own"
    other, other_token = gateway.create()
    gateway.wait_state(other, "ready")
    assert gateway.request("GET", f"/s/{other}/", {"Authorization": f"Bearer {other_token}"}).status == 404, "nor the other way round"
    for spelled in (f"/s/{session}/..%2f{other}/", f"/%73/{session}/api/whoami", f"/s//{session}/"):
        assert gateway.request("GET", spelled, bearer).status in (400, 401, 404), spelled


def test_sa_06_the_walkthrough_of_the_documentation_is_what_happens(serve, book):
    """docs/serve.md: each command of its first console block, and each line that it shows."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "serve.md").read_text(encoding="utf-8")
    block = re.search(r"```console\n(.*?)```", text, re.S).group(1)
    gateway, token, steps = serve(), "", []
    for line in block.replace("7070", str(gateway.port)).splitlines():
        if line.startswith("$ "):
            steps.append((line[2:], []))
        else:
            steps[-1][1].append(line)
    assert steps[0] == ("sallyport serve &", []), "the gateway runs already, on a port of its own"
    for command, shown in steps[1:]:
        if command.startswith("sallyport"):
            words = command.replace("sallyport ", "").split()
            cut = words.index("--") if "--" in words else len(words)
            done = gateway.cli(*words[:cut], "--state-dir", str(gateway.state), *words[cut:], shows=True)
            assert done.status == 0, done
            out = done.out
            if "token\t" in out:
                token = book.add(words_of(out)["token"], "a session token")
                gateway.wait_state("demo", "ready")
        else:
            done = subprocess.run(["bash", "-c", command], env={**os.environ, "TOKEN": token}, capture_output=True, text=True, timeout=60)
            out = done.stdout
        for line in shown:
            assert line.split("…")[0] in out, (command, line, out)
