# SPDX-License-Identifier: Apache-2.0
"""Finds the real tools; what npm has is installed once into build/interop-cache."""
import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("SALLYPORT_BUILD", ROOT / "build")) / "interop-cache"


def need(program, package):
    """The path of a program of a Debian package; skips, and names the package, where it is missing."""
    found = shutil.which(program)
    if not found:
        pytest.skip(f"{program} is missing: apt-get install {package}")
    return found


def npm(package, version, program):
    """The path of a program of an npm package, installed once into build/interop-cache."""
    folder = CACHE / f"{package}-{version}"
    found = folder / "node_modules" / ".bin" / program
    if not found.exists():
        need("npm", "npm")
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", str(folder), f"{package}@{version}"], capture_output=True, text=True,
                              timeout=600)
        if done.returncode or not found.exists():
            pytest.skip(f"npm install {package}@{version} did not work here: {done.stderr.strip()[-300:]}")
    return str(found)


@contextlib.contextmanager
def alone(name):
    """One process at a time fills a place of the cache: test files run side by side."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f"{name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def go_tool(version):
    """The path of Go, at least as new as `version`, a pair; skips where there is none."""
    go = need("go", "golang-go")
    said = subprocess.run([go, "version"], capture_output=True, text=True, timeout=60, check=True).stdout
    found = re.search(r"go(\d+)\.(\d+)", said)
    if tuple(int(part) for part in found.groups()) < version:
        pytest.skip(f"Go {version[0]}.{version[1]} or later is needed, here is {said.strip()}")
    return go


def go_environment():
    return {**os.environ, "GOFLAGS": "-buildvcs=false", "GOTOOLCHAIN": "local"}


def go_program(folder):
    """The program of a Go module in our tree, built once for each state of its sources."""
    go = go_tool((1, 24))
    state = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        state.update(file.name.encode() + b"\0" + file.read_bytes())
    program = CACHE / f"go-{folder.name}-{state.hexdigest()[:16]}"
    with alone(program.name):
        if program.exists():
            return program
        made = program.with_suffix(".part")
        done = subprocess.run([go, "build", "-o", str(made), "."], cwd=folder, capture_output=True, text=True, timeout=800, env=go_environment())
        if done.returncode and ("dial tcp" in done.stderr or "no such host" in done.stderr or "module lookup disabled" in done.stderr):
            pytest.skip(f"the Go module proxy is out of reach: {done.stderr.strip()[-300:]}")
        assert done.returncode == 0, done.stderr
        made.rename(program)
    return program


def go_install(package, version):
    """The program of a Go package at a version, installed once."""
    go = go_tool((1, 24))
    folder = CACHE / (package.replace("/", "-") + "-" + version)
    with alone(folder.name):
        if folder.exists():
            return next(folder.iterdir())
        making = folder.with_name(folder.name + ".part")
        done = subprocess.run([go, "install", f"{package}@{version}"], capture_output=True, text=True, timeout=800, env={**go_environment(), "GOBIN": str(making)})
        if done.returncode:
            pytest.skip(f"{package}@{version} cannot be installed here: {done.stderr.strip()[-300:]}")
        making.rename(folder)
    return next(folder.iterdir())


def python_with(package, version, oldest):
    """A Python of its own that has a package of PyPI, installed once; `oldest` is the first Python that will do, a pair."""
    if sys.version_info < oldest:
        pytest.skip(f"{package} needs Python {oldest[0]}.{oldest[1]}")
    folder = CACHE / f"python-{package}-{version}"
    python = folder / "bin" / "python"
    with alone(folder.name):
        if (folder / "whole").exists():
            return str(python)
        for command in ([sys.executable, "-m", "venv", "--clear", str(folder)], [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", f"{package}=={version}"]):
            done = subprocess.run(command, capture_output=True, text=True, timeout=600)
            if done.returncode:
                pytest.skip(f"{package} {version} cannot be installed here: {(done.stdout + done.stderr).strip()[-300:]}")
        (folder / "whole").touch()
    return str(python)
