# SPDX-License-Identifier: Apache-2.0
"""Hosts made with github.com/hashicorp/go-plugin start our plugin: plain and AutoMTLS, versions, output, the end; and what must be refused."""
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools import ROOT, go_install, go_program

BUILD = Path(os.environ.get("SALLYPORT_BIN", ROOT / "build" / "release" / "sallyport")).parent
PEER = BUILD / "tests" / "interop" / "plugin" / "plugin_peer"
HERE = Path(__file__).parent / "plugin"
VERSION = "v1.8.0"


@pytest.fixture(scope="module")
def host():
    if not PEER.exists():
        pytest.skip(f"{PEER} is not built")
    return go_program(HERE / "host")


def plugin_environment(folder, **more):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PLUGIN_", "XDG_"))}
    return {**kept, "TMPDIR": str(folder), **more}


def run(host, tmp_path, *words, env=None):
    done = subprocess.run([str(host), *words], cwd=tmp_path, capture_output=True, text=True, timeout=120, env=env or plugin_environment(tmp_path))
    return done.returncode, done.stdout + done.stderr


def peer(tmp_path, *words, **env):
    return subprocess.run([str(PEER), *words], cwd=tmp_path, capture_output=True, text=True, timeout=60, env=plugin_environment(tmp_path, **env))


def sockets(folder):
    return [path for path in folder.glob("plugin*/s")]


def eventually(condition, seconds=30):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize("words", [[], ["-automtls"]], ids=["plain", "mtls"])
@pytest.mark.parametrize("transport", [[], ["--tcp"]], ids=["unix", "tcp"])
def test_mc_14_sg_02_a_go_host_uses_our_plugin(host, tmp_path, words, transport):
    status, said = run(host, tmp_path, *words, "-do", "ping,put=a=hello,get=a,heard=stored,alive", PEER, *transport)
    assert status == 0, said
    assert "version 1\nping ok\nput ok\nget hello\nexited false\nkilled true\n" in said
    assert 'stdout "put a\\n"' in said and 'stderr "stored 5 bytes\\n"' in said
    assert '"@message":"the peer is there","@module":"peer"' in said
    assert not sockets(tmp_path) and not list(tmp_path.glob("plugin*"))


@pytest.mark.parametrize("words", [[], ["-automtls"]], ids=["plain", "mtls"])
@pytest.mark.parametrize("shared", [[], ["-multiplex"]], ids=["each", "shared"])
@pytest.mark.parametrize("transport", [[], ["--tcp"]], ids=["unix", "tcp"])
def test_the_broker_connects_both_ways(host, tmp_path, words, shared, transport):
    status, said = run(host, tmp_path, *words, *shared, "-do", "add=c=5,add=c=7,put=a=hello,dial=a,dial=a,big=3000000,ping", PEER, *transport)
    assert status == 0, said
    assert "sum 5\nsum 12\nput ok\ndialled hello\ndialled hello\nbig true\nping ok\nkilled true\n" in said
    assert not list(tmp_path.glob("plugin*/s"))


def test_the_broker_example_of_go_plugin_uses_our_plugin_unchanged(host, tmp_path):
    example = go_install("github.com/hashicorp/go-plugin/examples/bidirectional", VERSION)
    env = plugin_environment(tmp_path, COUNTER_PLUGIN=str(PEER))
    assert run(example, tmp_path, "put", "k", "5", env=env)[0] == 0
    assert run(example, tmp_path, "put", "k", "4", env=env)[0] == 0
    status, said = run(example, tmp_path, "get", "k", env=env)
    assert status == 0 and "9" in said


def test_mc_14_versions_are_negotiated(host, tmp_path):
    status, said = run(host, tmp_path, "-version", "3", PEER)
    assert status == 0 and "version 3\n" in said
    status, said = run(host, tmp_path, "-version", "2", PEER)
    assert status == 1 and "Plugin version: 1, Client versions: [2]" in said


def test_mc_04_a_wrong_cookie_is_refused_by_name_of_the_variable(host, tmp_path):
    status, said = run(host, tmp_path, "-cookie", "hullo", PEER)
    assert status == 1
    assert "the variable BASIC_PLUGIN holds another cookie" in said and "hello" not in said.replace("hullo", "")
    status, said = run(host, tmp_path, "-cookie", "hullo", PEER, "--optional-cookie")
    assert status == 1 and "holds another cookie" in said


