# SPDX-License-Identifier: Apache-2.0
"""The other side of tests/interop/test_grpc_python.py, on grpcio: no generated code, messages are bytes.

grpcio_peer.py serve ADDRESS: the methods of rpc_peer.  grpcio_peer.py call ADDRESS: calls them, prints "ok NAME" or "FAIL NAME why".
"""
import sys
import threading
from concurrent import futures

import grpc

LARGE = 8 * 1024 * 1024
OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1), ("grpc.enable_http_proxy", 0)]


def echo(request, context):
    sent = [(key, value) for key, value in context.invocation_metadata() if key.startswith("x-")]
    context.send_initial_metadata(sent)
    context.set_trailing_metadata([("t" + key, value) for key, value in sent])
    return request


def fail(request, context):
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "nein: 100 % ä\n")


def count(requests, context):
    return str(sum(len(request) for request in requests)).encode()


def five(request, context):
    for _ in range(5):
        yield request


def echo_all(requests, context):
    yield from requests


def never(requests, context):
    ended = threading.Event()
    context.add_callback(ended.set)
    ended.wait()
    yield from ()


def serve(address):
    server = grpc.server(futures.ThreadPoolExecutor(8), options=OPTIONS, compression=grpc.Compression.Gzip)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("conf.T", {
        "Echo": grpc.unary_unary_rpc_method_handler(echo), "Fail": grpc.unary_unary_rpc_method_handler(fail),
        "Count": grpc.stream_unary_rpc_method_handler(count), "Five": grpc.unary_stream_rpc_method_handler(five),
        "EchoAll": grpc.stream_stream_rpc_method_handler(echo_all), "Never": grpc.stream_stream_rpc_method_handler(never)})])
    if not server.add_insecure_port(address):
        sys.exit(1)
    server.start()
    print(address, flush=True)
    server.wait_for_termination()


FAILURES = []


def check(name, passes):
    try:
        passed, why = passes(), ""
    except grpc.RpcError as error:
        passed, why = False, str(error)
    if not passed:
        FAILURES.append(name)
    print("ok" if passed else "FAIL", name, why, flush=True)


def refusal(call):
    try:
        call()
    except grpc.RpcError as error:
        return error
    return None


def call(address):
    channel = grpc.insecure_channel(address, options=OPTIONS)
    unary = channel.unary_unary("/conf.T/Echo")

    def metadata():
        sent = (("x-text", "some text"), ("x-raw-bin", b"\x00\xff\x80"))
        reply, made = unary.with_call(b"m", metadata=sent)
        return reply == b"m" and dict(made.initial_metadata()).get("x-raw-bin") == b"\x00\xff\x80" and dict(made.trailing_metadata()).get("tx-text") == "some text"

    def failure():
        error = refusal(lambda: channel.unary_unary("/conf.T/Fail")(b""))
        return error.code() == grpc.StatusCode.FAILED_PRECONDITION and error.details() == "nein: 100 % ä\n" and \
            dict(error.trailing_metadata()).get("grpc-status-details-bin") == b"\x08\x09\x12\x01x"

    def bidirectional():
        words = [b"a", b"bb", b"ccc"]
        return list(channel.stream_stream("/conf.T/EchoAll")(iter(words))) == words

    def cancellation():
        ended = threading.Event()
        replies = channel.stream_stream("/conf.T/EchoAll")(iter(lambda: b"x" if not ended.is_set() else None, None))
        first = next(replies)
        replies.cancel()
        ended.set()
        return first == b"x" and unary(b"still") == b"still"

    check("unary", lambda: unary(b"hello") == b"hello")
    check("empty", lambda: unary(b"") == b"")
    check("large", lambda: unary(b"L" * LARGE) == b"L" * LARGE)
    check("gzip", lambda: unary(b"z" * 100000, compression=grpc.Compression.Gzip, metadata=(("x-compress", "1"),)) == b"z" * 100000)
    check("metadata", metadata)
    check("failure", failure)
    check("unknown method", lambda: refusal(lambda: channel.unary_unary("/conf.T/No")(b"")).code() == grpc.StatusCode.UNIMPLEMENTED)
    check("client streaming", lambda: channel.stream_unary("/conf.T/Count")(b"c" * 50000 for _ in range(50)) == b"2500000")
    check("server streaming", lambda: list(channel.unary_stream("/conf.T/Five")(b"again")) == [b"again"] * 5)
    check("bidirectional", bidirectional)
    check("deadline", lambda: refusal(lambda: list(channel.stream_stream("/conf.T/Never")(iter(()), timeout=0.3))).code() == grpc.StatusCode.DEADLINE_EXCEEDED)
    check("cancellation", cancellation)
    check("health", lambda: channel.unary_unary("/grpc.health.v1.Health/Check")(b"\x0a\x06conf.T") == b"\x08\x01")
    check("health of nobody", lambda: refusal(lambda: channel.unary_unary("/grpc.health.v1.Health/Check")(b"\x0a\x01x")).code() == grpc.StatusCode.NOT_FOUND)
    check("health watched", lambda: next(channel.unary_stream("/grpc.health.v1.Health/Watch")(b"")) == b"\x08\x01")
    for version in ("v1", "v1alpha"):
        listed = channel.stream_stream(f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo")
        check(f"reflection {version}", lambda: b"conf.T" in next(listed(iter([b"\x3a\x01*"]))))
    sys.exit(1 if FAILURES else 0)


if __name__ == "__main__":
    {"serve": serve, "call": call}[sys.argv[1]](sys.argv[2])
