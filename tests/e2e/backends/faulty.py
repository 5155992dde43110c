#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A backend that misbehaves on demand: each path is one fault. /ready is always well. Speaks raw bytes on sockets.

/echo tells exactly which bytes arrived, so that a test sees what a backend sees."""
import argparse
import base64
import hashlib
import json
import os
import socket
import struct
import sys
import threading
import time
from urllib.parse import parse_qs, urlsplit

COUNTS = {"connections": 0, "requests": 0}


def ok(body=b"ok\n", kind="text/plain", extra=""):
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{extra}\r\n".encode() + body


class Connection:
    def __init__(self, sock):
        self.sock, self.buffer = sock, b""

    def until(self, mark):
        while mark not in self.buffer:
            data = self.sock.recv(65536)
            if not data:
                raise EOFError
            self.buffer += data
        head, _, self.buffer = self.buffer.partition(mark)
        return head

    def exactly(self, size):
        while len(self.buffer) < size:
            data = self.sock.recv(65536)
            if not data:
                raise EOFError
            self.buffer += data
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def skip(self, size):
        """Takes `size` bytes without keeping them. Returns their SHA-256."""
        digest = hashlib.sha256()
        while size:
            if not self.buffer:
                self.buffer = self.sock.recv(262144)
                if not self.buffer:
                    raise EOFError
            piece, self.buffer = self.buffer[:size], self.buffer[size:]
            digest.update(piece)
            size -= len(piece)
        return digest.hexdigest()

    def run(self):
        COUNTS["connections"] += 1
        try:
            while self.one():
                pass
        except (OSError, EOFError, ValueError):
            pass
        finally:
            self.sock.close()

    def one(self):
        head = self.until(b"\r\n\r\n")
        COUNTS["requests"] += 1
        lines = head.split(b"\r\n")
        method, target, _ = lines[0].decode("latin-1").split(" ", 2)
        fields = [tuple(part.strip() for part in line.decode("latin-1").split(":", 1)) for line in lines[1:]]
        get = {name.lower(): value for name, value in fields}
        url = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        self.method, self.target, self.fields, self.get, self.head = method, target, fields, get, head
        fault = getattr(self, "at_" + url.path.strip("/").replace("-", "_").replace("/", "_"), None)
        if fault is None:
            self.read_body()
            self.sock.sendall(ok(b"elsewhere " + target.encode("latin-1") + b"\n"))
            return True
        return fault(query) is not False

    def read_body(self):
        if self.get.get("transfer-encoding", "").lower() == "chunked":
            data = b""
            while size := int(self.until(b"\r\n").split(b";")[0], 16):
                data += self.exactly(size)
                self.exactly(2)
            self.trailers = []
            while line := self.until(b"\r\n"):
                self.trailers.append(line.decode("latin-1"))
            return data
        self.trailers = []
        return self.exactly(int(self.get.get("content-length", "0")))

    # -- well --------------------------------------------------------------------------------------------

    def at_ready(self, _):
        self.read_body()
        self.sock.sendall(ok())

    at_ = at_ready

    def at_echo(self, _):
        body = self.read_body()
        told = {"method": self.method, "target": self.target, "fields": self.fields, "trailers": self.trailers,
                "head": base64.b64encode(self.head).decode(), "body": base64.b64encode(body[:65536]).decode(), "bytes": len(body)}
        self.sock.sendall(ok(json.dumps(told).encode(), "application/json"))

    def at_counts(self, _):
        self.sock.sendall(ok(json.dumps({**COUNTS, "pid": os.getpid(), "fds": sorted(os.listdir("/proc/self/fd"), key=int)}).encode(), "application/json"))

    def at_sink(self, _):
        """Takes a body of known length without keeping it."""
        size = int(self.get.get("content-length", "0"))
        digest = self.skip(size)
        self.sock.sendall(ok(json.dumps({"bytes": size, "sha256": digest}).encode(), "application/json"))

    def at_big(self, query):
        left = int(query["bytes"])
        self.sock.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {left}\r\n\r\n".encode())
        piece = bytes(262144)
        while left:
            self.sock.sendall(piece[:min(left, len(piece))])
            left -= min(left, len(piece))

    def at_sets_cookie(self, query):
        self.sock.sendall(ok(extra=f"Set-Cookie: {query['name']}=backend; Path=/\r\n"))

    # -- no answer, or not a whole one -------------------------------------------------------------------

    def at_never(self, _):
        self.sock.recv(1)  # until the gate gives up
        return False

    def at_closes(self, _):
        return False

    def at_resets(self, _):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

    def at_garbage(self, _):
        self.sock.sendall(b"\x16\x03\x01\x02\x00 this is not HTTP at all\r\n\r\n")
        return False

    def at_half_head(self, _):
        self.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")
        return False

    def at_dies_mid_length(self, _):
        self.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 1000)
        return False

    def at_dies_mid_chunk(self, _):
        self.sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n" + b"x" * 1000 + b"\r\n3e8\r\nxxx")
        return False

    def at_bad_chunk(self, _):
        self.sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nZZ\r\n")
        return False

    def at_infinite(self, _):
        self.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n")
        while True:
            self.sock.sendall(bytes(65536))

    # -- heads that a gate must not relay ----------------------------------------------------------------

    def at_two_lengths(self, _):
        self.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde")
        return False

    def at_length_and_chunked(self, _):
        self.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
        return False

    def at_folded(self, _):
        self.sock.sendall(b"HTTP/1.1 200 OK\r\nX-A: one\r\n two\r\nContent-Length: 2\r\n\r\nok")
        return False

    def at_nul(self, _):
        self.sock.sendall(b"HTTP/1.1 200 OK\r\nX-A: a\x00b\r\nContent-Length: 2\r\n\r\nok")
        return False

    def at_huge_head(self, _):
        self.sock.sendall(b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 4_000_000 + b"\r\nContent-Length: 2\r\n\r\nok")
        return False

    def at_two_answers(self, _):
        """An answer that nobody asked for sits behind the one that was: it must reach nobody."""
        self.sock.sendall(ok() + ok(b"poison\n"))

    def at_hop(self, _):
        self.sock.sendall(ok(extra="Connection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=9\r\nProxy-Authenticate: Basic\r\nX-Stays: 1\r\n"))

    # -- bodies of every form ----------------------------------------------------------------------------

    def at_eof_body(self, _):
        self.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + b"until the end")
        return False

    def at_http10(self, _):
        self.sock.sendall(b"HTTP/1.0 200 OK\r\n\r\nold")
        return False

    def at_pauses(self, query):
        self.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for count in range(int(query.get("n", "3"))):
            event = b"data: %d\n\n" % count
            self.sock.sendall(b"%x\r\n%s\r\n" % (len(event), event))
            if self.method == "POST":
                self.exactly(1)  # goes on only when the client has sent another byte
            else:
                time.sleep(float(query.get("pause", "0.2")))
        self.sock.sendall(b"0\r\nX-Trailer: kept-from-you\r\n\r\n")

    def at_early_hints(self, _):
        self.sock.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n" + ok())

    def at_continue(self, _):
        self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self.read_body()
        self.sock.sendall(ok(b"%d\n" % len(body)))

    def at_refuses(self, _):
        """Answers an upload before its body came."""
        self.sock.sendall(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbig\n")
        self.sock.shutdown(socket.SHUT_WR)
        return False

    def at_204(self, _):
        self.sock.sendall(b"HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n")

    def at_304(self, _):
        self.sock.sendall(b"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 1000\r\n\r\n")

    def at_length(self, _):
        """HEAD may tell a length that no body follows."""
        self.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + (b"" if self.method == "HEAD" else b"y" * 1000))

    # -- upgrades ----------------------------------------------------------------------------------------

    def accept(self):
        key = self.get.get("sec-websocket-key", "")
        return base64.b64encode(hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()

    def switch(self, accept, extra=""):
        self.sock.sendall(f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          f"Sec-WebSocket-Accept: {accept}\r\n{extra}\r\n".encode())

    def relay(self):
        """Echoes the payload of unfragmented frames, unmasked."""
        while True:
            first, second = self.exactly(2)
            size = second & 127
            if size == 126:
                size, = struct.unpack("!H", self.exactly(2))
            elif size == 127:
                size, = struct.unpack("!Q", self.exactly(8))
            mask = self.exactly(4)
            payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(self.exactly(size)))
            if first & 15 == 8:
                self.sock.sendall(bytes([0x88, len(payload)]) + payload)
                return
            length = bytes([size]) if size < 126 else struct.pack("!BH", 126, size) if size < 65536 else struct.pack("!BQ", 127, size)
            self.sock.sendall(bytes([first]) + length + payload)

    def at_ws(self, _):
        self.switch(self.accept(), "".join(f"Sec-WebSocket-Protocol: {p.split(',')[0].strip()}\r\n"
                                            for p in [self.get.get("sec-websocket-protocol")] if p))
        self.relay()
        return False

    def at_ws_echo(self, _):
        """Upgrades and tells as its first message what the handshake looked like."""
        self.switch(self.accept())
        told = json.dumps({"target": self.target, "fields": self.fields}).encode()
        self.sock.sendall(b"\x81" + (bytes([len(told)]) if len(told) < 126 else struct.pack("!BH", 126, len(told))) + told)
        self.relay()
        return False

    def at_ws_wrong_accept(self, _):
        self.switch("AAAAAAAAAAAAAAAAAAAAAAAAAAA=")
        self.relay()
        return False

    def at_ws_other_protocol(self, _):
        self.sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n")
        self.sock.sendall(b"should not be seen")
        return False

    def at_ws_refused(self, _):
        self.sock.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno\n")
        return True

    def at_ws_200(self, _):
        self.sock.sendall(ok(b"not a WebSocket\n"))

    def at_ws_never(self, _):
        """Does not answer the handshake until it has seen early bytes, which it must not."""
        self.sock.settimeout(2)
        try:
            early = self.buffer or self.sock.recv(1)
        except TimeoutError:
            early = b""
        self.sock.settimeout(None)
        self.switch(self.accept())
        told = b"early" if early else b"quiet"
        self.sock.sendall(b"\x81" + bytes([len(told)]) + told)
        self.relay()
        return False

    def at_unasked_101(self, _):
        """Switches protocols although nobody asked."""
        self.sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nleak")
        return False


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int)
    parser.add_argument("--socket")
    options = parser.parse_args()
    if options.socket:
        server = socket.socket(socket.AF_UNIX)
        os.umask(0o177)
        server.bind(options.socket)
    else:
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", options.port))
    server.listen(128)
    print("faulty: ready", file=sys.stderr, flush=True)
    while True:
        sock, _ = server.accept()
        threading.Thread(target=Connection(sock).run, daemon=True).start()


if __name__ == "__main__":
    main()