def test_mc_04_by_hand_it_says_what_it_is(host, tmp_path):
    done = peer(tmp_path)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("This program is a plugin.") and "the variable BASIC_PLUGIN is not set" in done.stderr
    done = peer(tmp_path, BASIC_PLUGIN="")
    assert done.returncode == 1 and "is not set" in done.stderr


def test_mc_03_a_strict_plugin_refuses_a_cookie_that_people_make_up(host, tmp_path):
    done = peer(tmp_path, "--strict-cookie", BASIC_PLUGIN="hello")
    assert done.returncode == 1 and "too short" in done.stderr and "hello" not in done.stderr


def handed(tmp_path, cookie, **env):
    """Starts the plugin with a cookie on a descriptor, and gives what it says until its handshake line, or its end."""
    reading, writing = os.pipe()
    os.write(writing, cookie)
    os.close(writing)
    process = subprocess.Popen([str(PEER)], cwd=tmp_path, pass_fds=[reading], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env=plugin_environment(tmp_path, SALLYPORT_CREDENTIAL_FD=str(reading), **env))
    os.close(reading)
    line = process.stdout.readline()
    if line:
        process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    return line, process.returncode, said


def test_mc_04_a_cookie_by_descriptor_has_to_be_one_that_nobody_guesses(host, tmp_path):
    line, status, said = handed(tmp_path, secrets.token_urlsafe(32).encode())
    assert line.startswith("1|1|unix|") and status == 0, said
    line, status, said = handed(tmp_path, b"hello")
    assert line == "" and status == 1 and "handed over by descriptor" in said and "hello" not in said
    line, status, said = handed(tmp_path, b"")
    assert line == "" and status == 1 and "handed over by descriptor" in said
    line, status, said = handed(tmp_path, b"hello", BASIC_PLUGIN="hello")
    assert line.startswith("1|1|unix|") and status == 0, "where the variable is set the descriptor is somebody else's"


@pytest.mark.parametrize("name, value, why", [
    ("PLUGIN_MIN_PORT", "abc", "wants a port"),
    ("PLUGIN_MAX_PORT", "70000", "wants a port"),
    ("PLUGIN_CLIENT_CERT", "garbage", "no certificate in PEM form"),
    ("PLUGIN_MULTIPLEX_GRPC", "perhaps", "true or false"),
    ("PLUGIN_UNIX_SOCKET_DIR", "relative", "begins with a slash"),
    ("PLUGIN_UNIX_SOCKET_DIR", "/nowhere/at/all", "No such file or directory"),
    ("PLUGIN_UNIX_SOCKET_GROUP", "no-such-group", "no such group here"),
    ("PLUGIN_SERVER_CERT", "garbage", "needs three things"),
])
def test_mc_14_garbage_in_the_environment_ends_with_what_belongs_there(host, tmp_path, name, value, why):
    done = peer(tmp_path, BASIC_PLUGIN="hello", **{name: value})
    assert done.returncode == 1 and done.stdout == ""
    assert name in done.stderr and why in done.stderr
    assert not list(tmp_path.glob("plugin*"))


@pytest.fixture
def waiting(host, tmp_path):
    """A Go host that has started our plugin, told its address and waits."""
    started = []

    def start(*words, plugin=(), first=""):
        process = subprocess.Popen([str(host), *words, "-do", f"{first}address,wait,ping", str(PEER), *plugin], cwd=tmp_path, env=plugin_environment(tmp_path), stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        started.append(process)
        assert process.stdout.readline().startswith("version")
        _, network, address, pid = process.stdout.readline().split()
        return process, address, int(pid)

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_mc_11_a_second_process_is_refused_and_the_reason_logged(waiting):
    process, address, _ = waiting()
    # Not from here: this process is one of those above the plugin.
    stranger = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); sys.exit(len(s.recv(1)))"
    assert subprocess.run([sys.executable, "-c", stranger, address], timeout=60).returncode == 0
    process.stdin.write("\n")
    out, _ = process.communicate(timeout=60)
    assert "ping ok" in out and '"@message":"refused a connection"' in out
    assert "did not start this plugin" in out


