# SPDX-License-Identifier: Apache-2.0
"""SG-08, SG-09, SG-12: who may do what, from where, and how often. docs/policy.md is run as it stands."""
import json
import os
import re
import socket
import struct

import pytest
from harness.gate import ROOT, backend, eventually
from harness.wire import Closed, Wire, request_text

POLICY = """
roles:
  reader:
    members: ["user:alice"]
    permissions: [data.read]
rules:
  - name: nobody-here
    deny: anyone
    http: "* /echo/secret/*"
  - name: readers
    allow: ["permission:data.read"]
    http: ["GET /echo/*", "GET /ready"]
"""


def write(path, text):
    path.write_text(text)
    return path


def echo():
    return backend("faulty.py", "--port", "{port}")


# -- SG-09: roles and permissions -----------------------------------------------------------------------------


def test_sg_09_a_policy_denies_what_no_rule_allows(start, folder):
    path = write(folder / "policy.yaml", POLICY)
    gate = start("--no-local-trust", "--user", "alice", "--policy", str(path), "--ready", "/ready", command=echo())
    assert gate.get("/echo", gate.bearer).status == 200
    for method, target in (("POST", "/echo"), ("GET", "/"), ("GET", "/echo/secret/x"), ("GET", "/echox"), ("HEAD", "/echo")):
        answer = gate.request(method, target, gate.bearer)
        assert answer.status == 403, (method, target)
    gate.audited(denial="not_permitted", path="/", detail="denied: no rule matches")
    line = gate.audited(denial="not_permitted", path="/echo/secret/x")
    assert "nobody-here" in line["detail"] and "line 7" in line["detail"]
    assert gate.get("/.sallyport/auth/status", gate.bearer).status == 200, "who is known may ask who he is"


def test_sg_09_another_user_is_nobody_there(start, folder):
    path = write(folder / "policy.yaml", POLICY)
    for user in ("alice2", "malice", "Alice"):
        gate = start("--no-local-trust", "--user", user, "--policy", str(path), "--ready", "/ready", command=echo())
        assert gate.get("/echo", gate.bearer).status == 403, user


def test_sg_09_a_changed_policy_counts_and_a_broken_one_does_not(start, folder):
    path = write(folder / "policy.yaml", POLICY)
    gate = start("--no-local-trust", "--user", "alice", "--policy", str(path), "--ready", "/ready", command=echo())
    assert gate.get("/echo", gate.bearer).status == 200
    write(path, POLICY.replace("user:alice", "user:bob"))
    eventually(lambda: gate.get("/echo", gate.bearer).status == 403, what="the new policy is in force")
    write(path, "rules: [")
    eventually(lambda: "the one before stays in force" in gate.text, what="the fault is told")
    assert gate.get("/echo", gate.bearer).status == 403
    write(path, POLICY)
    eventually(lambda: gate.get("/echo", gate.bearer).status == 200, what="a good one is taken up again")


@pytest.mark.parametrize("text, parts", [
    ("", ["an empty policy"]),
    ("rules: [", ["not YAML"]),
    ("roles:\n  r: {members: [alice], x: 1}\nrules:\n  - allow: role:q\n    http: GET x\n",
     [":2: members: expected", ":2: there is no \"x\"", ":4: a rule names the role \"q\"", ":5: http: a path is"]),
])
def test_sg_09_a_bad_policy_is_told_whole_and_ends_with_2(cli, folder, text, parts):
    path = write(folder / "bad.yaml", text)
    for words in (("config", "check", "--policy", str(path)),
                  ("run", "--listen", "127.0.0.1:0", "--state-dir", str(folder / "s"), "--policy", str(path), "--", "true")):
        done = cli(*words)
        assert done.status == 2, done
        for part in parts:
            assert part in done.err, (part, done.err)
    assert cli("config", "check", "--policy", str(folder / "missing.yaml")).status == 2


def test_sg_09_config_check_tells_decision_and_rule(cli, folder):
    path = str(write(folder / "policy.yaml", POLICY))
    done = cli("config", "check", "--policy", path, "--who", "alice", "--what", "GET /echo/x")
    assert (done.status, done.out) == (0, 'allowed by rule "readers" (line 10)\n'), done
    done = cli("config", "check", "--policy", path, "--who", "alice", "--what", "GET /echo/secret/x")
    assert (done.status, done.out) == (3, 'denied by rule "nobody-here" (line 7)\n'), done
    done = cli("config", "check", "--policy", path, "--who", "admin", "--what", "GET /echo/x", "--json")
    assert done.status == 3 and done.json()["why"] == "denied: no rule matches" and done.json()["allowed"] is False
    for words in (["--who", "alice"], ["--what", "GET /x"], ["--who", "alice", "--what", "GET"], ["--who", "role:x", "--what", "GET /x"],
                  ["--who", "a:b", "--what", "GET /x"], ["--who", "alice", "--what", "GET /a/../b"]):
        assert cli("config", "check", "--policy", path, *words).status == 2, words
    assert cli("config", "check", "--who", "alice", "--what", "GET /x").status == 2, "no policy"


