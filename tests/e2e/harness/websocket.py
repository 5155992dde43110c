# SPDX-License-Identifier: Apache-2.0
"""A small WebSocket client (RFC 6455) over a Wire."""
import base64
import hashlib
import os
import struct

from .wire import Wire, request_text

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def upgrade_fields(key, fields=()):
    pairs = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", key)]
    extra = list(fields.items() if isinstance(fields, dict) else fields)
    names = {name.lower() for name, _ in extra}
    return [pair for pair in pairs if pair[0].lower() not in names] + extra


class WebSocket:
    """Opens in the constructor. `answer` is the handshake's answer; `is_open` says whether it was 101."""

    def __init__(self, address, target, host, fields=(), early=b"", **options):
        key = base64.b64encode(os.urandom(16)).decode()
        self.wire = Wire(address, **options)
        self.wire.send(request_text("GET", target, host, upgrade_fields(key, fields)) + early)
        self.answer = self.wire.answer()
        self.is_open = self.answer.status == 101
        self.close_code = None
        if self.is_open:
            accept = base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()
            assert self.answer.get("Sec-WebSocket-Accept") == accept, "the handshake's accept value is wrong"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.wire.close()

    def frame(self, opcode, payload, final=True):
        data = payload.encode() if isinstance(payload, str) else payload
        mask = os.urandom(4)
        size = len(data)
        head = bytes([(0x80 if final else 0) | opcode])
        head += bytes([0x80 | size]) if size < 126 else struct.pack("!BH", 0x80 | 126, size) if size < 65536 else struct.pack("!BQ", 0x80 | 127, size)
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data)) if size < 4096 else (
            int.from_bytes(data, "big") ^ int.from_bytes((mask * (size // 4 + 1))[:size], "big")).to_bytes(size, "big")
        return head + mask + masked

    def send(self, payload, opcode=TEXT):
        self.wire.send(self.frame(opcode, payload))
        return self

    def receive(self):
        """Returns (opcode, payload) of one frame from the server; a close frame's code is kept in close_code."""
        first, second = self.wire.exactly(2)
        assert not second & 0x80, "a server must not mask"
        size = second & 127
        if size == 126:
            size, = struct.unpack("!H", self.wire.exactly(2))
        elif size == 127:
            size, = struct.unpack("!Q", self.wire.exactly(8))
        payload = self.wire.exactly(size)
        if first & 15 == CLOSE and size >= 2:
            self.close_code, = struct.unpack("!H", payload[:2])
        return first & 15, payload

    def echo(self, payload, opcode=TEXT):
        """Sends, and reads on until the echo is back (a tool may tick in between)."""
        data = payload.encode() if isinstance(payload, str) else payload
        self.send(payload, opcode)
        while True:
            got, answer = self.receive()
            assert got != CLOSE, f"closed with {self.close_code} instead of an echo"
            if got == opcode and answer == data:
                return answer

    def cut(self, seconds=10):
        """Waits until the other side ends it, ticks ignored. Returns the close code, 0 where it just ended, None if it lives on."""
        import time
        end = time.monotonic() + seconds
        self.wire.socket.settimeout(seconds)
        try:
            while time.monotonic() < end:
                opcode, _ = self.receive()
                if opcode == CLOSE:
                    return self.close_code or 1005
        except TimeoutError:
            return None
        except Exception:  # noqa: BLE001 - any way to end is an end
            return 0
        return None
