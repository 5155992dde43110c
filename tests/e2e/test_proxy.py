# SPDX-License-Identifier: Apache-2.0
"""The data plane on the real binary: faults of a backend, bodies of every form, streaming both ways, bounded memory."""
import hashlib
import threading
import time

import pytest
from harness.gate import backend, eventually
from harness.wire import Closed, Wire, request_text

GIB = 1 << 30
RESIDENT_GROWTH_KIB = 24 * 1024  # what streaming may add to the gate's memory, whatever the size of the body


@pytest.fixture(scope="module")
def gate(start_shared):
    return start_shared("--no-local-trust", "--ready", "/ready", command=backend("faulty.py", "--port", "{port}"))


@pytest.fixture(scope="module", params=["port", "socket"])
def either(request, start_shared):
    """The same backend over TCP and over a Unix socket."""
    return start_shared("--no-local-trust", "--ready", "/ready", command=backend("faulty.py", f"--{request.param}", "{%s}" % request.param))


# -- faults of a backend --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/closes", "/resets", "/garbage", "/half-head", "/two-lengths", "/length-and-chunked", "/folded", "/nul", "/huge-head", "/unasked-101"])
def test_502_where_the_backend_answers_badly(gate, path):
    answer = gate.get(path, gate.bearer)
    assert answer.status == 502, answer
    assert "json" in answer.get("Content-Type") and answer.json()["error"]
    page = gate.get(path, {**gate.bearer, "Accept": "text/html"})
    assert page.status == 502 and page.get("Content-Type").startswith("text/html") and "<html" in page.text
    assert b"leak" not in page.body and b"this is not HTTP" not in page.body
    assert gate.get("/echo", gate.bearer).status == 200, "the next request is well"


@pytest.mark.parametrize("path", ["/dies-mid-length", "/dies-mid-chunk", "/bad-chunk"])
def test_a_backend_that_dies_mid_body_is_seen_as_cut_short(gate, path):
    """The client must be able to tell: fewer bytes than announced, or no last chunk. Never a clean end."""
    for _ in range(3):
        with Wire(gate.address) as wire:
            wire.send(request_text("GET", path, gate.host, gate.bearer))
            try:
                answer = wire.answer()
            except (Closed, ValueError, AssertionError):
                continue
            assert answer.status == 502, f"it looks whole: {answer}"
    assert gate.get("/echo", gate.bearer).status == 200


def test_an_answer_nobody_asked_for_reaches_nobody(gate):
    for _ in range(20):
        assert gate.get("/two-answers", gate.bearer).text == "ok\n"
        assert "poison" not in gate.get("/echo", gate.bearer).text


def test_504_where_the_backend_never_answers(start, cli):
    if "--response-timeout" not in cli("run", "--help").out:
        pytest.skip("needs the option --response-timeout; see the slow test for the default")
    gate = start("--no-local-trust", "--response-timeout", "1s", "--ready", "/ready", command=backend("faulty.py", "--port", "{port}"))
    assert gate.get("/never", gate.bearer).status == 504
    assert gate.get("/never", {**gate.bearer, "Accept": "text/html"}).get("Content-Type").startswith("text/html")
    assert gate.get("/echo", gate.bearer).status == 200


@pytest.mark.slow
def test_504_by_default(gate):
    assert gate.get("/never", gate.bearer, timeout=300).status == 504


def test_502_and_503_pages_when_the_tool_is_gone_or_starting(start):
    slow = start("--no-local-trust", command=backend("child.py", "--port", "{port}", "--delay", "6"), wait="page")
    page = slow.get("/", {**slow.bearer, "Accept": "text/html"})
    assert page.status == 503 and "<html" in page.text and int(page.get("Retry-After")) >= 1, page
    assert slow.get("/").status == 401, "who is not let in learns nothing of the tool's state"
    slow.wait("tool")
    assert slow.get("/", slow.bearer).status == 200


def test_error_page_escapes_what_the_tool_printed(start):
    gate = start("--no-local-trust", "--restart", "always", command=backend("child.py", "--port", "{port}", "--say", "<script>alert(1)</script>", "--delay", "30"), wait="page")
    page = gate.get("/", {**gate.bearer, "Accept": "text/html"})
    assert page.status == 503 and "<script>" not in page.text
    assert "default-src 'none'" in page.get("Content-Security-Policy", "")


# -- bodies of every form -------------------------------------------------------------------------------------------------------


