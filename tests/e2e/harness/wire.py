# SPDX-License-Identifier: Apache-2.0
"""A small HTTP/1.1 client on raw sockets. It sends exactly the bytes it is told, so it can be as rude as a test needs."""
import json
import socket
import ssl

TIMEOUT_SECONDS = 20


class Answer:
    def __init__(self, status, reason, fields, body):
        self.status, self.reason, self.fields, self.body = status, reason, fields, body

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def get(self, name, default=None):
        values = self.all(name)
        return values[0] if values else default

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    def json(self):
        return json.loads(self.body)

    @property
    def cookies(self):
        """Name to (value, attributes as a dict with lower-case names)."""
        jar = {}
        for line in self.all("Set-Cookie"):
            first, *rest = [part.strip() for part in line.split(";")]
            name, _, value = first.partition("=")
            jar[name] = (value, {k.lower(): v for k, _, v in (part.partition("=") for part in rest)})
        return jar

    def __repr__(self):
        return f"<{self.status} {self.reason} {self.fields} {self.body[:200]!r}>"


class Closed(Exception):
    """The other side ended the connection before a whole answer came. `got` holds what came."""

    def __init__(self, got):
        super().__init__(f"connection ended after {got[:200]!r}")
        self.got = got


class Wire:
    """One connection. `address` is (host, port) or the path of a Unix socket."""

    def __init__(self, address, tls=None, server_name=None, source=None, timeout=TIMEOUT_SECONDS):
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(address)
        else:
            self.socket = socket.create_connection(address, timeout, source_address=source)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname=server_name or address[0])
        self.buffer = b""
        self.closed = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)
        return self

    def fill(self):
        """Reads once. Returns whether anything came; a reset counts as an end."""
        try:
            data = self.socket.recv(65536)
        except (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError):
            data = b""
        self.buffer += data
        self.closed = self.closed or not data
        return bool(data)

    def until(self, mark):
        while mark not in self.buffer:
            if not self.fill():
                raise Closed(self.buffer)
        head, _, self.buffer = self.buffer.partition(mark)
        return head

    def exactly(self, size):
        while len(self.buffer) < size:
            if not self.fill():
                raise Closed(self.buffer)
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def to_end(self):
        while self.fill():
            pass
        data, self.buffer = self.buffer, b""
        return data

    def head(self):
        """Reads one answer's head. Returns (status, reason, fields)."""
        lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, _, rest = lines[0].partition(" ")
        assert version in ("HTTP/1.1", "HTTP/1.0"), f"not an HTTP answer: {lines[0]!r}"
        status, _, reason = rest.partition(" ")
        fields = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines[1:])]
        return int(status), reason, fields

    def chunks(self):
        while True:
            size = int(self.until(b"\r\n").split(b";")[0], 16)
            if size == 0:
                while self.until(b"\r\n"):
                    pass
                return
            yield self.exactly(size)
            assert self.exactly(2) == b"\r\n", "a chunk does not end in CRLF"

    def answer(self, method="GET"):
        """Reads one whole answer, 1xx ones skipped."""
        while True:
            status, reason, fields = self.head()
            if status >= 200 or status == 101:
                break
        get = {name.lower(): value for name, value in fields}
        if method == "HEAD" or status in (101, 204, 304):
            body = b""
        elif get.get("transfer-encoding", "").lower() == "chunked":
            body = b"".join(self.chunks())
        elif "content-length" in get:
            body = self.exactly(int(get["content-length"]))
        else:
            body = self.to_end()
        return Answer(status, reason, fields, body)

    def ended(self, seconds=10):
        """Waits for the other side to end the connection; bytes that still come are kept. Returns whether it did."""
        self.socket.settimeout(seconds)
        try:
            while self.fill():
                pass
        except TimeoutError:
            return False
        return True


def fields_text(fields):
    pairs = fields.items() if isinstance(fields, dict) else fields
    return "".join(f"{name}: {value}\r\n" for name, value in pairs)


def request_text(method, target, host, fields=(), body=b"", version="HTTP/1.1"):
    """The bytes of one request. A Host, Content-Length or Connection among `fields` takes the place of ours."""
    pairs = list(fields.items() if isinstance(fields, dict) else fields)
    names = {name.lower() for name, _ in pairs}
    if host is not None and "host" not in names:
        pairs.insert(0, ("Host", host))
    if body and not names & {"content-length", "transfer-encoding"}:
        pairs.append(("Content-Length", str(len(body))))
    data = body.encode() if isinstance(body, str) else body
    return f"{method} {target} {version}\r\n{fields_text(pairs)}\r\n".encode("latin-1") + data
