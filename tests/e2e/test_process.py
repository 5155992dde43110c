# SPDX-License-Identifier: Apache-2.0
"""The tool as a process: its environment and descriptors, the proof that the port is its own, stopping it, and leaving no orphans."""
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest
from harness.gate import WHOAMI, alive, backend, descendants, eventually, free_port

CREDENTIAL = re.compile(r"spb_[A-Za-z0-9_-]{43}")


def report_of(path):
    return json.loads(eventually(lambda: path.exists() and path.read_text(), 20, "the tool has written its report"))


@pytest.fixture
def told(start, folder):
    """What a tool finds around itself: (report, gate)."""
    gate = start("--no-local-trust", "--env", "MINE=1", "--env", "BASE={base_url}", "--pass-env", "PASSED", "--name", "tool",
                 env={"PASSED": "yes", "SECRET_OF_MINE": "hidden-" + "s" * 10, "SSH_AUTH_SOCK": "/tmp/agent", "SALLYPORT_PASSWORD": "hidden-password-1"},
                 command=backend("child.py", "--port", "{port}", "--report", str(folder / "report.json")))
    gate.book.add("hidden-password-1", "the password")
    return report_of(folder / "report.json"), gate


def test_BY_01_credential_by_sealed_descriptor_not_by_environment(told):
    report, gate = told
    env = report["env"]
    assert "SALLYPORT_CREDENTIAL_FD" in env or "SALLYPORT_CREDENTIAL_FILE" in env
    assert not CREDENTIAL.search(json.dumps(env)) and not CREDENTIAL.search(json.dumps(report["argv"]))
    assert CREDENTIAL.search(report["from_fd"]), "the descriptor holds the credential"
    gate.book.add(CREDENTIAL.search(report["from_fd"]).group(), "the backend credential")
    path = env.get("SALLYPORT_CREDENTIAL_FILE")
    if path:
        assert os.stat(path).st_mode & 0o777 in (0o600, 0o400) and os.stat(os.path.dirname(path)).st_mode & 0o777 == 0o700
        assert open(path).read().strip() == report["from_fd"].strip()
    fd = env["SALLYPORT_CREDENTIAL_FD"]
    assert "memfd" in report["fds"][fd]
    link = f"/proc/{report['pid']}/fd/{fd}"
    with pytest.raises(OSError):
        os.write(os.open(link, os.O_RDWR), b"x")
    environ = open(f"/proc/{report['pid']}/environ").read()
    assert not CREDENTIAL.search(environ) and not CREDENTIAL.search(open(f"/proc/{report['pid']}/cmdline").read())
    gate_environ = open(f"/proc/{gate.process.pid}/cmdline").read()
    assert not CREDENTIAL.search(gate_environ)


def test_environment_is_built_not_inherited(told):
    report, _ = told
    env = report["env"]
    assert env["MINE"] == "1" and env["PASSED"] == "yes" and env["BASE"] == "/"
    assert "SECRET_OF_MINE" not in env and "SSH_AUTH_SOCK" not in env and "SALLYPORT_PASSWORD" not in env
    assert env["PATH"] and env["HOME"]


def test_only_meant_descriptors_are_inherited(told):
    report, _ = told
    extra = {n: target for n, target in report["fds"].items() if int(n) > 2 and "memfd" not in target and "/proc/" not in target}
    assert extra == {}, "descriptors of the gate leak into the tool"


def test_stdin_is_not_the_terminal(told):
    report, _ = told
    assert report["fds"]["0"] == "/dev/null"


def test_two_tools_have_different_credentials(start, folder):
    found = set()
    for name in ("a", "b"):
        start(command=backend("child.py", "--port", "{port}", "--report", str(folder / name)))
        found.add(CREDENTIAL.search(report_of(folder / name)["from_fd"]).group())
    assert len(found) == 2

