# SPDX-License-Identifier: Apache-2.0
"""BY-11: traces. The tool is given its place in them; a collector is told, in OTLP over HTTP, and never waited for."""
import http.server
import json
import threading

import pytest
from harness.gate import eventually, free_port

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"


class Collector:
    """Takes OTLP as a real one does; `status` is what it answers."""

    def __init__(self):
        self.spans, self.requests, self.status = [], [], 200
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests.append((self.path, self.headers["Content-Type"], body))
                if outer.status == 200:
                    for resource in json.loads(body)["resourceSpans"]:
                        for scope in resource["scopeSpans"]:
                            outer.spans += scope["spans"]
                self.send_response(outer.status)
                self.end_headers()

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait_for(self, **wanted):
        """The first span with these attributes."""
        def found():
            return next((span for span in self.spans if all(attributes(span).get(k) == v for k, v in wanted.items())), None)
        return eventually(found, 30, lambda: f"{wanted} in {self.spans}")

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def collector():
    made = Collector()
    yield made
    made.close()


def attributes(span):
    return {one["key"].rpartition(".")[2]: next(iter(one["value"].values())) for one in span["attributes"]}


def sent_to_tool(answer):
    return {name.lower(): value for name, value in answer.json()["headers"]}


def test_by_11_a_client_s_trace_goes_on_through_the_gate(start, collector):
    gate = start("--no-local-trust", "--traces", collector.url)
    answer = gate.get("/api/whoami?token=hidden", {**gate.bearer, "traceparent": PARENT, "tracestate": "vendor=1"})
    span = collector.wait_for(path="/api/whoami", status_code="200")
    told = sent_to_tool(answer)
    assert span["traceId"] == TRACE and span["parentSpanId"] == SPAN and span["kind"] == 2
    assert told["traceparent"] == f"00-{TRACE}-{span['spanId']}-01" and told["tracestate"] == "vendor=1"
    assert attributes(span)["request_id"] == told["x-request-id"]
    assert int(span["endTimeUnixNano"]) >= int(span["startTimeUnixNano"])
    path, kind, body = collector.requests[0]
    assert (path, kind) == ("/v1/traces", "application/json")
    assert b"hidden" not in body and gate.bearer["Authorization"].encode() not in body


def test_by_11_a_trace_begins_at_the_gate_where_there_is_none(start, collector):
    gate = start("--no-local-trust", "--traces", collector.url)
    told = sent_to_tool(gate.get("/api/whoami", {**gate.bearer, "traceparent": "00-nonsense", "tracestate": "vendor=1"}))
    span = collector.wait_for(path="/api/whoami", status_code="200")
    assert told["traceparent"].split("-")[1:3] == [span["traceId"], span["spanId"]] and "parentSpanId" not in span
    assert "tracestate" not in told, "it belonged to no trace"


def test_by_11_refusals_are_told_and_own_pages_without_their_paths(start, collector):
    gate = start("--no-local-trust", "--traces", collector.url)
    assert gate.get("/api/whoami").status == 401
    assert "status" not in collector.wait_for(status_code="401"), "a refusal is no fault of ours"
    assert gate.get("/.sallyport/login?next=%2Fsecret").status == 200
    collector.wait_for(path=None, status_code="200")
    assert b".sallyport" not in b"".join(body for _, _, body in collector.requests)


def test_by_11_the_client_s_no_and_the_share_are_heeded(start, collector):
    gate = start("--no-local-trust", "--traces", collector.url, "--traces-percent", "0")
    quiet = sent_to_tool(gate.get("/api/whoami", gate.bearer))
    assert quiet["traceparent"].endswith("-00")
    gate.get("/api/quiet", {**gate.bearer, "traceparent": PARENT[:-1] + "0"})
    gate.get("/api/whoami", {**gate.bearer, "traceparent": PARENT})
    collector.wait_for(path="/api/whoami")
    assert len(collector.spans) == 1, collector.spans


def test_by_11_without_the_option_a_client_s_fields_pass_unchanged(start):
    gate = start("--no-local-trust")
    told = sent_to_tool(gate.get("/api/whoami", {**gate.bearer, "traceparent": PARENT, "tracestate": "vendor=1"}))
    assert told["traceparent"] == PARENT and told["tracestate"] == "vendor=1"


def test_by_11_a_collector_that_is_away_holds_nobody_up_and_is_told(start):
    gate = start("--no-local-trust", "--traces", f"http://127.0.0.1:{free_port()}")
    for _ in range(50):
        assert gate.get("/api/whoami", gate.bearer).status == 200
    eventually(lambda: "traces: " in gate.text and "spans are dropped" in gate.text, 60, lambda: gate.text)


def test_by_11_a_collector_that_comes_back_gets_what_waited(start, collector):
    collector.status = 503
    gate = start("--no-local-trust", "--traces", collector.url)
    gate.get("/api/whoami", gate.bearer)
    eventually(lambda: collector.requests, 30, "a first try")
    collector.status = 200
    collector.wait_for(path="/api/whoami")


@pytest.mark.parametrize(("options", "word"), [
    (("--traces", "collector"), "--traces"), (("--traces", "http://user:secret@127.0.0.1"), "--traces"), (("--traces", "http://127.0.0.1?x=1"), "--traces"),
    (("--traces", "http://127.0.0.1", "--traces-percent", "101"), "0 to 100")])
def test_by_11_bad_settings_are_told(cli, options, word):
    done = cli("run", *options, "--", "true")
    assert done.status != 0 and word in done.err and "secret" not in done.err, done
