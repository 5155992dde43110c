# SPDX-License-Identifier: Apache-2.0
"""A host made with python-plugin (grpclib, OpenSSL): starts the plugin that its words name, calls it, and serves it by the broker (its own
end of the broker does not hear what a plugin serves). First word: mtls or plain."""
import asyncio
import sys

from grpclib.client import UnaryUnaryMethod
from grpclib.const import Cardinality, Handler
from pyplugin import Client, ClientConfig, HandshakeConfig, Plugin


class Raw(bytes):
    """A message as its bytes."""

    def SerializeToString(self):
        return bytes(self)

    @classmethod
    def FromString(cls, data):
        return cls(data)


class Kv(Plugin):
    def servicers(self, broker):
        return []

    def stub(self, broker, channel):
        return channel


class AddHelper:
    async def sum(self, stream):
        request = await stream.recv_message()
        await stream.send_message(Raw(bytes([8, sum(request[1::2])])))

    def __mapping__(self):
        return {"/proto.AddHelper/Sum": Handler(self.sum, Cardinality.UNARY_UNARY, Raw, Raw)}


async def call(channel, method, request=b""):
    return await UnaryUnaryMethod(channel, method, Raw, Raw)(Raw(request), timeout=60)


async def main(way, command):
    client = Client(ClientConfig(handshake_config=HandshakeConfig(protocol_version=1, magic_cookie_key="BASIC_PLUGIN", magic_cookie_value="hello"), plugins={"kv": Kv()}, cmd=command,
                                 auto_mtls=way == "mtls"))
    await client.start()
    channel = client.dispense("kv")
    await call(channel, "/proto.KV/Put", b"\x0a\x01a\x12\x05hello")
    print("get", bytes(await call(channel, "/proto.KV/Get", b"\x0a\x01a")))
    number = client.broker.next_id()
    await client.broker.accept_and_serve(number, [AddHelper()])
    await call(channel, "/proto.Counter/Put", bytes([8, number]) + b"\x12\x01c" + bytes([24, 7]))
    print("sum", bytes(await call(channel, "/proto.Counter/Get", b"\x0a\x01c")))
    await client.kill()
    print("done")


asyncio.run(main(sys.argv[1], sys.argv[2:]))
