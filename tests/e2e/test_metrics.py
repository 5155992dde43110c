# SPDX-License-Identifier: Apache-2.0
"""BY-11: what the gateway did, in numbers, on the admin socket and on a listener of their own."""
import os
import re
import secrets
import time

import pytest
from harness.admin import metrics, series
from harness.gate import eventually, free_port
from harness.wire import Wire, request_text


def ask(port, target="/metrics", host=None, method="GET", source=None, fields=()):
    with Wire(("127.0.0.1", port), source=source) as wire:
        wire.send(request_text(method, target, host or f"127.0.0.1:{port}", fields))
        return wire.answer(method)


def test_BY_11_counters_tell_what_happened(start):
    gate = start("--no-local-trust")
    before = metrics(gate)
    for _ in range(3):
        gate.get("/x")
    gate.get("/x", host="elsewhere.example")
    after = metrics(gate)
    for name, more in (('sallyport_denials_total{reason="no_credential"}', 3), ('sallyport_denials_total{reason="host_not_allowed"}', 1),
                       ('sallyport_events_total{event="request",outcome="denied"}', 4)):
        assert series(after, name) - series(before, name) == more, name
    assert series(after, 'sallyport_sessions{state="ready"}') == 1
    assert series(after, "sallyport_audit_failing") == 0
    names = {line.split("{")[0].split(" ")[0] for line in after.splitlines() if not line.startswith("#")}
    assert names == set(re.findall(r"^# TYPE (\S+) ", after, re.MULTILINE)), "each has its type"
    assert after.count("\n") == before.count("\n"), "no request makes a new series"


def test_BY_11_nobody_else_reads_them(start):
    gate = start("--no-local-trust")
    assert gate.get("/metrics").status == 401, "the guarded origin has no such page"


def test_BY_11_loops_count_requests_connections_and_upstreams(start):
    gate = start("--no-local-trust")
    before = metrics(gate)
    for _ in range(5):
        assert gate.get("/", gate.bearer).status == 200
    after = metrics(gate)
    for name in ("sallyport_requests_total", "sallyport_connections_accepted_total"):
        assert series(after, name) - series(before, name) >= 5, name
    moved = sum(series(after, name) - series(before, name) for name in ("sallyport_upstream_dialed_total", "sallyport_upstream_reused_total"))
    assert moved == 5, "each request went to the tool, on an old connection or a new one"
    assert len(re.findall(r"^sallyport_requests_total\{", after, re.MULTILINE)) == len(re.findall(r"^sallyport_loop_turns_total\{", after, re.MULTILINE)) >= 1


def test_BY_11_smuggled_headers_are_counted_and_credentials_are_not(start):
    gate = start("--no-local-trust")
    before = metrics(gate)
    assert gate.get("/", {**gate.bearer, "X-Forwarded-User": "root", "X_Session_Id": "other", "X-Forwarded-For": "192.0.2.1"}).status == 200
    assert gate.get("/", gate.bearer).status == 200
    assert series(metrics(gate), "sallyport_smuggled_headers_total") - series(before, "sallyport_smuggled_headers_total") == 2


def test_BY_11_unreadable_heads_are_counted(start):
    gate = start("--no-local-trust")
    before = metrics(gate)
    answers, _ = gate.raw(b"GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert answers[0].status == 400
    eventually(lambda: series(metrics(gate), "sallyport_refused_heads_total") > series(before, "sallyport_refused_heads_total"), what="it is counted")


def test_BY_11_cut_streams_are_counted(serve):
    gateway = serve(admin=True)
    made = gateway.api("POST", "/tokens", {"owner": "alice"})
    token = gateway.book.add(made.json()["token"], "an access token")
    with Wire(("127.0.0.1", gateway.admin_port), timeout=60) as wire:
        wire.send(request_text("GET", "/events", f"127.0.0.1:{gateway.admin_port}", {"Authorization": f"Bearer {token}"}))
        assert wire.head()[0] == 200
        assert gateway.api("DELETE", f"/tokens/{made.json()['id']}").status == 204
        eventually(lambda: series(metrics(gateway), "sallyport_streams_cut_total") >= 1, what="the stream was cut")


def test_BY_11_the_certificates_term(start):
    gate = start("--no-local-trust", "--tls", "self-signed", wait=None)
    eventually(lambda: (gate.state / "admin.sock").exists(), 60)
    days = (series(metrics(gate), "sallyport_certificate_expiry_timestamp_seconds") - time.time()) / 86400
    assert 1 < days < 400


def test_BY_11_SG_13_handshakes_and_plain_attempts_are_counted_by_what_came_of_them(start):
    gate = start("--no-local-trust", "--tls", "self-signed", wait=None)
    eventually(lambda: (gate.state / "admin.sock").exists(), 60)
    name = "sallyport_tls_handshakes_total"
    before = metrics(gate)
    with Wire(gate.address) as wire:
        wire.send(request_text("GET", "/", gate.host))
        assert wire.answer().status == 400
    with Wire(gate.address) as wire:
        wire.send(b"\x16\x03\x01\x00\x02no")
        wire.ended(10)
    eventually(lambda: series(metrics(gate), name + '{result="failed"}') > series(before, name + '{result="failed"}'), what="a failed one")
    assert series(metrics(gate), name + '{result="plain_http"}') - series(before, name + '{result="plain_http"}') == 1


def test_BY_11_a_listener_of_their_own_for_a_collector_of_this_machine(start):
    port = free_port()
    gate = start("--no-local-trust", "--metrics", f"127.0.0.1:{port}")
    assert f"metrics: http://127.0.0.1:{port}/metrics" in gate.text
    answer = ask(port)
    assert answer.status == 200 and answer.get("Content-Type").startswith("text/plain; version=0.0.4")
    assert series(answer.body.decode(), 'sallyport_sessions{state="ready"}') == 1
    assert ask(port, host=f"localhost:{port}").status == 200
    refused = ask(port, "/sessions")
    assert refused.status == 401 and b"GET /metrics" in refused.body, "it is no admin door"
    assert ask(port, "/health").status == 401
    assert ask(port, "/.sallyport/login").status == 401
    assert ask(port, method="POST").status == 401
    assert ask(port, "/metrics/../sessions").status in (400, 401)
    assert ask(port, host="rebound.example").status == 421, "a page elsewhere cannot read them by DNS"
    assert ask(port, fields={"Authorization": "Bearer " + "spa_" + secrets.token_urlsafe(32)}, target="/sessions").status == 401


def test_BY_11_a_unix_socket_for_them(start, folder):
    path = folder / "m" / "metrics.sock"
    path.parent.mkdir(mode=0o700)
    gate = start("--no-local-trust", "--metrics", f"unix:{path}")
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert series(metrics(gate, path), "sallyport_audit_failing") == 0


@pytest.mark.parametrize("address", ["0.0.0.0:9100", "[::]:9100", "192.0.2.1:9100"])
def test_BY_11_the_network_gets_no_metrics(cli, folder, address):
    done = cli("run", "--state-dir", str(folder / "state"), "--listen", "127.0.0.1:0", "--metrics", address, "--", "true")
    assert done.status == 3 and "metrics" in done.err and "loopback" in done.err, done


def test_BY_11_a_bad_address_is_named(cli):
    done = cli("config", "check", "--metrics", "everywhere")
    assert done.status == 2 and "metrics" in done.err and "HOST:PORT" in done.err, done