def test_mc_09_the_cookie_is_wiped_from_the_environment(waiting):
    _, _, pid = waiting()
    environment = Path(f"/proc/{pid}/environ").read_bytes()
    assert b"BASIC_PLUGIN=" in environment and b"BASIC_PLUGIN=hello" not in environment


def test_mc_12_tls_does_not_make_up_for_a_wrong_cookie(host, tmp_path):
    status, said = run(host, tmp_path, "-automtls", "-cookie", "hullo", PEER)
    assert status == 1 and "the variable BASIC_PLUGIN holds another cookie" in said


def test_a_shared_connection_is_the_only_one(waiting):
    process, address, _ = waiting("-multiplex", plugin=["--same-user"])
    stranger = socket.socket(socket.AF_UNIX)
    stranger.connect(address)
    assert stranger.recv(1) == b""
    process.stdin.write("\n")
    out, _ = process.communicate(timeout=60)
    assert "ping ok" in out and "the host shares one connection, and has it already" in out


def test_sg_02_a_stranger_without_the_certificate_is_refused(waiting):
    process, address, _ = waiting("-automtls", plugin=["--tcp"])
    name, port = address.rsplit(":", 1)
    stranger = socket.create_connection((name, int(port)))
    stranger.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))
    stranger.settimeout(60)
    while stranger.recv(100):
        pass
    process.stdin.write("\n")
    out, _ = process.communicate(timeout=60)
    assert "ping ok" in out and '"@message":"refused a connection"' in out


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_the_plugin_dies_with_its_host(waiting, tmp_path):
    process, _, pid = waiting()
    assert alive(pid) and sockets(tmp_path)
    process.send_signal(signal.SIGKILL)
    eventually(lambda: not alive(pid))
    assert not sockets(tmp_path)


def test_sigint_is_the_hosts_and_sigterm_stops(waiting, tmp_path):
    process, _, pid = waiting()
    os.kill(pid, signal.SIGINT)
    process.stdin.write("\n")
    out, _ = process.communicate(timeout=60)
    assert "ping ok" in out and "SIGINT is left to the host" in out
    process, _, pid = waiting()
    os.kill(pid, signal.SIGTERM)
    eventually(lambda: not alive(pid))
    assert not sockets(tmp_path)


def test_our_example_is_started_by_the_example_of_go_plugin(host, tmp_path):
    plugin = PEER.with_name("kv_plugin")
    if not plugin.exists():
        pytest.skip(f"{plugin} is not built: apt-get install libprotoc-dev protobuf-compiler")
    example = go_install("github.com/hashicorp/go-plugin/examples/grpc", VERSION)
    env = plugin_environment(tmp_path, KV_PROTO="grpc", KV_PLUGIN=str(plugin))
    assert run(example, tmp_path, "put", "hello", "world", env=env)[0] == 0
    status, said = run(example, tmp_path, "get", "hello", env=env)
    assert status == 0 and "world" in said
    assert run(example, tmp_path, "put", "../x", "world", env=env)[0] != 0 and "no such key" in run(example, tmp_path, "get", "other", env=env)[1]


def test_a_handler_that_never_returns_does_not_keep_the_plugin(waiting):
    _, _, pid = waiting(first="hang,")
    os.kill(pid, signal.SIGTERM)
    eventually(lambda: not alive(pid))


def test_the_example_of_go_plugin_uses_our_plugin_unchanged(host, tmp_path):
    example = go_install("github.com/hashicorp/go-plugin/examples/grpc", VERSION)
    env = plugin_environment(tmp_path, KV_PROTO="grpc", KV_PLUGIN=str(PEER))
    assert run(example, tmp_path, "put", "k", "value", env=env)[0] == 0
    status, said = run(example, tmp_path, "get", "k", env=env)
    assert status == 0 and "value" in said


def test_for_tests_it_serves_whoever_is_the_same_user(host, tmp_path):
    with subprocess.Popen([str(PEER), "--for-tests"], cwd=tmp_path, env=plugin_environment(tmp_path), stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline().split("|")
        stranger = socket.socket(socket.AF_UNIX)
        stranger.connect(line[3])
        stranger.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000"))
        assert stranger.recv(9)[3] == 4, "SETTINGS"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
