# SPDX-License-Identifier: Apache-2.0
"""Debian's websockify and noVNC behind us: the page, and a VNC conversation over a WebSocket with its subprotocol."""
import os
import socket
import threading

import pytest
from harness.gate import eventually
from tools import need

NOVNC = "/usr/share/novnc"


class VncServer:
    """Says what a VNC server says first (RFC 6143, section 7.1), then echoes."""

    def __init__(self):
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(client,), daemon=True).start()

    @staticmethod
    def talk(client):
        with client:
            client.sendall(b"RFB 003.008\n")
            while data := client.recv(65536):
                client.sendall(data)


@pytest.fixture
def gate(start):
    program = need("websockify", "websockify")
    if not os.path.exists(f"{NOVNC}/vnc.html"):
        pytest.skip(f"{NOVNC} is missing: apt-get install novnc")
    server = VncServer()
    yield start("--preset", "websockify", "--name", "screen", "--no-local-trust", command=[program, "--web", NOVNC, "127.0.0.1:{port}", f"127.0.0.1:{server.port}"])
    server.listening.close()


def test_the_novnc_page(gate):
    page = gate.get("/vnc.html", gate.bearer)
    assert page.status == 200 and "noVNC" in page.text
    assert gate.get("/core/rfb.js", gate.bearer).status == 200
    assert gate.get("/vnc.html").status == 401


def test_a_vnc_conversation(gate):
    with gate.websocket("/websockify", {**gate.bearer, "Sec-WebSocket-Protocol": "binary"}) as ws:
        assert ws.is_open, ws.answer
        assert ws.answer.get("Sec-WebSocket-Protocol") in ("binary", None)
        got = b""
        while len(got) < 12:
            got += ws.receive()[1]
        assert got == b"RFB 003.008\n"
        ws.send(b"RFB 003.008\n", opcode=2)
        back = b""
        while len(back) < 12:
            back += ws.receive()[1]
        assert back == b"RFB 003.008\n"
        data, back = os.urandom(300_000), b""
        sender = threading.Thread(target=ws.send, args=(data,), kwargs={"opcode": 2})
        sender.start()
        while len(back) < len(data):
            back += ws.receive()[1]
        sender.join()
        assert back == data


def test_strangers_do_not_get_to_the_screen(gate):
    for fields in ({}, {"Origin": gate.origin}, {**gate.bearer, "Origin": "http://evil.example"}):
        assert gate.websocket("/websockify", {**fields, "Sec-WebSocket-Protocol": "binary"}).answer.status in (401, 403)


def test_credential_is_not_on_its_command_line(gate):
    lines = [open(f"/proc/{pid}/cmdline").read() for pid, _ in gate.living()]
    assert any("websockify" in line for line in lines)
    assert not any("spb_" in line for line in lines), "every user of the machine can read it there"


def test_each_socket_is_a_process_and_all_end_with_the_gate(gate):
    sockets = [gate.websocket("/websockify", {**gate.bearer, "Sec-WebSocket-Protocol": "binary"}) for _ in range(3)]
    assert all(ws.is_open for ws in sockets)
    gate.family |= eventually(lambda: len(found := gate.living()) >= 4 and found, 10)
    gate.stop(seconds=30)
    assert gate.orphans() == []