def test_bodies_of_every_form(either):
    assert either.get("/eof-body", either.bearer).text == "until the end"
    assert either.get("/http10", either.bearer).text == "old"
    assert either.get("/pauses", either.bearer).text == "data: 0\n\ndata: 1\n\ndata: 2\n\n"
    assert either.get("/length", either.bearer).body == b"y" * 1000
    answer = either.request("HEAD", "/length", either.bearer)
    assert answer.status == 200 and answer.get("Content-Length") == "1000" and answer.body == b""
    with Wire(either.address) as wire:  # after answers without a body the connection goes on
        for method, path, status in (("HEAD", "/length", 200), ("GET", "/204", 204), ("GET", "/304", 304), ("HEAD", "/pauses", 200), ("GET", "/echo", 200)):
            if (method, path) == ("HEAD", "/pauses"):
                continue
            assert wire.send(request_text(method, path, either.host, either.bearer)).answer(method).status == status


def test_uploads_of_known_length_and_chunked(either):
    body = bytes(range(256)) * 1000
    told = either.request("POST", "/echo", either.bearer, body).json()
    assert told["bytes"] == len(body)
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 7000]), body[i:i + 7000]) for i in range(0, len(body), 7000)) + b"0\r\n\r\n"
    with Wire(either.address) as wire:
        told = wire.send(request_text("POST", "/echo", either.host, {**either.bearer, "Transfer-Encoding": "chunked"}) + chunked).answer().json()
    assert told["bytes"] == len(body)


def test_early_hints_and_informational_answers_do_no_harm(gate):
    assert gate.get("/early-hints", gate.bearer).text == "ok\n"


def test_100_continue_comes_from_the_backend_or_at_once(either):
    with Wire(either.address) as wire:
        wire.send(request_text("POST", "/continue", either.host, {**either.bearer, "Content-Length": "5", "Expect": "100-continue"}))
        status, _, _ = wire.head()
        assert status == 100, "the client was not told to go on"
        assert wire.send(b"hello").answer().text == "5\n"


def test_100_continue_is_not_said_to_those_who_are_refused(gate):
    with Wire(gate.address) as wire:
        wire.send(request_text("POST", "/continue", gate.host, {"Content-Length": "5", "Expect": "100-continue"}))
        status, _, _ = wire.head()
        assert status == 401


def test_unknown_expectation(gate):
    assert gate.request("POST", "/echo", {**gate.bearer, "Expect": "the-unexpected"}, b"x").status in (400, 417)


def test_an_early_refusal_by_the_backend_is_passed_on(gate):
    with Wire(gate.address) as wire:
        wire.send(request_text("POST", "/refuses", gate.host, {**gate.bearer, "Content-Length": "50000000"}))
        assert wire.answer().status in (413, 502)


def test_http_1_0_client(gate):
    with Wire(gate.address) as wire:
        wire.send(request_text("GET", "/pauses", gate.host, gate.bearer, version="HTTP/1.0"))
        status, _, fields = wire.head()
        names = {k.lower() for k, _ in fields}
        assert status == 200 and "transfer-encoding" not in names
        assert wire.to_end() == b"data: 0\n\ndata: 1\n\ndata: 2\n\n"


# -- streaming ------------------------------------------------------------------------------------------------------------------


def test_sse_is_not_buffered(either):
    """Each event arrives while the answer is still open: the backend sends the next one only when the client has sent a byte."""
    with Wire(either.address) as wire:
        wire.send(request_text("POST", "/pauses?n=5", either.host, {**either.bearer, "Content-Length": "5"}))
        status, _, _ = wire.head()
        assert status == 200
        chunks = wire.chunks()
        for count in range(5):
            got = b""
            while not got.endswith(b"\n\n"):
                got += next(chunks)
            assert got == b"data: %d\n\n" % count
            wire.send(b"x")
        assert list(chunks) == []


def test_sse_of_the_example_arrives_as_it_happens(start):
    gate = start("--no-local-trust")
    with Wire(gate.address) as wire:
        wire.send(request_text("GET", "/events", gate.host, gate.bearer))
        assert wire.head()[0] == 200
        chunks, first = wire.chunks(), time.monotonic()
        assert b"data: 0" in next(chunks)
        assert b"data: 1" in next(chunks)
        assert time.monotonic() - first < 5


