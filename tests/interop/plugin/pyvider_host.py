# SPDX-License-Identifier: Apache-2.0
"""A host made with pyvider-rpcplugin: starts the plugin that its words name, calls proto.KV and the health service, and shuts it down."""
import asyncio
import sys

from pyvider.rpcplugin import plugin_client


async def main(command):
    async with plugin_client(command=command) as client:
        put, get, check = (client.grpc_channel.unary_unary(method) for method in ("/proto.KV/Put", "/proto.KV/Get", "/grpc.health.v1.Health/Check"))
        await put(b"\x0a\x01a\x12\x05hello", timeout=60)
        print("get", await get(b"\x0a\x01a", timeout=60))
        print("health", await check(b"\x0a\x06plugin", timeout=60))
    print("done")


asyncio.run(main(sys.argv[1:]))