def test_the_tool_without_us_is_refused(start, folder):
    """Its port asks for a credential that nobody else has."""
    import urllib.error
    import urllib.request
    gate = start(command=["/bin/sh", "-c", 'echo $$ {port} > "$0"; exec "$1" "$2" --port {port}', str(folder / "where"), sys.executable, str(WHOAMI)])
    port = int((folder / "where").read_text().split()[1])
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/api/whoami", timeout=5)
    assert refused.value.code == 401
    assert gate.get("/api/whoami", gate.bearer).status == 200


def test_SA_04_argument_is_an_argument_never_a_shell_word(start, folder):
    gate = start("--env", "X=$(touch pwned)", command=backend("child.py", "--port", "{port}", "--say", "$(touch pwned); `touch pwned`"))
    assert not any(p.name == "pwned" for p in folder.rglob("*"))
    assert gate.get("/", gate.bearer).status == 200


def test_braces_that_are_no_placeholder_pass_unharmed(start):
    gate = start(command=backend("child.py", "--port", "{port}", "--say", '{"a": {}} {{port}}'))
    eventually(lambda: '{"a": {}} {port}' in gate.text or gate.get("/", gate.bearer).status == 200)


# -- whose port is it ---------------------------------------------------------------------------------------------------------------


def test_R12_a_port_squatted_by_another_process_is_not_trusted(start, folder):
    """A foreign process listens where the tool should: it must get neither the users' requests nor the credential."""
    port_file, got = folder / "port", []
    gate = start("--no-local-trust", "--ready-timeout", "6s",
                 command=["/bin/sh", "-c", 'echo {port} > "$0.part"; mv "$0.part" "$0"; exec sleep 600', str(port_file)], wait=None)
    port = int(eventually(lambda: port_file.exists() and port_file.read_text(), 10))
    squatter = subprocess.Popen([sys.executable, "-c", SQUATTER, str(port)], stdout=subprocess.PIPE, text=True)
    try:
        assert squatter.stdout.readline().strip() == "listening"
        end = time.monotonic() + 5
        while time.monotonic() < end and gate.process.poll() is None:
            try:
                answer = gate.get("/", gate.bearer, timeout=2)
                got.append(answer.status)
                assert "squatted" not in answer.text
            except OSError:
                pass
            time.sleep(0.1)
        status = gate.wait_exit(20)
        assert status in (1, 3), "it never became ready, so the start failed"
        assert set(got) <= {502, 503}, got
    finally:
        squatter.terminate()
        said = squatter.communicate()[0]
    assert "spb_" not in said, "the squatter was sent the backend credential"
    assert re.search(r"port|belong|another process", gate.text), gate.text


SQUATTER = """
import socket, sys
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen(64)
print("listening", flush=True)
while True:
    c, _ = s.accept()
    c.settimeout(1)
    try: print(c.recv(65536).decode("latin-1"), flush=True)
    except OSError: pass
    c.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 8\\r\\n\\r\\nsquatted"); c.close()
"""


def test_R12_a_foreign_process_after_the_tool_died_gets_nothing(start, folder):
    port_file = folder / "port"
    gate = start("--no-local-trust", "--restart", "no", "--ready-timeout", "5s", command=["/bin/sh", "-c",
                 'echo {port} > "$0.part"; mv "$0.part" "$0"; "$1" "$2" --port {port} --die 3 --after 3; exec sleep 600', str(port_file), *backend("child.py")])
    port = int(port_file.read_text())
    eventually(lambda: not _connects(port), 15, "the tool is gone, the shell above it lives on")
    squatter = subprocess.Popen([sys.executable, "-c", SQUATTER, str(port)], stdout=subprocess.PIPE, text=True)
    try:
        squatter.stdout.readline()
        for _ in range(10):
            answer = gate.get("/", gate.bearer)
            assert "squatted" not in answer.text and answer.status in (502, 503)
    finally:
        squatter.terminate()
        said = squatter.communicate()[0]
    assert "spb_" not in said, "the backend credential went to a foreign process"