def moved(wire, size):
    """Reads a body without keeping it."""
    left, wire.buffer = size - len(wire.buffer[:size]), wire.buffer[size:]
    view = memoryview(bytearray(1 << 20))
    while left > 0:
        count = wire.socket.recv_into(view[:min(left, len(view))])
        assert count, f"{left} bytes are missing"
        left -= count
    assert left == 0


def watch_memory(gate, work):
    """Runs work(); returns how far the gate's memory grew above its start, in KiB."""
    before, peak, done = gate.resident_kib(), [0], threading.Event()

    def look():
        while not done.wait(0.05):
            peak[0] = max(peak[0], gate.resident_kib())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        work()
    finally:
        done.set()
        thread.join()
    return max(peak[0], gate.resident_kib()) - before


def download(gate, size):
    with Wire(gate.address, timeout=600) as wire:
        wire.send(request_text("GET", f"/big?bytes={size}", gate.host, gate.bearer))
        status, _, fields = wire.head()
        assert status == 200 and dict(fields)["Content-Length"] == str(size)
        moved(wire, size)


def upload(gate, size):
    piece, left, digest = bytes(1 << 18), size, hashlib.sha256()
    with Wire(gate.address, timeout=600) as wire:
        wire.send(request_text("POST", "/sink", gate.host, {**gate.bearer, "Content-Length": str(size)}))
        while left:
            wire.send(piece[:min(left, len(piece))])
            digest.update(piece[:min(left, len(piece))])
            left -= min(left, len(piece))
        told = wire.answer().json()
    assert told == {"bytes": size, "sha256": digest.hexdigest()}


@pytest.mark.parametrize("work", [download, upload])
def test_half_a_gibibyte_in_bounded_memory(either, work):
    grown = watch_memory(either, lambda: work(either, GIB // 2))
    assert grown < RESIDENT_GROWTH_KIB, f"memory grew by {grown} KiB"


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("work", [download, upload])
def test_ten_gibibytes_in_bounded_memory(either, work):
    grown = watch_memory(either, lambda: work(either, 10 * GIB))
    assert grown < RESIDENT_GROWTH_KIB, f"memory grew by {grown} KiB"


def test_infinite_body_and_a_client_that_stops_reading(gate):
    """Back-pressure: what the client does not take is not collected anywhere."""
    def work():
        with Wire(gate.address) as wire:
            wire.send(request_text("GET", "/infinite", gate.host, gate.bearer))
            wire.head()
            moved(wire, 32 << 20)
            time.sleep(1.5)  # not reading; the backend would send without end
    assert watch_memory(gate, work) < RESIDENT_GROWTH_KIB
    assert gate.get("/echo", gate.bearer).status == 200


def test_a_client_that_goes_away_ends_the_backends_work(gate):
    before = gate.get("/counts", gate.bearer).json()
    for _ in range(10):
        with Wire(gate.address) as wire:
            wire.send(request_text("GET", "/infinite", gate.host, gate.bearer))
            wire.head()
    eventually(lambda: len(gate.get("/counts", gate.bearer).json()["fds"]) <= len(before["fds"]) + 4, 15, "the backend's connections are ended")


def test_both_ways_at_once(gate):
    """An answer may begin before the request's body has ended."""
    with Wire(gate.address) as wire:
        wire.send(request_text("POST", "/pauses?n=2", gate.host, {**gate.bearer, "Content-Length": "2"}))
        assert wire.head()[0] == 200
        chunks = wire.chunks()
        assert next(chunks).startswith(b"data: 0")
        wire.send(b"a")
        assert next(chunks).startswith(b"data: 1")
        wire.send(b"b")
        assert list(chunks) == []


def test_backend_connections_are_reused(gate):
    before = gate.get("/counts", gate.bearer).json()
    with Wire(gate.address) as wire:
        for _ in range(200):
            assert wire.send(request_text("GET", "/echo", gate.host, gate.bearer)).answer().status == 200
    after = gate.get("/counts", gate.bearer).json()
    assert after["requests"] - before["requests"] >= 200
    assert after["connections"] - before["connections"] <= 8


def test_one_users_answer_never_reaches_another(gate):
    """Many at once over pooled backend connections: each answer belongs to its request."""
    failures = []

    def work(number):
        with Wire(gate.address) as wire:
            for count in range(100):
                target = f"/who-{number}-{count}"
                if wire.send(request_text("GET", target, gate.host, gate.bearer)).answer().text != f"elsewhere {target}\n":
                    failures.append(target)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(12)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert failures == []
