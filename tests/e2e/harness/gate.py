# SPDX-License-Identifier: Apache-2.0
"""The real binary as a process: started, watched, spoken to, stopped, and looked after for orphans."""
import fcntl
import json
import os
import pty
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from .websocket import WebSocket
from .wire import Closed, Wire, request_text

ROOT = Path(__file__).resolve().parents[3]
BACKENDS = ROOT / "tests" / "e2e" / "backends"
WHOAMI = ROOT / "examples" / "whoami-tool" / "whoami_tool.py"
START_SECONDS = 90
STOP_SECONDS = 60
LINK = re.compile(rb"https?://\S+?/\.sallyport/link/(spl_[A-Za-z0-9_-]+)")


def binary():
    return os.environ.get("SALLYPORT_BIN") or str(ROOT / "build" / "release" / "sallyport")


_reserved = {}


def free_port():
    """A port below the kernel's own range that stays ours among tests that run at the same time: a lock says so."""
    locks = Path(tempfile.gettempdir()) / f"sallyport-ports-{os.getuid()}"
    locks.mkdir(mode=0o700, exist_ok=True)
    for port in range(21000 + secrets.randbelow(8000), 32000):
        if port in _reserved:
            continue
        lock = open(locks / str(port), "w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        except OSError:
            lock.close()
            continue
        _reserved[port] = lock
        return port
    raise AssertionError("no free port")


def backend(name, *words):
    """The command of one of our misbehaving backends."""
    return [sys.executable, str(BACKENDS / name), *words]


def clean_environment(home, extra=None):
    keep = {key: os.environ[key] for key in ("PATH", "LANG", "TZ", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS") if key in os.environ}
    return {**keep, "HOME": str(home), "TERM": "dumb", "NO_COLOR": "1", **(extra or {})}


def stat_of(pid):
    """(parent, state, start time) of a process, or None where there is none."""
    try:
        rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(rest[1]), rest[0], rest[19]


def descendants(pid):
    """{(pid, start time)} of all living processes below pid."""
    table = {int(e): stat_of(int(e)) for e in os.listdir("/proc") if e.isdigit()}
    below, grown = {pid}, True
    while grown:
        more = {p for p, s in table.items() if s and s[0] in below and p not in below}
        grown = bool(more)
        below |= more
    return {(p, table[p][2]) for p in below - {pid} if table.get(p) and table[p][1] != "Z"}


def alive(process):
    pid, started = process
    now = stat_of(pid)
    return now is not None and now[2] == started and now[1] != "Z"


def eventually(condition, seconds=10, what="the condition"):
    """Waits for a condition without a fixed sleep being what makes it true. Returns its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(0.02)


class Gate:
    """One `sallyport run`. Every option of the command line is passed as given.

    command   the tool's command; by default the whoami example
    tty       standard output and error on a pseudo terminal
    listen    None for a fresh loopback port, or a list of --listen values
    token     a text to put into STATE/token first; by default a fresh one; False for none
    wait      "tool" until the tool answers, "door" until the gate does, None for not at all;
              "page" is "door" as a person meets it: a page tells that the tool is starting, where a program waits for it"""

    def __init__(self, book, folder, *options, command=None, tty=False, listen=None, token=None, env=None, wait="tool",
                 prefix=(), verb="run", state=None, stdin=subprocess.DEVNULL, preexec=None, pass_fds=()):
        self.book, self.folder = book, Path(folder)
        self.state = Path(state) if state else self.folder / "state"
        self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.home = self.folder / "home"
        self.home.mkdir(mode=0o700, exist_ok=True)
        self.port = free_port() if listen is None else None
        self.address = ("127.0.0.1", self.port) if listen is None else None
        self.tls = self.tls_name = None
        self.token = None
        if token is not False and not (self.state / "token").exists():
            self.write_token(token or "spa_" + secrets.token_urlsafe(32))
        listens = [f"127.0.0.1:{self.port}"] if listen is None else listen
        command = list(command or [sys.executable, str(WHOAMI), "--port", "{port}"])
        self.argv = [*prefix, binary(), verb, *[word for one in listens for word in ("--listen", one)],
                     "--state-dir", str(self.state), *options, "--", *command]
        self.output, self.lock = b"", threading.Lock()
        self.env = clean_environment(self.home, env)
        self._start(tty, stdin, preexec, pass_fds)
        self.family = set()
        if wait:
            self.wait(wait)

    # -- the process -----------------------------------------------------------------------------------

    def _start(self, tty, stdin, preexec, pass_fds):
        if tty:
            master, slave = pty.openpty()
            out = err = slave
        else:
            master, out = os.pipe()
            err = out
        self.process = subprocess.Popen(self.argv, stdin=slave if tty else stdin, stdout=out, stderr=err, env=self.env,
                                        cwd=self.folder, start_new_session=True, preexec_fn=preexec, pass_fds=pass_fds)
        os.close(out)
        self.reader = threading.Thread(target=self._read, args=(master,), daemon=True)
        self.reader.start()

    def _read(self, descriptor):
        while True:
            try:
                data = os.read(descriptor, 65536)
            except OSError:
                data = b""
            if not data:
                os.close(descriptor)
                return
            with self.lock:
                self.output += data

    @property
    def text(self):
        with self.lock:
            return self.output.decode("utf-8", "replace")

    def wait(self, what):
        """Waits until the gate is reachable and, for "tool", until it does not say that the tool is starting."""
        def ready():
            if self.process.poll() is not None:
                self.reader.join(5)
                raise AssertionError(f"sallyport ended with {self.process.returncode} at its start:\n{self.text}")
            try:
                accept = {"Accept": "text/html"} if what == "page" else {}
                answer = self.get("/", fields={**(self.bearer if self.token else {}), **accept}, timeout=3)
            except (OSError, Closed):
                return False
            return what != "tool" or answer.status != 503
        eventually(ready, START_SECONDS, lambda: f"the gate is up; it printed:\n{self.text}")
        self.family = self.living()

    def living(self):
        return descendants(self.process.pid)

    def wait_exit(self, seconds=STOP_SECONDS):
        """Waits for the process to end by itself. Returns its exit status."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"sallyport did not end within {seconds} s; it printed:\n{self.text}") from None
        self.reader.join(5)
        return status

    def stop(self, how=signal.SIGINT, seconds=STOP_SECONDS):
        """Sends one signal and waits. Returns the exit status."""
        if self.process.poll() is None:
            self.family |= self.living()
            self.process.send_signal(how)
        return self.wait_exit(seconds)

    def orphans(self, seconds=10):
        """Processes of the gate's family that outlived it; waits for the kernel to finish with them."""
        end = time.monotonic() + seconds
        while (left := [p for p in self.family if alive(p)]) and time.monotonic() < end:
            time.sleep(0.02)
        return left

    def finish(self):
        """Ends what still runs, and hands all output to the book. Called by the fixture. Returns complaints."""
        complaints = []
        if self.process.poll() is None:
            self.family |= self.living()
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                complaints.append(f"did not stop within {STOP_SECONDS} s of SIGINT")
                self.process.kill()
                self.process.wait()
        for process in self.orphans():
            complaints.append(f"process {process[0]} outlived the gate")
            if alive(process):
                os.kill(process[0], signal.SIGKILL)
        self.reader.join(5)
        if b"AddressSanitizer" in self.output or b"runtime error:" in self.output or b"ThreadSanitizer" in self.output:
            complaints.append("a sanitizer complained:\n" + self.text)
        label = " ".join(self.argv[1:6])
        links = {match.group(1) for match in LINK.finditer(self.output)}
        for link in links:
            self.book.add(link, "a login link")
        self.book.add_text(f"output of {label}", self.output, shown_once=links)
        for log in self.state.rglob("*.jsonl"):
            self.book.add_text(f"{log.name} of {label}", log.read_bytes())
        for name in ("token", "password"):
            path = self.state / name
            if path.is_file() and len(secret := path.read_bytes().strip()) >= 8:
                self.book.add(secret, f"STATE/{name}")
        return complaints

    # -- credentials -----------------------------------------------------------------------------------

    def write_token(self, token):
        path = self.state / "token"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.write(descriptor, token.encode() + b"\n")
        os.close(descriptor)
        self.token = self.book.add(token, "the access token")

    @property
    def bearer(self):
        return {"Authorization": f"Bearer {self.token}"}

    def link(self, seconds=10):
        """The one-time login link that was printed: its path, and the whole address."""
        match = eventually(lambda: LINK.search(self.output), seconds, f"a login link is printed; output:\n{self.text}")
        self.book.add(match.group(1), "a login link")
        return match.group().decode()

    # -- speaking to it --------------------------------------------------------------------------------

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    @property
    def origin(self):
        return f"{'https' if self.tls else 'http'}://{self.host}"

    def connect(self, **options):
        if self.tls and "tls" not in options:
            options.update(tls=self.tls, server_name=self.tls_name)
        return Wire(self.address, **options)

    def request(self, method, target, fields=(), body=b"", host=None, timeout=20, **options):
        with self.connect(timeout=timeout, **options) as wire:
            wire.send(request_text(method, target, host or self.host, fields, body))
            return wire.answer(method)

    def get(self, target, fields=(), **options):
        return self.request("GET", target, fields, **options)

    def raw(self, data, timeout=20):
        """Sends bytes as they are; returns (answers as far as they came, whether the gate then ended the connection)."""
        answers = []
        with self.connect(timeout=timeout) as wire:
            try:
                wire.send(data)
                while True:
                    answers.append(wire.answer())
                    if not wire.buffer:
                        ended = wire.ended(3)
                        if not wire.buffer:
                            return answers, ended
                        wire.socket.settimeout(timeout)
            except (Closed, BrokenPipeError, ConnectionResetError):
                return answers, True
            except TimeoutError:
                return answers, False

    def websocket(self, target="/ws", fields=(), host=None, **options):
        if self.tls and "tls" not in options:
            options.update(tls=self.tls, server_name=self.tls_name)
        return WebSocket(self.address, target, host or self.host, fields, **options)

    # -- what it wrote down ----------------------------------------------------------------------------

    def audit(self):
        """The audit log so far, as a list of dicts. A line that is not JSON fails the test."""
        path = self.state / "audit.jsonl"
        if not path.exists():
            return []
        data = path.read_bytes()
        whole = data[:data.rfind(b"\n") + 1]
        return [json.loads(line) for line in whole.decode("ascii").splitlines()]

    def audited(self, seconds=10, **wanted):
        """Waits for an audit line with these fields (a value may be a set of choices). Returns it."""
        def fits(line):
            return all(line.get(k) in v if isinstance(v, (set, tuple)) else line.get(k) == v for k, v in wanted.items())
        return eventually(lambda: next((line for line in reversed(self.audit()) if fits(line)), None), seconds,
                          f"an audit line with {wanted}; the last ones: {self.audit()[-3:]}")

    def resident_kib(self):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise AssertionError("no VmRSS")

    def command_line(self, *words, input=None, env=None, timeout=60):
        """Another sallyport command on the same state directory; see `run_cli`."""
        return run_cli(self.book, self.home, *words, "--state-dir", str(self.state), input=input, env=env, timeout=timeout)


class Done:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"<exit {self.status}\nout: {self.out[:2000]}\nerr: {self.err[:2000]}>"


def run_cli(book, home, *words, input=None, env=None, timeout=60, shows=False, prefix=(), tty=False, cwd=None):
    """Runs one sallyport command to its end. `shows` says that its output is where a secret is printed, this once."""
    done = subprocess.run([*prefix, binary(), *words], input=input, stdin=None if input is not None else subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=timeout, env=clean_environment(home, env), cwd=cwd)
    if not shows:
        book.add_text(f"stdout of sallyport {' '.join(words[:2])}", done.stdout.encode())
    book.add_text(f"stderr of sallyport {' '.join(words[:2])}", done.stderr.encode())
    return Done(done.returncode, done.stdout, done.stderr)


def other_user_prefix():
    """Words before a command that run it as another user, or None where we may not do so."""
    if os.getuid() != 0 or not shutil.which("setpriv"):
        return None
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