def test_sg_09_config_check_warns_of_what_never_decides(cli, folder):
    path = folder / "policy.yaml"
    path.write_text("rules:\n  - {name: all, allow: anyone, everything: true}\n  - {name: lab, allow: \"user:bob\", http: \"* /s/lab/*\"}\n")
    done = cli("config", "check", "--policy", str(path))
    assert done.status == 0, done
    warnings = [line for line in done.err.splitlines() if line.startswith(f"sallyport: warning: {path}:3: rule lab")]
    assert len(warnings) == 2 and "never decides: all in line 2" in warnings[0] and "session: [lab]" in warnings[1], done.err


def test_sg_09_a_policy_that_would_know_nobody_is_refused(cli, folder):
    path = str(write(folder / "policy.yaml", POLICY))
    done = cli("config", "check", "--policy", path, "--insecurely-no-auth")
    assert done.status == 2 and "knows nobody" in done.err


def test_sg_09_the_example_of_the_documentation_does_what_it_says(cli, folder):
    text = (ROOT / "docs" / "policy.md").read_text()
    path = str(write(folder / "policy.yaml", re.search(r"```yaml\n(.*?)```", text, re.S).group(1)))
    assert cli("config", "check", "--policy", path).status == 0
    rows = re.findall(r"^\| `(--who .*?)` \| `(.*?)` \| (allowed|denied)", text, re.M)
    assert len(rows) >= 8
    for who, what, expected in rows:
        session = []
        if " in " in what:
            what, session_id, owner = re.match(r"(.*) in (\S+) of (\S+)", what).groups()
            session = ["--session", session_id, "--session-owner", owner]
        done = cli("config", "check", "--policy", path, *who.split(), "--what", what, *session)
        assert done.status == (0 if expected == "allowed" else 3), (who, what, done)


# -- SG-12: rate limits -----------------------------------------------------------------------------------------


def test_sg_12_too_many_requests_are_429_with_retry_after(start):
    gate = start("--no-local-trust", "--rate-limit", "6/m:20", "--rate-limit", "/slow/*=1/h:2", "--rate-limit", "user=1000/m", wait="door")
    answers = [gate.get("/.sallyport/login", source=("127.0.0.7", 0)) for _ in range(60)]
    assert [a.status for a in answers[:20]] == [200] * 20, "a page of many pictures loads"
    refused = [a for a in answers if a.status == 429]
    assert refused and all(1 <= int(a.get("Retry-After")) <= 10 for a in refused), answers
    assert gate.get("/.sallyport/login", source=("127.0.0.8", 0)).status == 200, "somebody else has his own"
    slow = [gate.get("/slow/x", gate.bearer, source=("127.0.0.9", 0)).status for _ in range(3)]
    assert slow[:2] != [429, 429] and slow[2] == 429
    gate.audited(denial="rate_limited", status=429)


@pytest.mark.parametrize("option, value", [
    ("--rate-limit", "fast"), ("--rate-limit", "0/m"), ("--rate-limit", "100"), ("--rate-limit", "who=1/m"), ("--lockout", "0/5m"),
    ("--lockout", "many"), ("--lockout", "5"), ("--peer-uid", "root"), ("--peer-gid", "-1"), ("--proxy-protocol", "10.0.0.1/8"),
])
def test_sg_18_bad_values_are_named_and_end_with_2(cli, option, value):
    done = cli("config", "check", option, value)
    assert done.status == 2 and option[2:] in done.err and "expected" in done.err, done


def test_sg_18_the_new_settings_follow_the_order_of_sources(cli, folder):
    path = write(folder / "s.yaml", "lockout: 7/5m\nrate_limit: [100/m]\n")
    rows = {r["name"]: r for r in cli("config", "show", "--json", "--config", str(path), "--lockout", "9/5m",
                                      env={"SALLYPORT_LOCKOUT": "8/5m", "SALLYPORT_PEER_UID": "0"}).json()}
    assert rows["lockout"]["values"] == ["9/5m"] and rows["lockout"]["source"] == "flag"
    assert rows["rate-limit"]["source"] == "file" and rows["peer-uid"]["values"] == ["0"]
    weak = {r["name"]: r for r in cli("config", "show", "--json", "--lockout", "off").json()}
    assert weak["lockout"]["weakened"]


# -- SG-08: Unix peers, PROXY protocol ----------------------------------------------------------------------------


def test_sg_08_unix_peers_by_uid_and_gid(start, folder):
    path = str(folder / "s.sock")
    for options, status in ((["--peer-uid", "54321"], 403), (["--peer-gid", "54321"], 403), (["--peer-uid", "54321", "--peer-uid", "0"], 200),
                            (["--peer-gid", "0"], 200)):
        gate = start("--no-local-trust", *options, listen=[f"unix:{path}"], wait=None)

        def ask(gate=gate):
            try:
                with Wire(path) as wire:
                    wire.send(request_text("GET", "/.sallyport/login", "localhost", {}))
                    return wire.answer().status
            except (OSError, Closed):
                return None
        expected = status if os.getuid() == 0 else 403
        assert eventually(ask, 60, "the gate answers") == expected, options
        gate.stop()


