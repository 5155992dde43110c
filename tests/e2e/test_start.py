# SPDX-License-Identifier: Apache-2.0
"""Start, start lines, exit status, wrong usage, and listeners that are refused."""
import os
import re
import signal
import socket
import stat

import pytest
from harness.gate import LINK, backend, eventually, free_port
from harness.person import NAVIGATE
from harness.wire import Wire, request_text

PASSWORD = "correct horse battery staple 42"


def test_start_lines_on_a_terminal_tell_url_link_rules_and_log(start):
    gate = start(tty=True)
    link = gate.link()
    eventually(lambda: "is ready" in gate.text, what="the tool is told to be ready")
    text = gate.text
    assert f"http://127.0.0.1:{gate.port}" in text
    assert link.startswith(f"http://127.0.0.1:{gate.port}/.sallyport/link/spl_")
    assert str(gate.state / "audit.jsonl") in text or "audit.jsonl" in text
    assert re.search(r"(expires|good for|valid|within|until|minutes)", text, re.I), "the link's expiry is not told"
    assert "TLS" in text.upper()
    assert gate.stop(signal.SIGINT) in (0, 130)


def test_no_colour_off_a_terminal_and_under_no_color(start):
    assert "\x1b[" not in start().text
    gate = start(tty=True)
    gate.link()
    assert "\x1b[" not in gate.text, "NO_COLOR is set"


def test_BY_03_qr_code_on_request(start):
    plain, with_qr = start(tty=True), start("--qr", tty=True)
    with_qr.link()
    plain.link()
    blocks = re.compile("[▀▄█]{10}")
    assert not blocks.search(plain.text)
    eventually(lambda: blocks.search(with_qr.text), what="a QR code is shown")


def test_state_directory_and_its_files_are_private(start):
    gate = start(token=False, tty=True)
    gate.link()
    assert stat.S_IMODE(gate.state.stat().st_mode) == 0o700
    for path in gate.state.rglob("*"):
        mode = stat.S_IMODE(path.lstat().st_mode)
        assert mode & 0o077 == 0, f"{path.relative_to(gate.state)} has mode {mode:o}"


def test_state_directory_open_to_others_is_refused(start, folder):
    state = folder / "wide"
    state.mkdir()
    state.chmod(0o777)
    gate = start(state=state, token=False, wait=None)
    state.chmod(0o777)
    status = gate.wait_exit()
    if status == 0:
        pytest.fail("a state directory that everybody may write was accepted")
    assert status in (1, 2, 3)
    assert "wide" in gate.text


# -- exit status ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [
    ["--no-such-option"],
    ["--listen", "nonsense"],
    ["--listen", "127.0.0.1:99999"],
    ["--allow", "10.0.0.0/99"],
    ["--allow", "10.0.0.1/8"],
    ["--tls", "sometimes"],
    ["--auth", "faith"],
    ["--restart", "perhaps"],
    ["--ready-timeout", "soon"],
    ["--env", "NO_EQUALS"],
    ["--env", "SALLYPORT_X=1"],
    ["--public-url", "ftp://x"],
    ["--public-path", "/a/../b"],
    ["--preset", "no-such-preset"],
    ["--name", "UPPER/slash"],
    ["--tls-cert", "only-one.pem"],
], ids=lambda w: " ".join(w))
def test_wrong_usage_ends_with_2_and_one_clear_line(cli, folder, words):
    done = cli("run", "--state-dir", str(folder / "s"), *words, "--", "true")
    assert done.status == 2, done
    assert done.out == ""
    assert words[0].lstrip("-") in done.err or words[-1].partition("=")[0] in done.err, "the message does not name what is wrong"


def test_wrong_usage_tells_every_fault_at_once(cli):
    done = cli("run", "--allow", "10.0.0.0/99", "--tls", "sometimes", "--", "true")
    assert done.status == 2
    assert "allow" in done.err and "tls" in done.err, done


def test_no_command_and_unknown_command_end_with_2(cli):
    assert cli().status == 2
    assert cli("frobnicate").status == 2
    assert cli("run").status == 2
    assert cli("run", "--").status == 2


@pytest.mark.parametrize("words", [["--token", "spa_in_the_open_on_the_command_line"], ["--password", "in the open"]])
def test_a_secret_on_the_command_line_is_refused(cli, words):
    done = cli("run", *words, "--", "true")
    assert done.status in (2, 3), done
    assert words[1] not in done.err + done.out


