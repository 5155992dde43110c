# SPDX-License-Identifier: Apache-2.0
"""What the admin socket says."""
import socket


def metrics(gate):
    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect(str(gate.state / "admin.sock"))
        wire.settimeout(20)
        wire.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        data = b""
        while piece := wire.recv(65536):
            data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ") and b"text/plain; version=0.0.4" in head, head
    return body.decode()
