# SPDX-License-Identifier: Apache-2.0
"""Debian's jupyter-notebook behind us: a kernel over a WebSocket runs a cell; the token is in a file, not in an environment."""
import json
import os
import re
import subprocess
import uuid

import pytest
from harness.gate import eventually
from tools import need


@pytest.fixture
def gate(start, folder):
    program = need("jupyter-notebook", "jupyter-notebook python3-ipykernel")
    work = folder / "work"
    work.mkdir()
    root = ["--allow-root"] if os.getuid() == 0 else []
    return start("--preset", "jupyter", "--name", "notebook", "--ready-timeout", "60s", "--no-local-trust",
                 command=[program, "--no-browser", "--ip", "127.0.0.1", "--port", "{port}", "--notebook-dir", str(work), *root])


def run_cell(gate, kernel, code, fields):
    """Sends one cell over the kernel's WebSocket. Returns what it printed."""
    session, number = uuid.uuid4().hex, uuid.uuid4().hex
    message = {"header": {"msg_id": number, "username": "me", "session": session, "msg_type": "execute_request", "version": "5.3"}, "parent_header": {}, "metadata": {},
               "content": {"code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}, "channel": "shell", "buffers": []}
    with gate.websocket(f"/api/kernels/{kernel}/channels?session_id={session}", fields, timeout=60) as ws:
        assert ws.is_open, ws.answer
        ws.send(json.dumps(message))
        printed = ""
        while True:
            _, payload = ws.receive()
            told = json.loads(payload)
            if told["parent_header"].get("msg_id") != number:
                continue
            if told["msg_type"] == "stream":
                printed += told["content"]["text"]
            if told["msg_type"] == "status" and told["content"]["execution_state"] == "idle":
                return printed


def test_a_cell_runs_through_us(gate):
    assert eventually(lambda: gate.get("/api/status", gate.bearer).status == 200, 30)
    made = gate.request("POST", "/api/kernels", {**gate.bearer, "Content-Type": "application/json"}, b"{}", timeout=60)
    assert made.status == 201, made
    kernel = made.json()["id"]
    assert run_cell(gate, kernel, "print(6 * 7)", gate.bearer) == "42\n"
    big = run_cell(gate, kernel, "print('x' * 2_000_000)", {**gate.bearer, "Origin": gate.origin})
    assert len(big) == 2_000_001
    assert gate.websocket(f"/api/kernels/{kernel}/channels", {}).answer.status == 401
    assert gate.websocket(f"/api/kernels/{kernel}/channels", {**gate.bearer, "Origin": "http://evil.example"}).answer.status == 403


def test_files_go_up_and_come_down(gate):
    content = {"type": "file", "format": "text", "content": "ü" * 500_000}
    answer = gate.request("PUT", "/api/contents/a.txt", {**gate.bearer, "Content-Type": "application/json"}, json.dumps(content).encode(), timeout=60)
    assert answer.status == 201, answer
    assert gate.get("/api/contents/a.txt", gate.bearer).json()["content"] == content["content"]
    page = gate.get("/tree", gate.bearer)
    assert page.status == 200 and "jupyter" in page.text.lower()
    assert any("_xsrf" in name for name in page.cookies), "the tool's own cookies pass"


def test_the_token_is_in_a_file_and_the_inner_door_is_shut(gate, stranger):
    pid = next(pid for pid, _ in gate.living() if "jupyter-notebook" in open(f"/proc/{pid}/cmdline").read())
    environ = dict(item.split("=", 1) for item in open(f"/proc/{pid}/environ").read().split("\0") if "=" in item)
    command = open(f"/proc/{pid}/cmdline").read()
    assert "JUPYTER_TOKEN_FILE" in environ and "JUPYTER_TOKEN" not in environ
    path = environ["JUPYTER_TOKEN_FILE"]
    token = gate.book.add(open(path).read(), "jupyter's token")
    assert len(token) >= 43 and token == token.strip(), "jupyter takes the file as it is: a newline would be part of the token"
    assert token not in command and not any(token in value for value in environ.values())
    assert os.stat(path).st_mode & 0o077 == 0
    done = subprocess.run([*stranger, "cat", path], capture_output=True)
    assert done.returncode != 0
    port = re.search(r"--port[=\0](\d+)", command).group(1)
    ask = lambda *f: subprocess.run(["curl", "-s", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}", *f, f"http://127.0.0.1:{port}/api/status"], capture_output=True, text=True).stdout  # noqa: E731
    assert ask() == "403" and ask("-H", f"Authorization: token {gate.token}") == "403"
    assert gate.get("/api/status", {"Authorization": f"token {token}"}).status == 401


def test_kernels_end_with_the_gate(gate):
    made = gate.request("POST", "/api/kernels", {**gate.bearer, "Content-Type": "application/json"}, b"{}", timeout=60)
    kernel = made.json()["id"]
    run_cell(gate, kernel, "import subprocess; subprocess.Popen(['sleep', '600'], start_new_session=True)", gate.bearer)
    eventually(lambda: any("sleep\x00600" in _cmdline(pid) for pid, _ in gate.living()), 10, "the kernel's own child is there")
    gate.family |= gate.living()
    gate.stop(seconds=40)
    assert gate.orphans() == [], "a kernel or its child outlived the gate"


def _cmdline(pid):
    try:
        return open(f"/proc/{pid}/cmdline").read()
    except OSError:
        return ""
