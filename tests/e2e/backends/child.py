#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A tool whose fault is in how it lives as a process. Serves "ok" over HTTP on --port unless told otherwise.

  --ignore TERM,INT   ignores these signals            --fork       has a child and a daemonised grandchild
  --exit N            exits with N on SIGINT/SIGTERM   --die N      exits with N at once, having printed a few lines
  --after S --die N   dies S seconds after its start   --delay S    listens only after S seconds
  --report FILE       writes its environment, descriptors and pids there as JSON
  --not-mine          never listens: somebody else does on that port
  --wildcard          listens on all addresses"""
import argparse
import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Tool(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = f"ok from {os.getpid()}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def fork_family():
    """A child, and a grandchild that has left our process group and session; both would outlive a careless parent."""
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if os.fork() == 0:
            os.setsid()
        while True:
            time.sleep(60)
    return child


def readable(descriptor):
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        return os.read(descriptor, 4096).decode("latin-1")
    except OSError:
        return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ignore", default="")
    parser.add_argument("--fork", action="store_true")
    parser.add_argument("--exit", type=int)
    parser.add_argument("--die", type=int)
    parser.add_argument("--after", type=float, default=0)
    parser.add_argument("--delay", type=float, default=0)
    parser.add_argument("--report")
    parser.add_argument("--not-mine", action="store_true")
    parser.add_argument("--wildcard", action="store_true")
    parser.add_argument("--say", default="")
    options = parser.parse_args()
    for name in filter(None, options.ignore.split(",")):
        signal.signal(getattr(signal, "SIG" + name), signal.SIG_IGN)
    if options.exit is not None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: os._exit(options.exit))
    if options.say:
        print(options.say, file=sys.stderr, flush=True)
    if options.report:
        links = {}
        for entry in os.listdir("/proc/self/fd"):
            try:
                links[entry] = os.readlink(f"/proc/self/fd/{entry}")
            except OSError:
                pass
        fd = os.environ.get("SALLYPORT_CREDENTIAL_FD")
        told = {"env": dict(os.environ), "argv": sys.argv, "pid": os.getpid(), "ppid": os.getppid(), "pgid": os.getpgrp(), "fds": links,
                "umask": os.umask(0o77), "from_fd": readable(int(fd)) if fd else None}
        partial = options.report + ".part"
        with open(partial, "w") as out:
            json.dump(told, out)
        os.rename(partial, options.report)
    if options.fork:
        fork_family()
    if options.die is not None and not options.after:
        print("a last word before the end", file=sys.stderr, flush=True)
        sys.exit(options.die)
    if options.die is not None:
        threading.Timer(options.after, lambda: os._exit(options.die)).start()
    time.sleep(options.delay)
    if options.not_mine:
        while True:
            time.sleep(60)
    ThreadingHTTPServer.request_queue_size = 64
    ThreadingHTTPServer(("0.0.0.0" if options.wildcard else "127.0.0.1", options.port), Tool).serve_forever()


if __name__ == "__main__":
    main()
