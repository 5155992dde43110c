# SPDX-License-Identifier: Apache-2.0
"""AT-06, WT-01 to WT-09, R11: WebSocket upgrades pass the same gate, by credential or by ticket; the tunnel carries everything."""
import base64
import concurrent.futures
import json
import re
import secrets
import time

import pytest
from harness.gate import backend, eventually
from harness.person import NAVIGATE, Person, hidden_fields
from harness.websocket import BINARY, CLOSE, PING, PONG, upgrade_fields
from harness.wire import Wire, request_text

PASSWORD = "correct-horse-" + secrets.token_hex(8)
KEY = base64.b64encode(b"0123456789abcdef").decode()
TICKET = re.compile(r"spt_[A-Za-z0-9_-]{43}")


@pytest.fixture(scope="module")
def gate(start_shared, book):
    book.add(PASSWORD, "the password")
    return start_shared("--no-local-trust", "--ready", "/ready", "--public-path", "/health", env={"SALLYPORT_PASSWORD": PASSWORD},
                        command=backend("faulty.py", "--port", "{port}"))


def mint(gate, path="/ws", fields=None, **body):
    """Asks for a ticket. Returns (ticket, the answer)."""
    answer = gate.request("POST", "/.sallyport/api/auth/ws-ticket", {**(gate.bearer if fields is None else fields), "Content-Type": "application/json"},
                          json.dumps({"path": path, **body}).encode())
    found = TICKET.search(answer.text)
    return gate.book.add(found.group(), "a ticket") if found else None, answer


def own(gate):
    return {"Origin": gate.origin}


# -- AT-06 ---------------------------------------------------------------------------------------------------------------------


def test_AT_06_upgrade_with_a_credential(gate):
    with gate.websocket("/ws", gate.bearer) as ws:
        assert ws.is_open, ws.answer
        for payload in ("hello", "x" * 125, "y" * 126, "z" * 70000):
            ws.echo(payload)
        ws.echo(bytes(range(256)) * 1000, BINARY)
    gate.audited(door="websocket", outcome="allowed", how="access_token")


@pytest.mark.parametrize("fields", [{}, {"Authorization": "Bearer spa_" + "A" * 43}, NAVIGATE, {"Accept": "text/html"}, {"Cookie": "sallyport=x"}])
def test_AT_06_upgrade_without_is_401_or_403_never_a_redirect(gate, fields):
    for target in ("/ws", "/", "/health", "/.sallyport/login"):
        ws = gate.websocket(target, fields)
        assert ws.answer.status in (401, 403, 400, 404, 405, 426) if target.startswith(("/.s", "/health")) else ws.answer.status in (401, 403), (target, ws.answer)
        assert ws.answer.get("Location") is None


def test_AT_06_foreign_origin(gate):
    person = Person(gate)
    person.login(PASSWORD)
    cookie = {"Cookie": person.cookie}
    assert gate.websocket("/ws", {**cookie, "Origin": gate.origin}).is_open
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1", f"https://127.0.0.1:{gate.port}", f"http://evil.example:{gate.port}"):
        ws = gate.websocket("/ws", {**cookie, "Origin": origin})
        assert ws.answer.status == 403, (origin, ws.answer)
    assert gate.websocket("/ws", cookie).answer.status in (401, 403), "no Origin: a cookie alone is not enough"
    assert gate.websocket("/ws", {**gate.bearer, "Origin": "http://evil.example"}).answer.status == 403
    assert gate.websocket("/ws", {**cookie, "Origin": gate.origin, "Sec-Fetch-Site": "cross-site"}).answer.status == 403


