# SPDX-License-Identifier: Apache-2.0
"""`sallyport serve` as a process, and its admin API over the private socket."""
import http.client
import json
import os
import secrets
import socket
import subprocess
import sys
from pathlib import Path

from .gate import WHOAMI, Gate, binary, clean_environment, descendants, eventually, free_port, run_cli

TOOL = [sys.executable, str(WHOAMI), "--port", "{port}"]


class SocketConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=60):
        super().__init__("localhost", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Reply:
    def __init__(self, status, fields, body):
        self.status, self.fields, self.body = status, fields, body

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:500]!r}>"


class Serving(Gate):
    """A gateway of many sessions. `admin=True` gives it an admin listener as well."""

    def __init__(self, book, folder, *options, admin=False, env=None):
        self.book, self.folder = book, Path(folder)
        self.state, self.home = self.folder / "state", self.folder / "home"
        for made in (self.state, self.home):
            made.mkdir(mode=0o700, parents=True)
        self.port = free_port()
        self.address = ("127.0.0.1", self.port)
        self.tls = self.tls_name = None
        self.write_token("spa_" + secrets.token_urlsafe(32))
        self.admin_port = free_port() if admin else None
        extra = ["--admin", f"127.0.0.1:{self.admin_port}"] if admin else []
        self.argv = [binary(), "serve", "--listen", self.host, "--state-dir", str(self.state), *extra, *options]
        import threading
        self.output, self.lock, self.family = b"", threading.Lock(), set()
        # Tests of other rules present wrong credentials by the dozen; lock-out has tests of its own.
        self.env = clean_environment(self.home, {"SALLYPORT_LOCKOUT": "1000/5m", **(env or {})})
        self.begin()

    def begin(self, *more, pass_fds=(), wait=True):
        """Starts the gateway: at first, or again from what the one before left."""
        first, self.argv = self.argv, [*self.argv, *more]
        self._start(False, subprocess.DEVNULL, None, pass_fds)
        self.argv = first
        if wait:
            eventually(lambda: self.process.poll() is not None or b"admin socket" in self.output, 60, lambda: self.text)
            assert self.process.poll() is None, self.text

    def crash(self):
        """Kills the gateway, and nothing else. Its tools go on."""
        self.family |= descendants(self.process.pid)
        self.process.kill()
        self.process.wait()
        self.finish_output()

    def finish_output(self):
        """Puts what the ended process printed into the book, so that the next one begins with none."""
        self.reader.join(5)
        with self.lock:
            self.book.add_text("output of a gateway that was killed", self.output)
            self.output = b""

    def api(self, method, path, body=None, fields=None, raw=None):
        """One call on the admin socket."""
        connection = SocketConnection(self.state / "admin.sock")
        return self._ask(connection, method, path, body, fields, raw)

    def admin(self, method, path, body=None, token=None, fields=None, raw=None):
        """One call on the admin listener."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=60)
        bearer = {"Authorization": f"Bearer {token}"} if token else {}
        return self._ask(connection, method, path, body, {**bearer, **(fields or {})}, raw)

    @staticmethod
    def _ask(connection, method, path, body, fields, raw):
        fields = dict(fields or {})
        data = raw if raw is not None else json.dumps(body).encode() if body is not None else None
        if method in ("POST", "PATCH") and "Content-Type" not in fields:
            fields["Content-Type"] = "application/json"
            data = b"{}" if data is None else data
        try:
            connection.request(method, path, data, fields)
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def create(self, *command, **wish):
        """A session, ready. Returns (id, token)."""
        made = self.api("POST", "/sessions", {"command": list(command) or TOOL, **wish})
        assert made.status == 201, made
        told = made.json()
        self.book.add(told["token"], "a session token")
        self.family |= descendants(self.process.pid)
        return told["id"], told["token"]

    def state_of(self, session):
        reply = self.api("GET", f"/sessions/{session}")
        return reply.json()["state"] if reply.status == 200 else None

    def wait_state(self, session, *states, seconds=60):
        return eventually(lambda: (s := self.state_of(session)) in states and (s or "gone"), seconds,
                          lambda: f"{session} is {states}, not {self.state_of(session)}; {self.text[-2000:]}")

    def at(self, session):
        return f"{session}.localhost:{self.port}"

    def visit(self, session, target="/api/whoami", token=None, fields=None, **options):
        """A request at a session's own origin."""
        bearer = {"Authorization": f"Bearer {token}"} if token else {}
        return self.request("GET", target, {**bearer, **(fields or {})}, host=self.at(session), **options)

    def cli(self, *words, **keywords):
        return run_cli(self.book, self.home, *words, **keywords)
