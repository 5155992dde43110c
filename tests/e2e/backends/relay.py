#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A careless forwarding proxy on the same machine: copies one request, adds one header line. Prints its port."""
import argparse
import socket
import threading


def carry(client, port, line):
    with client, socket.create_connection(("127.0.0.1", port)) as server:
        first, _, rest = client.recv(65536).partition(b"\r\n")
        server.sendall(first + b"\r\n" + line.encode() + b"\r\n" + rest)
        while data := server.recv(65536):
            client.sendall(data)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--to", type=int, required=True)
    parser.add_argument("--add", required=True)
    options = parser.parse_args()
    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    while True:
        client, _ = listening.accept()
        threading.Thread(target=carry, args=(client, options.to, options.add), daemon=True).start()


if __name__ == "__main__":
    main()