def test_AT_06_local_trust_alone_needs_an_origin_of_ours(start):
    gate = start("--ready", "/ready", command=backend("faulty.py", "--port", "{port}"))
    assert gate.websocket("/ws", {"Origin": gate.origin}).is_open
    for fields in ({}, {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": gate.origin, "X-Forwarded-For": "1.2.3.4"}):
        assert gate.websocket("/ws", fields).answer.status in (401, 403), fields
    assert gate.websocket("/ws", {"Origin": gate.origin}, host="evil.example").answer.status == 421


@pytest.mark.parametrize("change", [
    {"Sec-WebSocket-Version": "12"}, {"Sec-WebSocket-Version": "13, 13"}, {"Sec-WebSocket-Key": "short"}, {"Sec-WebSocket-Key": ""}, {"Upgrade": "h2c"},
    {"Upgrade": "websocket, h2c"}, {"Upgrade": "TLS/1.0"}, {"Sec-WebSocket-Key": "not base64 at all!!!!!!!"},
])
def test_R11_only_a_proper_handshake_upgrades(gate, change):
    ws = gate.websocket("/ws", {**gate.bearer, **change})
    assert not ws.is_open and ws.answer.status in (200, 400, 426, 502), ws.answer


def test_R11_method_body_and_missing_parts(gate):
    for method, extra, body in (("POST", (), b""), ("GET", [("Content-Length", "3")], b"abc"), ("GET", [("Transfer-Encoding", "chunked")], b"0\r\n\r\n"), ("HEAD", (), b"")):
        with Wire(gate.address) as wire:
            wire.send(request_text(method, "/ws", gate.host, [*gate.bearer.items(), *upgrade_fields(KEY), *extra]) + body)
            assert wire.head()[0] in (200, 400, 401, 403, 405), method
    pairs = [(n, v) for n, v in upgrade_fields(KEY) if n != "Connection"]
    with Wire(gate.address) as wire:
        assert wire.send(request_text("GET", "/echo", gate.host, [*gate.bearer.items(), *pairs])).answer().status in (200, 400)


def test_R11_h2c_upgrade_is_not_passed_on(gate):
    answer = gate.get("/echo", {**gate.bearer, "Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAARAAAAAAAIAAAAA"})
    if answer.status == 200:
        names = {k.lower() for k, _ in answer.json()["fields"]}
        assert not names & {"upgrade", "http2-settings"}
    else:
        assert answer.status in (400, 501)


@pytest.mark.parametrize("target,statuses", [("/ws-wrong-accept", (502,)), ("/ws-other-protocol", (502,)), ("/ws-refused", (403,)), ("/ws-200", (200, 502)), ("/closes", (502,)), ("/garbage", (502,))])
def test_R11_backends_that_answer_the_handshake_badly(gate, target, statuses):
    ws = gate.websocket(target, gate.bearer)
    assert ws.answer.status in statuses, ws.answer
    ws.wire.ended(1)  # it may live on for a next request: what counts is what came over it
    assert b"should not be seen" not in ws.answer.body + ws.wire.buffer


def test_R11_early_bytes_wait_for_the_backends_101(gate):
    from harness.websocket import WebSocket
    probe = WebSocket.__new__(WebSocket)
    early = WebSocket.frame(probe, 1, "early")
    ws = WebSocket(gate.address, "/ws-never", gate.host, gate.bearer, early=early)
    assert ws.is_open
    assert ws.receive()[1] == b"quiet", "the backend saw client bytes before it had said 101"
    assert ws.receive()[1] == b"early", "and then they are there"


def test_R11_bytes_after_a_refused_handshake_are_no_request(gate):
    hidden = request_text("GET", "/echo?smuggled", gate.host, gate.bearer)
    answers, ended = gate.raw(request_text("GET", "/ws-refused", gate.host, [*gate.bearer.items(), *upgrade_fields(KEY)]) + hidden)
    assert answers[0].status == 403
    assert len(answers) == 1 and ended or "smuggled" in answers[1].json()["target"], "read as a proper second request or not at all"


def test_tunnel_carries_control_frames_subprotocols_and_close(gate):
    with gate.websocket("/ws", {**gate.bearer, "Sec-WebSocket-Protocol": "chat.v2, chat.v1"}) as ws:
        assert ws.is_open and ws.answer.get("Sec-WebSocket-Protocol") == "chat.v2", "only the backend chooses"
        ws.send("p", PING)
        assert ws.receive() in ((PING, b"p"), (PONG, b"p"))
        ws.send(b"\x03\xe8bye", CLOSE)
        assert ws.receive()[0] == CLOSE and ws.close_code == 1000
        assert ws.wire.ended()


def test_handshake_reaches_the_backend_clean(gate):
    with gate.websocket("/ws-echo?a=1", {**gate.bearer, "X-Forwarded-User": "root", "Sec-WebSocket-Extensions": "permessage-deflate"}) as ws:
        told = json.loads(ws.receive()[1])
    get = {k.lower(): v for k, v in told["fields"]}
    assert told["target"] == "/ws-echo?a=1" and get["x-forwarded-user"] != "root" and get["upgrade"].lower() == "websocket"
    assert gate.token not in str(told)
    inner = get.get("x-session-token")
    assert inner and inner.startswith("spb_")
    gate.book.add(inner, "the backend credential")


# -- WT: tickets -----------------------------------------------------------------------------------------------------------------


def test_WT_01_mint_and_consume_once(gate):
    ticket, answer = mint(gate)
    assert answer.status == 201 and ticket, answer
    seconds = [v for v in answer.json().values() if isinstance(v, (int, float)) and not isinstance(v, bool)]
    assert any(1 <= s <= 30 for s in seconds), answer.text
    assert "no-store" in answer.get("Cache-Control", "")
    with gate.websocket(f"/ws?ticket={ticket}", own(gate)) as ws:
        assert ws.is_open, ws.answer
        ws.echo("by ticket")
    again = gate.websocket(f"/ws?ticket={ticket}", own(gate))
    assert again.answer.status in (401, 403)
    gate.audited(denial="already_used")


def test_WT_01_minting_needs_a_credential_and_json(gate):
    assert mint(gate, fields={})[1].status == 401
    post = lambda kind, body: gate.request("POST", "/.sallyport/api/auth/ws-ticket", {**gate.bearer, "Content-Type": kind}, body).status  # noqa: E731
    assert post("text/plain", b'{"path":"/ws"}') in (400, 415)
    assert post("application/x-www-form-urlencoded", b"path=/ws") in (400, 415)
    assert post("application/json", b"{") == 400
    assert post("application/json", b'{"path": 7}') == 400
    assert post("application/json", b'{"path": "' + b"x" * 3_000_000 + b'"}') in (400, 413)
    assert gate.get("/.sallyport/api/auth/ws-ticket", gate.bearer).status in (404, 405)


def test_WT_01_minting_from_a_page_needs_the_csrf_token_or_our_origin(gate):
    person = Person(gate)
    person.login(PASSWORD)
    base = {"Cookie": person.cookie, "Content-Type": "application/json"}
    body = b'{"path":"/ws"}'
    ask = lambda **f: gate.request("POST", "/.sallyport/api/auth/ws-ticket", {**base, **f}, body).status  # noqa: E731
    assert ask(Origin="http://evil.example") == 403
    assert ask(**{"Sec-Fetch-Site": "cross-site"}) == 403
    csrf = hidden_fields(person.get("/.sallyport/sessions").text)["csrf"]
    assert ask(Origin=gate.origin, **{"X-CSRF-Token": csrf, "Sec-Fetch-Site": "same-origin"}) == 201


def test_WT_02_exactly_one_of_64_racing_consumers_wins(gate):
    for _ in range(3):
        ticket, _ = mint(gate)
        sockets = [gate.connect() for _ in range(64)]
        data = request_text("GET", f"/ws?ticket={ticket}", gate.host, [*upgrade_fields(KEY), *own(gate).items()])

        def race(wire):
            wire.send(data)
            return wire.head()[0]

        with concurrent.futures.ThreadPoolExecutor(64) as pool:
            statuses = list(pool.map(race, sockets))
        assert statuses.count(101) == 1, statuses
        assert set(statuses) <= {101, 401, 403}
        [wire.close() for wire in sockets]


def test_WT_03_as_subprotocol_and_scrubbed_from_what_is_forwarded(gate):
    ticket, _ = mint(gate, "/ws-echo")
    with gate.websocket("/ws-echo", {**own(gate), "Sec-WebSocket-Protocol": f"chat, sallyport.ticket.{ticket}"}) as ws:
        assert ws.is_open, ws.answer
        told = ws.receive()[1].decode()
        assert ticket not in told and "sallyport.ticket" not in told and "chat" in told
        assert "sallyport.ticket" not in (ws.answer.get("Sec-WebSocket-Protocol") or "")
    ticket, _ = mint(gate, "/ws-echo")
    for query in (f"?ticket={ticket}", ):
        with gate.websocket(f"/ws-echo{query}&a=1", own(gate)) as ws:
            told = json.loads(ws.receive()[1])
            assert ticket not in str(told) and told["target"] in ("/ws-echo?a=1", "/ws-echo?&a=1")
    ticket, _ = mint(gate, "/ws-echo")
    with gate.websocket(f"/ws-echo?b=2&ticket={ticket}", own(gate)) as ws:
        assert json.loads(ws.receive()[1])["target"] == "/ws-echo?b=2"


def test_WT_03_a_ticket_as_only_subprotocol_is_confirmed_to_a_browser(gate):
    """A browser fails a WebSocket whose offered subprotocols are all ignored: the gate answers for its own."""
    ticket, _ = mint(gate, "/ws-echo")
    with gate.websocket("/ws-echo", {**own(gate), "Sec-WebSocket-Protocol": f"sallyport.ticket.{ticket}"}) as ws:
        assert ws.is_open
        chosen = ws.answer.get("Sec-WebSocket-Protocol")
        assert chosen is None or chosen == f"sallyport.ticket.{ticket}" or ticket not in chosen


def test_WT_04_bound_to_its_path(gate):
    ticket, _ = mint(gate, "/ws")
    assert gate.websocket(f"/ws-echo?ticket={ticket}", own(gate)).answer.status in (401, 403)
    assert gate.websocket(f"/ws?ticket={ticket}", own(gate)).answer.status in (401, 403), "tried in the wrong place: spent"
    gate.audited(denial="wrong_path")


def test_WT_04_bound_to_its_origin_and_session(gate):
    person = Person(gate)
    person.login(PASSWORD)
    ticket, _ = mint(gate, "/ws", {**gate.bearer, "Origin": gate.origin})
    assert ticket
    assert gate.websocket(f"/ws?ticket={ticket}", {"Origin": f"http://localhost:{gate.port}"}).answer.status in (401, 403)
    ticket, _ = mint(gate, "/ws", {**gate.bearer, "Origin": gate.origin})
    assert gate.websocket(f"/ws?ticket={ticket}").answer.status in (401, 403), "a ticket comes from a page, and a page says which"
    ticket, _ = mint(gate, "/ws", {**gate.bearer, "Origin": gate.origin})
    assert gate.websocket(f"/ws?ticket={ticket}", {"Origin": gate.origin}).is_open
    assert mint(gate, "/ws", session="another-session")[1].status in (400, 403, 404)


def test_WT_04_a_ticket_is_for_upgrades_only(gate):
    ticket, _ = mint(gate, "/echo")
    assert gate.get(f"/echo?ticket={ticket}").status == 401
    assert gate.get("/echo", {"Authorization": f"Bearer {ticket}"}).status == 401
    assert gate.get("/echo", {"Sec-WebSocket-Protocol": f"sallyport.ticket.{ticket}"}).status == 401


def test_WT_05_identity_travels_on(gate):
    ticket, _ = mint(gate, "/ws-echo")
    with gate.websocket(f"/ws-echo?ticket={ticket}", own(gate)) as ws:
        told = {k.lower(): v for k, v in json.loads(ws.receive()[1])["fields"]}
    direct = {k.lower(): v for k, v in gate.get("/echo", gate.bearer).json()["fields"]}
    assert told["x-forwarded-user"] == direct["x-forwarded-user"] and told["x-session-id"] == direct["x-session-id"]
    line = gate.audited(door="websocket", how="ticket", outcome="allowed")
    assert line["who"]


def test_WT_06_WT_09_unknown_empty_and_wrong_are_answered_alike(gate):
    used, _ = mint(gate)
    assert gate.websocket(f"/ws?ticket={used}", own(gate)).is_open
    values = ["spt_" + "A" * 43, "", "x", "spt_", "spt_" + "A" * 42, "spt_" + "A" * 44, "%00", "spa_" + "A" * 43, "é", used, "A" * 3000, "spt_" + "=" * 43, "spt_" + "A" * 42 + "%0a"]
    answers = []
    for value in values:
        ws = gate.websocket("/ws?ticket=" + "".join(c if c.isascii() else "%C3%A9" for c in value), own(gate))
        assert not ws.is_open
        if ws.answer.status == 400:
            continue
        answers.append((ws.answer.status, ws.answer.body))
        assert value[:12] not in ws.answer.text or len(value) < 6
    assert len(answers) >= 8 and len(set(answers)) == 1, "the answers tell the cases apart"
    reasons = {line.get("denial") for line in gate.audit() if line.get("door") == "websocket"}
    assert {"unknown_credential", "already_used"} <= reasons, reasons


def test_WT_06_two_tickets_or_a_ticket_beside_a_credential(gate):
    one, two = mint(gate)[0], mint(gate)[0]
    assert not gate.websocket(f"/ws?ticket={one}&ticket={two}", own(gate)).is_open
    three = mint(gate)[0]
    assert gate.websocket(f"/ws?ticket={three}", {**own(gate), **gate.bearer}).answer.status in (101, 400, 401)


@pytest.mark.slow
def test_WT_01_expires_after_30_seconds(gate):
    ticket, _ = mint(gate)
    time.sleep(30.5)
    assert gate.websocket(f"/ws?ticket={ticket}", own(gate)).answer.status in (401, 403)
    gate.audited(denial="expired")


def test_WT_07_capped_the_oldest_goes_and_they_die_with_their_login(gate):
    tickets = [mint(gate)[0] for _ in range(1)]
    statuses = []
    for _ in range(300):
        ticket, answer = mint(gate)
        statuses.append(answer.status)
        tickets.append(ticket)
    assert set(statuses) <= {201, 429}, set(statuses)
    assert gate.websocket(f"/ws?ticket={tickets[0]}", own(gate)).answer.status in (401, 403), "the oldest is out"
    newest = [t for t in tickets if t][-1]
    assert gate.websocket(f"/ws?ticket={newest}", own(gate)).is_open
    person = Person(gate)
    person.login(PASSWORD)
    csrf = hidden_fields(person.get("/.sallyport/sessions").text)["csrf"]
    mine, answer = mint(gate, fields={"Cookie": person.cookie, "Origin": gate.origin, "X-CSRF-Token": csrf})
    assert mine, answer
    person.logout()
    assert gate.websocket(f"/ws?ticket={mine}", {"Origin": gate.origin}).answer.status in (401, 403)


def test_WT_08_the_internal_credential_is_the_childs_alone(start, folder):
    """Handed to the child by descriptor or file, never in its argv; from outside its named endpoints it opens nothing."""
    report = folder / "report.json"
    gate = start("--no-local-trust", command=backend("child.py", "--port", "{port}", "--report", str(report)))
    told = json.loads(eventually(lambda: report.exists() and report.read_text()))
    everything = json.dumps(told)
    assert not re.search(r"sp[isat]_[A-Za-z0-9_-]{43}", everything.replace(told["from_fd"] or "\0", "")), "a credential stands in argv or environment"
    path = told["env"].get("SALLYPORT_INTERNAL_FILE")
    if path is None:
        pytest.skip("this build hands no internal credential to a child: there is no endpoint for one yet")
    internal = gate.book.add(open(path).read().strip(), "the internal credential")
    assert internal.startswith("spi_")
    assert gate.get("/", {"Authorization": f"Bearer {internal}"}).status == 401
    named = gate.get("/.sallyport/auth/status", {"Authorization": f"Bearer {internal}"})
    assert named.status == 200 and json.loads(named.text)["kind"] == "internal", named.text
    assert gate.get("/.sallyport/sessions", {"Authorization": f"Bearer {internal}"}).status == 401
    assert gate.websocket("/ws", {"Authorization": f"Bearer {internal}"}).answer.status in (401, 403)
