# SPDX-License-Identifier: Apache-2.0
"""What the admin socket says."""
import re
import socket


def series(text, name):
    """The value of one line of Prometheus text, or the sum over its loops where it has the label."""
    found = re.findall(rf"^{re.escape(name)}(?:{{loop=\"\d+\"}})? (\S+)$", text, re.MULTILINE)
    assert found, f"no {name} in:\n{text}"
    return sum(map(float, found))


def metrics(gate, path=None):
    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect(str(path or gate.state / "admin.sock"))
        wire.settimeout(20)
        wire.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        data = b""
        while piece := wire.recv(65536):
            data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ") and b"text/plain; version=0.0.4" in head, head
    return body.decode()