def _connects(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def test_a_tool_that_never_listens_ends_the_start_with_its_output(start):
    gate = start("--ready-timeout", "2s", command=backend("child.py", "--port", "{port}", "--not-mine", "--say", "cannot find my database"), wait=None)
    assert gate.wait_exit(20) == 1
    assert "cannot find my database" in gate.text, "the tail of what it printed helps"
    assert "ready" in gate.text.lower()


def test_a_tool_that_dies_at_its_start_shows_its_last_words(start):
    gate = start(command=backend("child.py", "--port", "{port}", "--die", "5"), wait=None)
    assert gate.wait_exit() == 5
    assert "a last word before the end" in gate.text


def test_a_tool_on_all_addresses_is_pointed_out(start):
    gate = start(command=backend("child.py", "--port", "{port}", "--wildcard"))
    assert gate.get("/", gate.bearer).status == 200
    assert re.search(r"all addresses|every (address|interface)|0\.0\.0\.0|wildcard", gate.text + json.dumps(gate.audit())), "the tool can be reached around the gate, and nobody is told"


def test_BY_01_socket_placeholder_is_private(start, folder):
    gate = start(command=[sys.executable, str(WHOAMI), "--socket", "{socket}"])
    assert gate.get("/api/whoami", gate.bearer).status == 200
    sockets = [p for p in gate.state.rglob("*") if p.is_socket() and p.name != "admin.sock"]
    assert sockets and all(p.parent.stat().st_mode & 0o777 == 0o700 for p in sockets)


# -- stopping ------------------------------------------------------------------------------------------------------------------------


def test_a_tool_that_ignores_int_and_term_is_killed(start):
    gate = start(command=backend("child.py", "--port", "{port}", "--ignore", "INT,TERM,HUP"))
    family = gate.living()
    assert family
    gate.stop(signal.SIGINT, seconds=30)
    assert gate.orphans() == [] and not any(alive(p) for p in family)


def test_grandchildren_are_reaped_even_outside_the_process_group(start):
    gate = start(command=backend("child.py", "--port", "{port}", "--fork", "--ignore", "TERM"))
    family = eventually(lambda: len(found := descendants(gate.process.pid)) >= 3 and found, what="child and grandchild are there")
    gate.family |= family
    gate.stop(signal.SIGINT, seconds=30)
    assert gate.orphans() == [], "the grandchild that left the group lives on"


def test_grandchildren_of_a_tool_that_died_are_reaped(start):
    gate = start(command=backend("child.py", "--port", "{port}", "--fork", "--die", "4", "--after", "6"), wait="door")
    gate.family |= eventually(lambda: len(found := descendants(gate.process.pid)) >= 3 and found)
    assert gate.wait_exit() == 4
    assert gate.orphans() == []


@pytest.mark.parametrize("words", [[], ["--ignore", "INT,TERM,HUP"], ["--fork"]], ids=["plain", "ignores", "forks"])
def test_SIGKILL_of_the_gate_leaves_no_orphans(start, words):
    gate = start(command=backend("child.py", "--port", "{port}", *words))
    if "--fork" in words:
        gate.family |= eventually(lambda: len(found := descendants(gate.process.pid)) >= 3 and found)
    family = gate.living() | gate.family
    assert family
    gate.process.kill()
    gate.wait_exit()
    left = gate.orphans(15)
    assert left == [], f"{len(left)} of {len(family)} processes outlived the gate"


def test_no_zombies_are_kept(start):
    """The tool's own orphans are adopted and reaped while it runs."""
    gate = start(command=["/bin/sh", "-c", 'for i in 1 2 3 4 5 6 7 8 9 10; do (sh -c "exit 0" & ) ; done; exec "$0" "$1" --port {port}', *backend("child.py")])
    def zombies():
        found = 0
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    rest = open(f"/proc/{entry}/stat").read().rpartition(")")[2].split()
                except OSError:
                    continue
                found += rest[0] == "Z" and int(rest[1]) in {gate.process.pid, *(p for p, _ in gate.living())}
        return found
    eventually(lambda: zombies() == 0, 10, "all zombies are reaped")


def test_ctrl_c_on_the_terminal_stops_within_its_deadlines(start):
    gate = start(tty=True, command=backend("child.py", "--port", "{port}", "--exit", "0"))
    assert gate.stop(signal.SIGINT, seconds=15) == 0


def test_open_streams_do_not_hold_up_a_stop(start):
    gate = start()
    with gate.websocket("/ws", gate.bearer) as ws:
        ws.echo("here")
        gate.stop(signal.SIGINT, seconds=20)


# -- restart --------------------------------------------------------------------------------------------------------------------------


def test_restart_always_brings_the_tool_back_with_a_new_credential(start, folder):
    report = folder / "report"
    gate = start("--restart", "always", command=backend("child.py", "--port", "{port}", "--report", str(report)))
    first = report_of(report)
    os.kill(first["pid"], signal.SIGKILL)
    eventually(lambda: json.loads(report.read_text())["pid"] != first["pid"], 20, "the tool was started again")
    eventually(lambda: gate.get("/", gate.bearer).status == 200, 20)
    gate.audited(event="session")


def test_restart_on_failure_does_not_spin(start, folder):
    """A tool that dies at once is started again with growing pauses, not in a circle."""
    count = folder / "count"
    gate = start("--restart", "on-failure", command=["/bin/sh", "-c", 'echo x >> "$0"; exit 3', str(count), "{port}"], wait=None)
    eventually(lambda: count.exists(), 10)
    time.sleep(3)
    assert len(count.read_text().split()) <= 8
    gate.stop()


def test_restart_no_means_no(start):
    gate = start("--restart", "on-failure", command=backend("child.py", "--port", "{port}", "--die", "0", "--after", "2"), wait="door")
    assert gate.wait_exit() == 0, "an end without failure is an end"


def test_token_placeholder_in_the_environment_marks_the_session(start, folder):
    report = folder / "report"
    gate = start("--env", "THEIR_PASSWORD={token}", command=backend("child.py", "--port", "{port}", "--report", str(report)))
    env = report_of(report)["env"]
    assert CREDENTIAL.search(env["THEIR_PASSWORD"])
    gate.book.add(env["THEIR_PASSWORD"], "the backend credential in the environment")
    assert re.search(r"env(ironment)?[- ]exposed", gate.text + json.dumps(gate.audit())), "nobody is told"


def test_the_tool_may_not_ask_for_our_variables(cli, folder):
    for words in (["--env", "SALLYPORT_PASSWORD=x"], ["--pass-env", "SALLYPORT_PASSWORD"], ["--env", "CREDENTIALS_DIRECTORY=/x"], ["--env", "SESSION_ID=x"]):
        assert cli("run", "--state-dir", str(folder / "s"), *words, "--", "true").status == 2, words


def test_on_demand_starts_with_the_first_request(start, folder):
    report = folder / "report"
    gate = start("--on-demand", "--no-local-trust", command=backend("child.py", "--port", "{port}", "--report", str(report)), wait=None)
    eventually(lambda: _connects(gate.port), 20)
    assert gate.get("/").status == 401
    time.sleep(0.5)
    assert not report.exists(), "a stranger's knock does not start the tool"
    gate.wait("tool")
    assert report.exists()


def test_free_port_helper_gives_no_port_twice():
    assert len({free_port() for _ in range(50)}) == 50


V6_ONLY_TOOL = """
import http.server, socket, sys
class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        super().server_bind()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"v6")
Server(("::", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.mark.skipif(not os.path.exists("/proc/net/if_inet6"), reason="no IPv6 on this machine")
def test_a_tool_that_listens_on_v6_alone_is_reached(start):
    gate = start(command=[sys.executable, "-c", V6_ONLY_TOOL, "{port}"])
    answer = gate.get("/", gate.bearer)
    assert answer.status == 200 and answer.body == b"v6"
