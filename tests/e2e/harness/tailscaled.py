# SPDX-License-Identifier: Apache-2.0
"""A Tailscale daemon for tests: its local API on a Unix socket, written from its documented behaviour."""
import http.server
import json
import os
import socketserver
import subprocess
import threading
import time
import urllib.parse
from pathlib import Path

NAME = "gate.tail1234.ts.net"


def make_pair(folder, names, days=90, ca=None):
    """(key PEM, chain PEM) as tailscaled keeps them: P-256, the key in SEC 1 form."""
    folder = Path(folder)
    key, crt = folder / "ts.key", folder / "ts.crt"
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key)], check=True, capture_output=True)
    sign = ["-CA", str(ca[0]), "-CAkey", str(ca[1])] if ca else []
    subprocess.run(["openssl", "req", "-x509", "-new", "-key", str(key), "-out", str(crt), "-days", str(days), "-subj", f"/CN={names[0]}", *sign,
                    "-addext", "subjectAltName=" + ",".join(f"DNS:{n}" for n in names), "-addext", "basicConstraints=critical,CA:FALSE"], check=True, capture_output=True)
    return key.read_text(), crt.read_text()


class Tailscaled:
    """State and server in one. `people` maps an address to a whois answer; `fault` is (status, text) of every certificate call."""

    def __init__(self, path, folder):
        self.path, self.folder = str(path), folder
        self.state, self.domains, self.addresses = "Running", [NAME], ["100.64.0.7", "fd7a:115c:a1e0::7"]
        self.people, self.fault, self.delay, self.calls = {}, None, 0, []
        self.renew()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def address_string(self):
                return "unix"

            def do_GET(self):
                outer.calls.append(self.path)
                if self.headers.get("Host") not in ("", "local-tailscaled.sock"):
                    return self.answer(403, "invalid localapi request")
                url = urllib.parse.urlsplit(self.path)
                query = urllib.parse.parse_qs(url.query)
                if url.path == "/localapi/v0/status":
                    return self.answer(200, json.dumps(outer.status()), "application/json")
                if url.path.startswith("/localapi/v0/cert/"):
                    return self.answer(*outer.certificate(url.path.rpartition("/")[2], query.get("type", [""])[0]))
                if url.path == "/localapi/v0/whois":
                    found = outer.people.get(query.get("addr", [""])[0].rpartition(":")[0].strip("[]"))
                    return self.answer(200, json.dumps(found), "application/json") if found else self.answer(404, "no match for IP:port")
                self.answer(404, "not found")

            def answer(self, status, text, kind="text/plain"):
                body = text.encode()
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True

        self.server = Server(self.path, Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def renew(self, days=90, names=(NAME,)):
        self.key, self.chain = make_pair(self.folder, list(names), days)

    def status(self):
        return {"Version": "1.80.0", "BackendState": self.state, "TailscaleIPs": self.addresses, "MagicDNSSuffix": "tail1234.ts.net", "CertDomains": self.domains,
                "Self": {"ID": "n1", "DNSName": NAME + ".", "Online": True}}

    def certificate(self, domain, kind):
        time.sleep(self.delay)
        if self.fault:
            return self.fault
        if domain not in (self.domains or []):
            return 500, f"invalid domain {json.dumps(domain)}; must be one of {json.dumps(self.domains)}"
        parts = {"pair": self.key + self.chain, "crt": self.chain, "cert": self.chain, "key": self.key}
        return (200, parts[kind]) if kind in parts else (400, 'invalid type; want "crt", "key", or "pair"')

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        if os.path.exists(self.path):
            os.unlink(self.path)