def test_placeholder_token_is_refused_in_an_argument(cli, folder):
    done = cli("run", "--state-dir", str(folder / "s"), "--", "echo", "{token}")
    assert done.status == 2 and "{token}" in done.err


def test_command_that_is_not_there(start):
    gate = start(command=["/no/such/tool", "{port}"], wait=None)
    assert gate.wait_exit() in (1, 127)
    assert "/no/such/tool" in gate.text


def test_help_version_and_preset_list(cli):
    for words in (["--help"], ["run", "--help"], ["cookie", "--help"], ["session", "--help"], ["config", "--help"]):
        done = cli(*words)
        assert done.status == 0 and "sallyport" in done.out, (words, done)
    done = cli("run", "--help")
    for option in ("--listen", "--preset", "--no-local-trust", "--insecurely-no-auth", "--public-url", "--ready", "--state-dir", "--qr"):
        assert option in done.out
    assert re.search(r"\d+\.\d+\.\d+", cli("version").out)
    done = cli("run", "--preset", "list")
    assert done.status == 0
    for preset in ("opencode", "jupyter", "code-server", "websockify", "generic"):
        assert preset in done.out


@pytest.mark.parametrize("code", [0, 3, 42])
def test_ctrl_c_passes_the_childs_status_through(start, code):
    gate = start(command=backend("child.py", "--port", "{port}", "--exit", str(code)))
    assert gate.stop(signal.SIGINT) == code


def test_a_child_that_ends_by_itself_ends_the_gate_with_its_status(start):
    gate = start(command=backend("child.py", "--port", "{port}", "--die", "7", "--after", "2"), wait="door")
    assert gate.wait_exit() == 7
    assert start(command=backend("child.py", "--port", "{port}", "--die", "9"), wait=None).wait_exit() == 9


def test_port_in_use_is_told_with_a_remedy(start):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        gate = start(listen=[address], wait=None)
        assert gate.wait_exit() == 1
        assert address in gate.text and "listen elsewhere" in gate.text


# -- SG-07: what may listen where ------------------------------------------------------------------------------


def test_SG_07_without_auth_a_listener_beyond_loopback_is_refused(start):
    for address in (f"0.0.0.0:{free_port()}", f"[::]:{free_port()}"):
        gate = start("--insecurely-no-auth", listen=[address], wait=None)
        assert gate.wait_exit() == 3, gate.text
        assert "drop --insecurely-no-auth" in gate.text, "the remedy is not named"


def test_SG_07_without_tls_a_wildcard_listener_is_refused(start):
    port = free_port()
    gate = start("--tls", "off", listen=[f"0.0.0.0:{port}"], wait=None)
    assert gate.wait_exit() == 3, gate.text
    assert "tls" in gate.text.lower()
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), 1)


def test_SG_07_one_bad_listener_among_good_ones_is_refused(start):
    gate = start("--insecurely-no-auth", listen=[f"127.0.0.1:{free_port()}", f"0.0.0.0:{free_port()}"], wait=None)
    assert gate.wait_exit() == 3


def test_SG_07_insecurely_public_says_so_and_is_audited(start):
    port = free_port()
    gate = start("--insecurely-no-auth", "--insecurely-public", "--tls", "off", "--public-url", f"http://127.0.0.1:{port}",
                 listen=[f"0.0.0.0:{port}"], wait=None)
    gate.address, gate.port = ("127.0.0.1", port), port
    gate.wait("tool")
    assert gate.get("/").status == 200
    gate.audited(event="setting_weakened")
    assert "insecurely" in gate.text


def test_insecurely_no_auth_on_loopback_admits_but_keeps_host_and_origin_rules(start):
    gate = start("--insecurely-no-auth", token=False)
    assert gate.get("/").status == 200
    assert gate.get("/", host="evil.example").status == 421
    assert gate.request("POST", "/api/upload", {"Origin": "http://evil.example"}, b"x").status == 403
    gate.audited(event="setting_weakened")


# -- SG-06, listeners of other kinds -----------------------------------------------------------------------------


