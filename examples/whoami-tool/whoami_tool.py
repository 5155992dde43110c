#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A small web tool that shows who the gate in front of it says you are.

It is what `make run` guards, and a model for a tool of your own: it takes its backend credential from a
private file or a descriptor, and answers nobody who does not bring it. Python 3 standard library only.

    whoami_tool.py --port 8000          listen on 127.0.0.1:8000
    whoami_tool.py --socket ./t.sock    listen on a Unix socket

  /                    page                    /api/upload          counts and hashes a body
  /api/whoami          all headers, as JSON    /api/download?bytes  streams that many bytes
  /events              one event a second      /ws                  WebSocket: echoes, and ticks once a second
"""
import argparse
import base64
import hashlib
import hmac
import html
import json
import os
import signal
import socket
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PIECE = 64 * 1024          # bytes moved at a time
FRAME_MAX = 1024 * 1024    # the largest WebSocket frame that is accepted
SECRET_HEADERS = {"authorization", "x-session-token", "cookie"}


class Credential:
    """The backend credential that the gate handed to us.

    A private file or a descriptor is better than an environment variable, which every process of the same user
    can read. The file is read anew for each request, so that the gate can rotate the credential while we run; those
    before are good for a few seconds more, for requests on their way. Empty is an error: it must never mean "none"."""

    OVERLAP_SECONDS = 10

    def __init__(self, path=None, fd=None):
        self.path, self.current, self.former = path, b"", []  # former: (credential, when it ends)
        self.lock = threading.Lock()  # requests are answered side by side
        if fd is not None:
            with os.fdopen(os.dup(fd), "rb") as source:
                if source.seekable():
                    source.seek(0)
                self.current = source.read().strip()
        else:
            self.refresh()
        if not self.current:
            sys.exit("whoami: the backend credential is empty")

    @classmethod
    def handed_over(cls):
        fd, path = os.environ.get("SALLYPORT_CREDENTIAL_FD"), os.environ.get("SALLYPORT_CREDENTIAL_FILE")
        return cls(path=path) if path else cls(fd=int(fd)) if fd else None

    def refresh(self):
        if not self.path:
            return
        with self.lock:
            with open(self.path, "rb") as source:
                value = source.read().strip()
            now = time.monotonic()
            self.former = [old for old in self.former if old[1] > now]
            if value != self.current:
                if self.current:
                    self.former.append((self.current, now + self.OVERLAP_SECONDS))
                self.current = value

    def matches(self, presented):
        try:
            self.refresh()
        except OSError:
            pass  # the gate may be going away; what we knew stays true
        with self.lock:
            now, current, former = time.monotonic(), self.current, list(self.former)
        return same(presented, current) | any([same(presented, old) for old, ends in former if ends > now])


def same(presented, expected):
    """Compares in constant time. Nothing equals an empty secret."""
    return bool(expected) and hmac.compare_digest(hashlib.sha256(presented).digest(), hashlib.sha256(expected).digest())


class Tool(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "whoami"
    credential = None

    # -- who may ask -----------------------------------------------------------------------------------

    def presented(self):
        """Each form in which a gate can hand us the credential, as (header, value)."""
        if "X-Session-Token" in self.headers:
            yield "X-Session-Token", self.headers["X-Session-Token"].encode("latin-1")
        scheme, _, value = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            yield "Authorization", value.encode("latin-1")
        elif scheme.lower() == "basic":
            try:
                yield "Authorization", base64.b64decode(value, validate=True).partition(b":")[2]
            except ValueError:
                yield "Authorization", b""

    def may_ask(self):
        return self.credential is None or any(self.credential.matches(value) for _, value in self.presented())

    def received(self):
        """The headers as they came; of a secret only whether it is the one that we expect."""
        verdicts = {name.lower(): self.credential.matches(value) for name, value in self.presented()
                    } if self.credential else {}
        for name, value in self.headers.items():
            if name.lower() in SECRET_HEADERS:
                match = verdicts.get(name.lower())
                value = "(present)" if match is None else "(present, as expected)" if match else "(present, WRONG)"
            yield name, value

    # -- answers ---------------------------------------------------------------------------------------

    def answer(self, status, kind, body, **headers):
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def answer_json(self, status, value):
        self.answer(status, "application/json", json.dumps(value, indent=2) + "\n", Cache_Control="no-store")

    def handle_one(self):
        url = urlsplit(self.path)
        if not self.may_ask():
            self.close_connection = True  # a body may still be on its way; we do not read it
            return self.answer_json(401, {"error": "this tool answers only the gate in front of it"})
        page = {("GET", "/"): self.page, ("GET", "/api/whoami"): self.whoami, ("POST", "/api/whoami"): self.whoami,
                ("POST", "/api/upload"): self.upload, ("PUT", "/api/upload"): self.upload,
                ("GET", "/api/download"): self.download, ("GET", "/events"): self.events, ("GET", "/ws"): self.websocket,
                }.get(("GET" if self.command == "HEAD" else self.command, url.path))
        if page is None:
            self.close_connection = True
            return self.answer_json(404, {"error": "no such page"})
        page(parse_qs(url.query))

    def do_GET(self):
        try:
            self.handle_one()
        except (BrokenPipeError, ConnectionResetError, ValueError, EOFError):
            self.close_connection = True

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET

    def page(self, _query):
        who = {name: self.headers.get(name, "") for name in (
            "X-Forwarded-User", "X-Forwarded-Groups", "X-Session-ID", "X-Request-ID", "Host", "X-Forwarded-For",
            "X-Forwarded-Proto", "X-Forwarded-Host")}
        rows = "".join(f"<tr><th scope=row>{html.escape(n)}<td>{html.escape(v) or '<i>not given</i>'}" for n, v in who.items())
        other = "".join(f"<tr><th scope=row>{html.escape(n)}<td>{html.escape(v)}" for n, v in self.received() if n not in who)
        name = html.escape(who["X-Forwarded-User"] or "somebody")
        self.answer(200, "text/html; charset=utf-8", PAGE % {"name": name, "rows": rows, "other": other},
                    Cache_Control="no-store", Content_Security_Policy="default-src 'none'; style-src 'unsafe-inline'; "
                    "script-src 'unsafe-inline'; connect-src 'self'; form-action 'self'; base-uri 'none'")

    def whoami(self, _query):
        size, digest = self.drain()
        self.answer_json(200, {
            "user": self.headers.get("X-Forwarded-User"), "groups": self.headers.get("X-Forwarded-Groups"),
            "session": self.headers.get("X-Session-ID"), "request": self.headers.get("X-Request-ID"),
            "host": self.headers.get("Host"), "method": self.command, "target": self.path,
            "credential": "expected" if self.credential else "none",
            "body": {"bytes": size, "sha256": digest}, "headers": list(self.received())})

    def upload(self, _query):
        size, digest = self.drain()
        self.answer_json(200, {"bytes": size, "sha256": digest})

    def download(self, query):
        left = int(query.get("bytes", ["1048576"])[0])
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(left))
        self.end_headers()
        piece = bytes(range(256)) * (PIECE // 256)
        while left > 0 and self.command != "HEAD":
            self.wfile.write(piece[:min(left, PIECE)])
            left -= min(left, PIECE)

    def events(self, _query):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        count = 0
        while self.command != "HEAD":
            event = f"id: {count}\ndata: {count}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
            count += 1
            time.sleep(1)

    # -- bodies ----------------------------------------------------------------------------------------

    def drain(self):
        """Reads the body, of known length or chunked. Returns its size and SHA-256."""
        size, digest = 0, hashlib.sha256()
        for piece in self.body():
            size += len(piece)
            digest.update(piece)
        return size, digest.hexdigest()

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while length := int(self.rfile.readline(64).split(b";")[0], 16):
                yield from self.take(length)
                self.rfile.readline(8)
            while self.rfile.readline(4096).strip():
                pass
        else:
            yield from self.take(int(self.headers.get("Content-Length", 0)))

    def take(self, length):
        while length > 0:
            piece = self.rfile.read(min(length, PIECE))
            if not piece:
                raise EOFError
            length -= len(piece)
            yield piece

    # -- WebSocket (RFC 6455) --------------------------------------------------------------------------

    def websocket(self, _query):
        key = self.headers.get("Sec-WebSocket-Key", "")
        if self.headers.get("Upgrade", "").lower() != "websocket" or self.headers.get("Sec-WebSocket-Version") != "13":
            return self.answer(426, "text/plain", "this is a WebSocket\n", Upgrade="websocket", Sec_WebSocket_Version="13")
        accept = hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(accept).decode())
        self.end_headers()
        self.close_connection = True
        sending, done = threading.Lock(), threading.Event()
        threading.Thread(target=self.tick, args=(sending, done), daemon=True).start()
        try:
            while self.one_frame(sending):
                pass
        finally:
            done.set()

    def tick(self, sending, done):
        count = 0
        while not done.wait(1):
            count += 1
            try:
                self.send_frame(sending, 1, json.dumps({"tick": count}).encode())
            except (OSError, ValueError):
                return

    def send_frame(self, sending, opcode, payload):
        size = len(payload)
        head = bytes([0x80 | opcode]) + (
            bytes([size]) if size < 126 else struct.pack("!BH", 126, size) if size < 65536 else struct.pack("!BQ", 127, size))
        with sending:
            self.wfile.write(head + payload)

    def one_frame(self, sending):
        """Reads one frame and answers it. Returns whether the conversation goes on."""
        first, second = self.exactly(2)
        opcode, size = first & 15, second & 127
        if size == 126:
            size, = struct.unpack("!H", self.exactly(2))
        elif size == 127:
            size, = struct.unpack("!Q", self.exactly(8))
        if not second & 128 or size > FRAME_MAX or (opcode >= 8 and (size > 125 or not first & 128)):
            self.send_frame(sending, 8, struct.pack("!H", 1009 if size > FRAME_MAX else 1002))
            return False
        mask = self.exactly(4)
        data = self.exactly(size)
        payload = (int.from_bytes(data, "big") ^ int.from_bytes((mask * (size // 4 + 1))[:size], "big")).to_bytes(size, "big")
        if opcode == 8:
            self.send_frame(sending, 8, payload[:2])
            return False
        if opcode == 9:
            self.send_frame(sending, 10, payload)
        elif opcode in (1, 2):  # each frame is echoed as a whole message; fragments are refused
            if not first & 128:
                self.send_frame(sending, 8, struct.pack("!H", 1003))
                return False
            self.send_frame(sending, opcode, payload)
        return True

    def exactly(self, size):
        data = self.rfile.read(size)
        if len(data) != size:
            raise EOFError
        return data

    def address_string(self):
        return self.client_address[0] if isinstance(self.client_address, tuple) else "unix"

    def log_message(self, form, *args):
        # No query strings: they are where people put secrets.
        print("whoami:", self.command, urlsplit(getattr(self, "path", "")).path, *args[1:2], file=sys.stderr, flush=True)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


class UnixServer(Server):
    address_family = socket.AF_UNIX

    def server_bind(self):
        old = os.umask(0o177)  # the socket is born 0600
        try:
            self.socket.bind(self.server_address)
        finally:
            os.umask(old)
        self.server_name, self.server_port = "localhost", 0


PAGE = """<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content="width=device-width">
<title>Who am I?</title><style>
:root{color-scheme:light dark;--line:#8884;--quiet:#666;--accent:#1f5fc4}@media(prefers-color-scheme:dark){:root{--quiet:#a5a5a5;--accent:#6ea8ff}}
body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 1rem}
h1{font-size:1.6rem;margin:0 0 .2rem}h2{font-size:1rem;margin:2rem 0 .4rem;color:var(--quiet)}
table{border-collapse:collapse;width:100%%}th{text-align:left;font-weight:500;white-space:nowrap;vertical-align:top}
th,td{padding:.35rem .8rem .35rem 0;border-bottom:1px solid var(--line)}td{word-break:break-all;font-family:ui-monospace,monospace}
i{color:var(--quiet)}.live{display:flex;gap:2rem}.live b{color:var(--accent);font-variant-numeric:tabular-nums}
button{font:inherit;padding:.3rem .9rem;border:1px solid var(--line);border-radius:.4rem;cursor:pointer}
</style><h1>You are %(name)s</h1><p>So says the gate in front of this tool. The tool itself never asked.</p>
<h2>What the gate added</h2><table>%(rows)s</table>
<h2>Live</h2><p class=live><span>events: <b id=sse>-</b></span><span>WebSocket: <b id=ws>-</b></span></p>
<form action="/.sallyport/sessions" method=get><button>My logins</button></form>
<h2>Other headers as they arrived (secrets masked)</h2><table>%(other)s</table>
<script>
const show=(id,text)=>document.getElementById(id).textContent=text;
const events=new EventSource("/events");
events.onmessage=e=>show("sse",e.data);events.onerror=()=>show("sse","closed");
const ws=new WebSocket(location.origin.replace(/^http/,"ws")+"/ws");
ws.onmessage=e=>show("ws",e.data);ws.onclose=e=>show("ws","closed ("+e.code+")");
</script></html>
"""


def main():
    parser = argparse.ArgumentParser(description="shows who the gate in front of it says you are")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--port", type=int, help="listen on 127.0.0.1:PORT")
    where.add_argument("--socket", help="listen on this Unix socket")
    options = parser.parse_args()
    Tool.credential = Credential.handed_over()
    try:
        server = UnixServer(options.socket, Tool) if options.socket else Server(("127.0.0.1", options.port), Tool)
    except OSError as error:
        sys.exit(f"whoami: cannot listen: {error.strerror}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
    print("whoami: listening on", options.socket or f"http://127.0.0.1:{options.port}/", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
