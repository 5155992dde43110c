# SPDX-License-Identifier: Apache-2.0
"""A secret manager for tests, written from the documented HTTP API of Vault and OpenBao: KV version 2, AppRole, tokens, wrapping."""
import http.server
import json
import secrets
import ssl
import threading


class Vault:
    """State and server in one. `sealed` and `broken` make it answer badly; `calls` is what was asked, without secrets."""

    def __init__(self, tls=None):
        self.data = {"login": {"password": None}}
        self.tokens = {}  # token -> {"renewable": bool, "ttl": seconds}
        self.roles = {}  # role_id -> secret_id
        self.wrapped = {}  # wrapping token -> secret_id
        self.sealed = False
        self.broken = False
        self.deleted = set()
        self.calls = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self, status, body):
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def handle_any(self):
                length = int(self.headers.get("Content-Length") or 0)
                raw = self.rfile.read(length)
                outer.calls.append(f"{self.command} {self.path}")
                if outer.broken:
                    self.close_connection = True
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{\"data\"")
                    return
                if outer.sealed:
                    return self.answer(503, {"errors": ["Vault is sealed"]})
                status, body = outer.decide(self.command, self.path, self.headers.get("X-Vault-Token"), json.loads(raw or b"{}"))
                self.answer(status, body)

            do_GET = do_POST = do_PUT = do_LIST = handle_any

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def new_token(self, ttl=3600, renewable=True):
        token = "hvs." + secrets.token_urlsafe(24)
        self.tokens[token] = {"ttl": ttl, "renewable": renewable}
        return token

    def auth(self, token):
        held = self.tokens[token]
        return {"auth": {"client_token": token, "accessor": "a", "lease_duration": held["ttl"], "renewable": held["renewable"], "policies": ["default"]}}

    def decide(self, method, path, token, body):
        path = path.split("?")[0]
        if path == "/v1/auth/approle/login" and method in ("POST", "PUT"):
            if self.roles.get(body.get("role_id")) != body.get("secret_id") or not body.get("secret_id"):
                return 400, {"errors": ["invalid role or secret ID"]}
            return 200, self.auth(self.new_token())
        if path == "/v1/sys/wrapping/unwrap":
            secret_id = self.wrapped.pop(token, None)
            return (200, {"data": {"secret_id": secret_id}}) if secret_id else (400, {"errors": ["wrapping token is not valid"]})
        if token not in self.tokens:
            return 403, {"errors": ["permission denied"]}
        if path == "/v1/auth/token/lookup-self":
            return 200, {"data": {"ttl": self.tokens[token]["ttl"], "renewable": self.tokens[token]["renewable"]}}
        if path == "/v1/auth/token/renew-self":
            return 200, self.auth(token)
        if path.startswith("/v1/secret/data/") and method == "GET":
            name = path.removeprefix("/v1/secret/data/")
            if name in self.deleted:
                return 404, {"data": {"data": None, "metadata": {"version": 1, "deletion_time": "2026-01-01T00:00:00Z", "destroyed": False}}}
            if name not in self.data:
                return 404, {"errors": []}
            return 200, {"data": {"data": self.data[name], "metadata": {"version": 1, "deletion_time": "", "destroyed": False}}, "lease_duration": 0}
        return 404, {"errors": []}

    def close(self):
        self.server.shutdown()
        self.server.server_close()