def test_SG_06_unix_listener_is_0600_and_knows_its_peer(start, stranger, folder):
    path = folder / "d" / "gate.sock"
    path.parent.mkdir(mode=0o700)
    gate = start(listen=[f"unix:{path}"], wait=None)
    gate.address, gate.port = str(path), 80
    eventually(path.exists, what="the socket is there")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    eventually(lambda: gate.get("/", gate.bearer, host="localhost").status == 200, 20)
    import subprocess
    os.chmod(folder, 0o755)
    os.chmod(path.parent, 0o755)
    done = subprocess.run([*stranger, "curl", "-sS", "-m", "5", "--unix-socket", str(path), "http://localhost/"], capture_output=True, text=True)
    assert done.returncode == 7, f"another user could connect: {done}"
    os.chmod(path, 0o666)  # even where the mode is opened behind our back, the kernel's word on the peer counts
    done = subprocess.run([*stranger, "curl", "-s", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}", "--unix-socket", str(path),
                           "http://localhost/api/whoami"], capture_output=True, text=True)
    assert done.stdout in ("401", "403", "000"), done


def test_SG_06_a_live_socket_is_not_taken_over_and_a_dead_one_is_replaced(start, folder):
    path = folder / "gate.sock"
    first = start(listen=[f"unix:{path}"], wait=None)
    first.address, first.port = str(path), 80
    eventually(lambda: path.exists() and first.get("/", first.bearer, host="localhost").status == 200, 20)
    second = start(listen=[f"unix:{path}"], wait=None)
    assert second.wait_exit() == 1
    assert first.get("/", first.bearer, host="localhost").status == 200, "the first gate lost its socket"
    first.process.kill()
    first.wait_exit()
    third = start(listen=[f"unix:{path}"], wait=None)
    third.address, third.port = str(path), 80
    eventually(lambda: _ok(third), 20, "the stale socket is replaced")


def _ok(gate):
    try:
        return gate.get("/", gate.bearer, host="localhost").status == 200
    except OSError:
        return False


def test_SG_06_a_file_that_is_no_socket_is_left_alone(start, folder):
    path = folder / "precious"
    path.write_text("mine")
    gate = start(listen=[f"unix:{path}"], wait=None)
    assert gate.wait_exit() in (1, 2, 3)
    assert path.read_text() == "mine"


def test_inherited_descriptor_as_listener(start):
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        port = listening.getsockname()[1]
        gate = start(listen=[f"fd:{listening.fileno()}"], pass_fds=(listening.fileno(),), wait=None)
        gate.address, gate.port = ("127.0.0.1", port), port
        gate.wait("tool")
        assert gate.get("/api/whoami", gate.bearer).status == 200


def test_several_listeners_serve_one_tool(start):
    one, two = free_port(), free_port()
    gate = start(listen=[f"127.0.0.1:{one}", f"127.0.0.1:{two}"], wait=None)
    for port in (one, two):
        gate.address, gate.port = ("127.0.0.1", port), port
        gate.wait("tool")
        assert gate.get("/api/whoami", gate.bearer).status == 200
    assert gate.get("/", gate.bearer, host=f"127.0.0.1:{one}").status in (200, 421)


def test_ctrl_c_twice_and_terminate_also_stop_cleanly(start):
    gate = start(tty=True)
    assert gate.stop(signal.SIGTERM) in (0, 143, -15)
    assert gate.orphans() == []


def test_make_run_command_line_guards_the_example(start):
    """`make run` starts exactly this; the tool shows who the gate says we are."""
    gate = start("--name", "whoami", tty=True)
    told = gate.get("/api/whoami", gate.bearer).json()
    assert told["session"] == "whoami"
    assert told["user"]
    assert told["credential"] == "expected", "the tool was handed no backend credential"
    headers = dict(told["headers"])
    assert "(present, as expected)" in (headers.get("Authorization"), headers.get("X-Session-Token"))
    with Wire(gate.address) as wire:
        assert wire.send(request_text("GET", "/", gate.host, gate.bearer)).answer().status == 200
    assert LINK.search(gate.output)


def test_the_starting_page_shows_the_owner_what_the_tool_printed_so_far(start):
    gate = start("--public-path", "/open", command=backend("child.py", "--port", "{port}", "--delay", "60", "--say", "reading <b>42</b> files"), wait="page")
    page = eventually(lambda: (got := gate.get("/", NAVIGATE).text) and "files" in got and got, 20, "the output is on the page")
    assert "is starting" in page and "reading &lt;b&gt;42&lt;/b&gt; files" in page and "<b>42" not in page
    stranger = {**NAVIGATE, "X-Forwarded-For": "203.0.113.9"}
    for path in ("/", "/open"):
        assert "files" not in gate.get(path, stranger).text
    assert "files" not in gate.get("/", {**NAVIGATE, **gate.bearer}).text, "a token is no sign-in"
