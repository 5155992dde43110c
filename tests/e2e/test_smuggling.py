# SPDX-License-Identifier: Apache-2.0
"""R4, R6, R13: what is ambiguous is refused, what is judged is what is forwarded, and no spelling of a header slips through."""
import re

import pytest
from harness.gate import backend
from harness.wire import Wire, request_text


@pytest.fixture(scope="module")
def gate(start_shared):
    return start_shared("--no-local-trust", "--ready", "/ready", command=backend("faulty.py", "--port", "{port}"))


def text(gate, lines, body=b"", target="/echo", method="POST"):
    head = [f"{method} {target} HTTP/1.1", f"Host: {gate.host}", f"Authorization: Bearer {gate.token}", *lines]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


SMUGGLED = b"GET /echo?smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


def refused(gate, data, statuses=(400,)):
    answers, ended = gate.raw(data)
    assert answers, "no answer at all"
    assert answers[0].status in statuses, answers
    assert len(answers) == 1, f"a second request was read from it: {answers}"
    assert ended, "the connection lives on after an ambiguous request"
    assert b"smuggled" not in b"".join(a.body for a in answers)


def test_control_plain_requests_pass(gate):
    answers, _ = gate.raw(text(gate, ["Content-Length: 3"], b"abc") + text(gate, ["Transfer-Encoding: chunked", "Connection: close"], b"3\r\nabc\r\n0\r\n\r\n"))
    assert [a.status for a in answers] == [200, 200] and all(a.json()["bytes"] == 3 for a in answers)


