#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails where docs/asvs.md names a test that does not exist. usage: tools/check_asvs.py REPOSITORY"""
import pathlib
import re
import sys


def python_tests(root):
    for kind in ("e2e", "browser", "interop"):
        for path in (root / "tests" / kind).glob("test_*.py"):
            for name in re.findall(r"^def test_(\w+)", path.read_text(), re.M):
                yield f"{path.stem.removeprefix('test_')}::{name}"


def cpp_tests(root):
    for path in (root / "tests").rglob("*.cc"):
        for suite, name in re.findall(r"^TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)", path.read_text(), re.M):
            yield f"{suite}.{name}"


def main(root):
    known = {*python_tests(root), *cpp_tests(root)}
    named = re.findall(r"`(\w+::\w+|[A-Z]\w+\.\w+)`", (root / "docs" / "asvs.md").read_text())
    missing = sorted(set(named) - known)
    for name in missing:
        print(f"docs/asvs.md names {name}, which is no test")
    if not named:
        print("docs/asvs.md names no test at all: has its form changed?")
    return 1 if missing or not named else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
