# SPDX-License-Identifier: Apache-2.0
"""The README's first screen is real: its commands are run, and each line that it shows must come out."""

import os
import pathlib
import re
import shlex
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("SALLYPORT_BIN", str(ROOT / "build/release/sallyport"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def transcript():
    """The first console block as [(command, [lines shown])]."""
    block = re.search(r"```console\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S).group(1)
    steps = []
    for line in block.splitlines():
        if line.startswith("$ "):
            steps.append((line[2:].split("  #")[0].strip(), []))
        else:
            steps[-1][1].append(line)
    return steps


def shown_in(line, output):
    """A line with … in it is shown where its parts stand in order in one line of the output."""
    parts = [part for part in line.strip().split("…") if part]
    pattern = ".*".join(re.escape(part) for part in parts)
    return re.search(pattern, output) is not None


def test_the_transcript_on_the_first_screen_is_what_happens(tmp_path):
    port = str(free_port())
    steps = [(command.replace("7070", port), [line.replace("7070", port) for line in lines])
             for command, lines in transcript()]
    assert len(steps) == 4 and steps[0][0].startswith("sallyport run")
    environment = {**os.environ, "HOME": str(tmp_path)}
    environment.pop("XDG_STATE_HOME", None)
    start = shlex.split(steps[0][0])
    argv = [BINARY, "run", "--listen", f"127.0.0.1:{port}", *start[2:]]
    with open(tmp_path / "start.log", "wb") as log:
        gate = subprocess.Popen(argv, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while "is ready" not in (tmp_path / "start.log").read_text(encoding="utf-8"):
            assert gate.poll() is None and time.monotonic() < deadline, (tmp_path / "start.log").read_text(encoding="utf-8")
            time.sleep(0.1)
        started = (tmp_path / "start.log").read_text(encoding="utf-8")
        for line in steps[0][1]:
            if "login link" not in line:  # that one is for a terminal only; the tests of the start look at it on a pty
                assert shown_in(line, started), line
        for command, lines in steps[1:]:
            # the moment itself is another one
            lines = ["…" + line.split(",", 1)[1] if line.startswith('{"time"') else line for line in lines]
            output = ""
            while time.monotonic() < deadline and not all(shown_in(line, output) for line in lines):
                done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, timeout=30)
                output = done.stdout
            for line in lines:
                assert shown_in(line, output), (command, line, output)
    finally:
        gate.send_signal(signal.SIGINT)
        assert gate.wait(30) == 0