@pytest.mark.parametrize("lines,body", [
    (["Content-Length: 4", "Transfer-Encoding: chunked"], b"0\r\n\r\n" + SMUGGLED),
    (["Transfer-Encoding: chunked", "Content-Length: 4"], b"0\r\n\r\n" + SMUGGLED),
    (["Content-Length: 3", "Content-Length: 4"], b"abcd" + SMUGGLED),
    (["Content-Length: 3", "Content-Length: 3"], b"abc"),
    (["Content-Length: 3, 3"], b"abc"),
    (["Content-Length: +3"], b"abc"),
    (["Content-Length: -1"], b""),
    (["Content-Length: 0x3"], b"abc"),
    (["Content-Length: 3 "], b"abc"),
    (["Content-Length: 03a"], b"abc"),
    (["Content-Length: "], b""),
    (["Content-Length: 99999999999999999999999"], b""),
    (["Content-Length : 3"], b"abc"),
    (["Content-Length\t: 3"], b"abc"),
    ([" Content-Length: 3"], b"abc"),
    (["Content_Length: 3"], b"abc"),
    (["Transfer-Encoding : chunked"], b"0\r\n\r\n"),
    (["Transfer_Encoding: chunked", "Content-Length: 5"], b"0\r\n\r\n" + SMUGGLED),
    (["Transfer-Encoding: xchunked"], b"0\r\n\r\n"),
    (["Transfer-Encoding: chunked, identity"], b"0\r\n\r\n"),
    (["Transfer-Encoding: identity"], b""),
    (["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], b"0\r\n\r\n"),
    (["Transfer-Encoding: chunked, chunked"], b"0\r\n\r\n"),
    (["Transfer-Encoding: \x0bchunked"], b"0\r\n\r\n"),
    (["Transfer-Encoding: chunked\x00"], b"0\r\n\r\n"),
    (["Transfer-Encoding: gzip, chunked"], b"0\r\n\r\n"),
    (["Transfer-Encoding:"], b""),
    (["X: a\r\n folded: b"], b""),
    (["X: a\r\n\tfolded"], b""),
    (["X: a\nY: b"], b""),
    (["X: a\rY: b"], b""),
    (["X: a\x00b"], b""),
    (["X\x00Y: a"], b""),
    ([": empty name"], b""),
    (["no colon here"], b""),
    (["Bad Name: x"], b""),
    (["X: \x01"], b""),
    (["Authorization: Bearer other"], b""),
], ids=lambda v: repr(v)[:60] if isinstance(v, list) else None)
def test_ambiguous_heads_get_400_and_close(gate, lines, body):
    if lines in (["Content-Length: 3 "],):  # white space around a value is no ambiguity (RFC 9110, section 5.5)
        assert gate.raw(text(gate, [*lines, "Connection: close"], body))[0][0].status == 200
        return
    if "_" in lines[0]:  # no framing to us; a backend that takes '_' for '-' must never see it
        framed = [] if len(lines) == 1 else lines[1:]
        answers, _ = gate.raw(text(gate, [lines[0], *framed, "Connection: close"], b"0\r\n\r\n" if framed else b""))
        assert len(answers) == 1
        assert answers[0].status == 400 or not re.search("content_|transfer_", answers[0].text, re.I)
        return
    refused(gate, text(gate, lines, body), (400, 501, 401) if lines[0].startswith(("Transfer", "Authorization")) else (400, 413))


@pytest.mark.parametrize("first", [
    b"GET /echo HTTP/1.2", b"GET /echo HTTP/2.0", b"GET /echo HTTP/0.9", b"GET /echo", b"GET  /echo HTTP/1.1", b"GET /echo  HTTP/1.1", b"GET\t/echo HTTP/1.1", b"GET /echo HTTP/1.1 ",
    b" GET /echo HTTP/1.1", b"G\x00T /echo HTTP/1.1", b"GET /ec\x01ho HTTP/1.1", b"GET /ec\xffho HTTP/1.1", b"GET echo HTTP/1.1", b"GET * HTTP/1.1", b"GET /a b HTTP/1.1",
    b"GET /echo http/1.1", b"GET /echo HTTP/1.10", b"GET /echo#frag HTTP/1.1", b"\x16\x03\x01\x00\xa5\x01", b"PRI * HTTP/2.0", b"GET  HTTP/1.1",
    b"CONNECT 127.0.0.1:22 HTTP/1.1", b"CONNECT evil.example:443 HTTP/1.1", b"G" * 300 + b" /echo HTTP/1.1",
], ids=repr)
def test_bad_request_lines(gate, first):
    refused(gate, first + b"\r\nHost: " + gate.host.encode() + b"\r\nAuthorization: Bearer " + gate.token.encode() + b"\r\n\r\n", (400, 405, 501, 505))


def test_bare_line_feeds_are_refused(gate):
    refused(gate, text(gate, []).replace(b"\r\n", b"\n"))
    refused(gate, b"GET /echo HTTP/1.1\r\nHost: " + gate.host.encode() + b"\n\r\n")


@pytest.mark.parametrize("body", [
    b"3;" + b"a" * 20000 + b"\r\nabc\r\n0\r\n\r\n", b"g\r\nabc", b"-1\r\n", b"0x3\r\nabc\r\n0\r\n\r\n", b"3\nabc\r\n0\r\n\r\n", b"3\r\nabcd\r\n0\r\n\r\n", b"3\r\nabc0\r\n\r\n",
    b"ffffffffffffffffff\r\n", b" 3\r\nabc\r\n0\r\n\r\n", b"3 \r\nabc\r\n0\r\n\r\n", b"\r\n", b"3\r\nabc\n0\r\n\r\n", b"0\r\nTrailer: a\nb: c\r\n\r\n",
    b"0\r\n" + b"T: x\r\n" * 5000 + b"\r\n", b"3;x=\"\n\"\r\nabc\r\n0\r\n\r\n",
], ids=lambda b: repr(b[:24]))
def test_bad_chunks_end_the_connection(gate, body):
    answers, ended = gate.raw(text(gate, ["Transfer-Encoding: chunked"], body + SMUGGLED))
    assert ended
    assert all(a.status in (400, 413, 431) for a in answers), answers
    assert len(answers) <= 1


def test_trailers_are_dropped(gate):
    body = b"3\r\nabc\r\n0\r\nX-Forwarded-User: root\r\nX-Trailer: 1\r\n\r\n"
    told = gate.raw(text(gate, ["Transfer-Encoding: chunked", "Connection: close"], body))[0][0].json()
    assert told["trailers"] == [] and told["bytes"] == 3


# -- R4: identity and session headers in every spelling -------------------------------------------------------------------------

OURS = ["X-Forwarded-User", "X-Forwarded-Groups", "X-Forwarded-Email", "X-Forwarded-Preferred-Username", "X-Session-ID", "X-Session-Token", "X-Forwarded-For",
        "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Server", "X-Forwarded-Uri", "X-Forwarded-Method", "X-Real-IP",
        "Forwarded", "X-Remote-User", "Remote-User", "X-Auth-Request-User", "X-WebAuth-User", "X-Original-URL", "X-Rewrite-URL", "X-Request-ID", "Proxy",
        "X-Forwarded-Access-Token", "X-Forwarded-Client-Cert", "X-SSL-Client-Cert", "Tailscale-User-Login", "Proxy-Authorization"]


def spellings(name):
    yield from (name, name.lower(), name.upper(), name.replace("-", "_"), name.replace("-", "."), name.lower().replace("-", "_"), name.replace("-", "_", 1), name.title().replace("-", ".", 1))


@pytest.mark.parametrize("name", OURS)
def test_SA_05_forged_header_never_arrives(gate, name):
    for spelling in dict.fromkeys(spellings(name)):
        for extra in ([], [("Connection", f"close, {name}")], [("Connection", spelling)]):
            answer = gate.get("/echo", [*gate.bearer.items(), (spelling, "FORGED"), *extra])
            if answer.status in (400, 401):  # two credentials, or a name that is refused: as good
                continue
            assert answer.status == 200, (spelling, answer)
            assert "FORGED" not in answer.text, f"{spelling} reached the backend"


def test_SA_05_connection_listed_names_cannot_remove_what_we_add(gate):
    """Traefik CVE-2024-45410: 'Connection: X-Forwarded-User' made a proxy delete the identity it had just set."""
    for listed in ("X-Forwarded-User", "x-forwarded-user, X-Session-ID", "X_Forwarded_User", "Authorization", "X-Session-Token", "Host", "Content-Length", "Cookie", "X-Forwarded-For"):
        answer = gate.get("/echo", [*gate.bearer.items(), ("Connection", listed)])
        if answer.status == 400:
            continue
        fields = {k.lower(): v for k, v in answer.json()["fields"]}
        for needed in ("x-forwarded-user", "x-session-id", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-request-id", "host"):
            assert fields.get(needed), f"Connection: {listed} removed {needed}"
        assert fields["x-forwarded-for"] == "127.0.0.1"


def test_SA_05_what_the_backend_gets_is_exactly_ours(gate):
    answer = gate.get("/echo", {**gate.bearer, "X-Forwarded-For": "6.6.6.6", "X-Forwarded-User": "root", "traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01", "X-Mine": "kept"})
    fields = [(k.lower(), v) for k, v in answer.json()["fields"]]
    get = dict(fields)
    for single in ("host", "x-forwarded-user", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-session-id", "x-request-id"):
        assert sum(k == single for k, _ in fields) == 1, single
    assert get["x-forwarded-for"] == "127.0.0.1" and get["x-forwarded-proto"] == "http" and get["x-forwarded-host"] == gate.host
    assert get["x-forwarded-user"] != "root"
    assert get["traceparent"].startswith("00-aaaa") and get["x-mine"] == "kept"
    inner = get.get("x-session-token") or get["authorization"].split()[-1]
    gate.book.add(inner, "the backend credential")
    assert inner.startswith("spb_") and inner != gate.token


def test_SA_05_backend_credential_opens_no_door(gate):
    told = gate.get("/echo", gate.bearer).json()
    inner = dict((k.lower(), v) for k, v in told["fields"]).get("x-session-token")
    gate.book.add(inner, "the backend credential")
    for fields in ({"X-Session-Token": inner}, {"Authorization": f"Bearer {inner}"}, {"Cookie": f"sallyport-{gate.port}={inner}"}):
        assert gate.get("/echo", fields).status == 401


def test_hop_by_hop_fields_stay_on_their_hop(gate):
    told = gate.get("/echo", {**gate.bearer, "Connection": "X-Hop", "X-Hop": "1", "Keep-Alive": "timeout=5", "TE": "trailers", "Proxy-Connection": "keep-alive", "Trailer": "X"}).json()
    names = {k.lower() for k, _ in told["fields"]}
    assert not names & {"x-hop", "keep-alive", "proxy-connection", "trailer", "te"}
    answer = gate.get("/hop", gate.bearer)
    names = {k.lower() for k, _ in answer.fields}
    assert not names & {"x-hop", "proxy-authenticate"} and "x-stays" in names


def test_response_splitting_is_impossible(gate):
    for target in ("/echo?x=%0d%0aSet-Cookie:%20a=b", "/x%0d%0ay"):
        answer = gate.get(target, {"Accept": "text/html"})
        assert answer.status in (302, 400) and not answer.cookies


# -- R6: the bytes that are judged are the bytes that are forwarded ------------------------------------------------------------------


@pytest.mark.parametrize("target", ["/a/../b", "/a/./b", "/..", "/a/..", "/%2e%2e/b", "/a/%2e./b", "/a%2fb", "/a%2Fb", "/a%5cb", "/a\\b", "/a%00b", "/a%23b", "/a%252fb", "/%zz", "/a%", "/a%2",
                                    "/..;/b", "/a/..%3b/b", "/.%2e/b", "/%c0%ae%c0%ae/b"])
def test_path_confusion_is_refused_or_forwarded_unchanged(gate, target):
    answers, _ = gate.raw(request_text("GET", target, gate.host, {**gate.bearer, "Connection": "close"}))
    answer = answers[0]
    if answer.status == 400:
        return
    assert answer.status == 200 and f"elsewhere {target}\n" == answer.text, "what arrived is not what was sent"
    assert not any(bad in target.lower() for bad in ("%2f", "%5c", "%00", "%23", "%25", "\\", "../", "/..", "./", "%2e%2e", "%2e.", ".%2e", "%zz")), f"{target} was let through"


def test_harmless_targets_are_forwarded_byte_for_byte(gate):
    for target in ("/", "/a//b", "/a;b=c", "/a%20b", "/%41", "/a?x=../..&y=%2f", "/a?", "/~u/a-b_c.d", "/a:b@c", "/%E2%82%AC", "/a?b=c%20d", "/" + "x" * 4000):
        answers, _ = gate.raw(request_text("GET", target, gate.host, {**gate.bearer, "Connection": "close"}))
        if target == "/":
            assert answers[0].status == 200
        else:
            assert answers[0].text == f"elsewhere {target}\n", answers


def test_limits_on_heads(gate):
    def status(data):
        return gate.raw(data)[0][0].status
    assert status(text(gate, ["X: " + "a" * 200_000, "Connection: close"], method="GET")) in (400, 431)
    assert status(text(gate, [f"X-{i}: a" for i in range(1000)], method="GET")) in (400, 431)
    assert status(text(gate, [], target="/" + "a" * 100_000, method="GET")) in (400, 414, 431)
    assert status(text(gate, [f"X-{i}: a" for i in range(60)] + ["Connection: close"], method="GET")) == 200


def test_pipelined_requests_are_answered_in_order(gate):
    with Wire(gate.address) as wire:
        wire.send(b"".join(request_text("GET", f"/p{i}", gate.host, gate.bearer) for i in range(20)))
        assert [wire.answer().text for _ in range(20)] == [f"elsewhere /p{i}\n" for i in range(20)]


def test_each_request_on_a_connection_is_judged_alone(gate):
    """A credential on the first request is none for the second."""
    with Wire(gate.address) as wire:
        assert wire.send(request_text("GET", "/echo", gate.host, gate.bearer)).answer().status == 200
        assert wire.send(request_text("GET", "/echo", gate.host)).answer().status == 401
        assert wire.send(request_text("GET", "/echo", gate.host, gate.bearer)).answer().status == 200
        assert wire.send(request_text("GET", "/echo", "evil.example", gate.bearer)).answer().status == 421


def test_a_refused_requests_body_is_never_the_next_request(gate):
    """A 401 to a POST must not leave its body to be read as a request."""
    answers, ended = gate.raw(request_text("POST", "/echo", gate.host, {"Content-Length": str(len(SMUGGLED))}, SMUGGLED))
    assert [a.status for a in answers] == [401]
    assert ended or len(answers) == 1
