# SPDX-License-Identifier: Apache-2.0
"""Processes of the suite: start them pinned, read what they cost, stop each by its pid."""

import ctypes
import dataclasses
import os
import pathlib
import resource
import signal
import socket
import subprocess
import time

PROXY_CORE = 0
LOAD_CORE = 1
DESCRIPTORS_MAX = 20000  # the same for every candidate; HAProxy and sallyport size themselves by it
STOP_SECONDS_MAX = 5.0
READY_SECONDS_MAX = 15.0
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


class StartError(Exception):
    """A process did not come up; the text is one line for the table."""


def read_text(path):
    """The file's text, or "" when the process behind it is gone."""
    try:
        return pathlib.Path(path).read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""


def _prepare_child(core):
    def prepare():
        os.sched_setaffinity(0, {core})
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        limit = DESCRIPTORS_MAX if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS_MAX)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

    return prepare


class Processes:
    """Everything the suite started. stop_all() ends it, whatever happened before."""

    def __init__(self, folder):
        self.folder = folder
        self.started = []

    def start(self, name, argv, core, cwd=None):
        """Starts argv pinned to `core`, in a process group of its own; output goes to NAME.log."""
        with open(self.folder / f"{name}.log", "wb") as log:
            try:
                process = subprocess.Popen(
                    [str(a) for a in argv], cwd=cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    start_new_session=True, preexec_fn=_prepare_child(core))
            except OSError as error:
                raise StartError(str(error)) from error
        process.name = name
        self.started.append(process)
        return process

    def last_line(self, name):
        lines = read_text(self.folder / f"{name}.log").strip().splitlines()
        return lines[-1][:160] if lines else "no output"

    def wait_for_port(self, process, port):
        """Returns once 127.0.0.1:port accepts; StartError when the process dies or takes too long."""
        deadline = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise StartError(f"ended with {process.returncode}: {self.last_line(process.name)}")
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise StartError(f"port {port} not open after {READY_SECONDS_MAX:.0f} s")

    def stop_all(self):
        families = [pid_and_birth(p) for process in self.started for p in tree([process.pid])]
        for process in reversed(self.started):
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + STOP_SECONDS_MAX
        for process in self.started:
            try:
                process.wait(max(0.05, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for pid, birth in families:  # a child that outlived its parent; never a reused pid
            if birth and pid_and_birth(pid)[1] == birth:
                os.kill(pid, signal.SIGKILL)
        self.started.clear()


def pid_and_birth(pid):
    fields = read_text(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return pid, fields[19] if len(fields) > 19 and fields[0] != "Z" else None


def tree(roots, leave_out=()):
    """Pids of the roots and all their descendants; subtrees whose command is left out are skipped."""
    found, todo = [], list(roots)
    while todo:
        pid = todo.pop()
        if read_text(f"/proc/{pid}/comm").strip() in leave_out:
            continue
        found.append(pid)
        for task in tasks(pid):
            todo += [int(child) for child in read_text(f"/proc/{pid}/task/{task}/children").split()]
    return found


def tasks(pid):
    try:
        return os.listdir(f"/proc/{pid}/task")
    except (FileNotFoundError, ProcessLookupError):
        return []


@dataclasses.dataclass
class Cost:
    """What a process tree used between two samples."""

    cpu_ns: int = 0
    waited_ns: int = 0  # runnable, but the core was somebody else's
    user_seconds: float = 0.0
    system_seconds: float = 0.0
    tasks_lost: int = 0  # ended in between: their CPU is not counted


class Sample:
    """CPU counters of a process tree at one moment."""

    def __init__(self, roots, leave_out=()):
        self.by_task, self.by_process = {}, {}
        for pid in tree(roots, leave_out):
            for task in tasks(pid):
                fields = read_text(f"/proc/{pid}/task/{task}/schedstat").split()
                if len(fields) >= 2:
                    self.by_task[pid, task] = (int(fields[0]), int(fields[1]))
            fields = read_text(f"/proc/{pid}/stat").rpartition(")")[2].split()
            if len(fields) > 12:
                self.by_process[pid] = (int(fields[11]), int(fields[12]))

    def since(self, before):
        cost = Cost(tasks_lost=len(before.by_task.keys() - self.by_task.keys()))
        for task, (run, waited) in self.by_task.items():
            run_before, waited_before = before.by_task.get(task, (0, 0))
            cost.cpu_ns += run - run_before
            cost.waited_ns += waited - waited_before
        for pid, (user, system) in self.by_process.items():
            user_before, system_before = before.by_process.get(pid, (0, 0))
            cost.user_seconds += (user - user_before) / CLOCK_TICKS
            cost.system_seconds += (system - system_before) / CLOCK_TICKS
        return cost


def pss_kib(roots, leave_out=()):
    """Proportional set size of the tree in KiB."""
    total = 0
    for pid in tree(roots, leave_out):
        for line in read_text(f"/proc/{pid}/smaps_rollup").splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total


def slab_kib():
    for line in read_text("/proc/meminfo").splitlines():
        if line.startswith("Slab:"):
            return int(line.split()[1])
    return 0


def cpu_pressure():
    """(microseconds some task waited for a CPU, the file's "some" line)."""
    line = (read_text("/proc/pressure/cpu").splitlines() or [""])[0]
    total = line.rpartition("total=")[2]
    return int(total) if total.isdigit() else 0, line


class Ports:
    """Free loopback ports below the range that outgoing connections take theirs from."""

    def __init__(self):
        self.next = 20000 + os.getpid() % 8000

    def take(self):
        while self.next < 32768:
            self.next += 1
            with socket.socket() as probe:
                try:
                    probe.bind(("127.0.0.1", self.next))
                    return self.next
                except OSError:
                    continue
        raise StartError("no free port")