def proxied(gate, header, request, source="127.0.0.2", timeout=20):
    with Wire(gate.address, source=(source, 0), timeout=timeout) as wire:
        wire.send(header + request)
        return wire.answer()


def start_proxied(start, *options):
    gate = start("--no-local-trust", "--proxy-protocol", "127.0.0.2/32", "--ready", "/ready", *options, command=echo(), wait=None)
    line = b"PROXY UNKNOWN\r\n"

    def up():
        try:
            return proxied(gate, line, request_text("GET", "/echo", gate.host, gate.bearer), timeout=3).status == 200
        except (OSError, Closed):
            return False
    eventually(up, 90, lambda: f"the tool answers: {gate.text}")
    return gate


def test_sg_08_proxy_protocol_names_the_client(start):
    gate = start_proxied(start, "--deny", "203.0.113.0/24")
    ask = request_text("GET", "/echo", gate.host, gate.bearer)
    good = b"PROXY TCP4 192.0.2.44 127.0.0.1 1234 443\r\n"
    answer = proxied(gate, good, ask)
    assert answer.status == 200 and "192.0.2.44" in answer.text, "the tool is told who it is"
    denied = b"PROXY TCP4 203.0.113.9 127.0.0.1 1234 443\r\n"
    assert proxied(gate, denied, ask).status == 403
    line = gate.audited(denial="network_not_allowed", status=403)
    assert "203.0.113.9" in json.dumps(line)
    six = b"\r\n\r\n\0\r\nQUIT\n\x21\x21\x00\x24" + socket.inet_pton(socket.AF_INET6, "2001:db8::7") + b"\0" * 15 + b"\1" + struct.pack(">HH", 9, 443)
    assert "2001:db8::7" in proxied(gate, six, ask).text
    spoofed = request_text("GET", "/echo", gate.host, {**gate.bearer, "X-Forwarded-For": "192.0.2.44"})
    assert proxied(gate, denied, spoofed).status == 403, "a client's own word changes nothing"


@pytest.mark.parametrize("source, header", [
    ("127.0.0.1", b"PROXY TCP4 192.0.2.44 127.0.0.1 1234 443\r\n"),
    ("127.0.0.2", b""), ("127.0.0.2", b"PROXY TCP4 192.0.2.44 127.0.0.1 01 443\r\n"), ("127.0.0.2", b"\r\n\r\n\0\r\nQUIT\n\x21\x12\x00\x0c" + b"\1" * 12),
])
def test_sg_08_without_a_good_header_from_a_listed_sender_the_connection_is_closed(start, source, header):
    gate = start_proxied(start)
    with pytest.raises((Closed, OSError)):
        proxied(gate, header, request_text("GET", "/echo", gate.host, gate.bearer), source)
    gate.audited(denial={"network_not_allowed", "malformed_request"}, detail={"not from an address of --proxy-protocol", "no good PROXY header"})


BOTH_WAYS = """
rules:
  - name: no-secrets
    deny: anyone
    http: "* /api/whoami/secret/*"
  - name: own
    allow: owner
    http: "GET /api/*"
  - name: lab
    allow: "user:bob"
    session: [lab, lab-on-path]
    http: "GET /api/whoami"
"""


def test_sg_09_a_session_on_a_path_is_judged_as_one_at_an_origin(serve, folder):
    gateway = serve("--policy", str(write(folder / "policy.yaml", BOTH_WAYS)))
    tokens = {}
    for who in ("alice", "bob"):
        tokens[who] = gateway.book.add(gateway.api("POST", "/tokens", {"owner": who}).json()["token"], "an access token")
    for name, routing in (("lab", "origin"), ("lab-on-path", "path"), ("den", "origin"), ("den-on-path", "path")):
        gateway.create(name=name, routing=routing, owner="alice", shared=["bob"])
        gateway.wait_state(name, "ready")
    rows = [("alice", "lab", "/api/whoami", 200), ("alice", "den", "/api/whoami", 200), ("alice", "lab", "/", 403),
            ("alice", "lab", "/api/whoami/secret/x", 403), ("bob", "lab", "/api/whoami", 200), ("bob", "den", "/api/whoami", 403),
            ("bob", "lab", "/api/other", 403), ("bob", "lab", "/s/lab/api/whoami", 403)]
    for who, session, path, status in rows:
        bearer = {"Authorization": f"Bearer {tokens[who]}"}
        at_origin = gateway.request("GET", path, bearer, host=gateway.at(session)).status
        on_path = gateway.request("GET", f"/s/{session}-on-path{path}", bearer).status
        assert (at_origin, on_path) == (status, status), (who, session, path)
    assert gateway.request("GET", "/s/lab-on-path", {"Authorization": f"Bearer {tokens['bob']}"}).status == 403, "its root, which he may not see"
