# SPDX-License-Identifier: Apache-2.0
"""Finds the real tools; what npm has is installed once into build/interop-cache."""
import os
import shutil
import subprocess
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
