#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Check one case of tests/compile_fail: it compiles, and with -DMISTAKE it fails for the reason that it names.

usage: check_case.py COMPILER INCLUDE_FOLDER CASE

The case holds a line "// EXPECT: REGEX", matched against the compiler's errors.
"""
import pathlib
import re
import subprocess
import sys


def compile_case(compiler, include, case, *extra):
    command = [compiler, "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", f"-I{include}", *extra, case]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    compiler, include, case = sys.argv[1:]
    expected = re.search(r"^// EXPECT: (.+)$", pathlib.Path(case).read_text(encoding="utf-8"), re.M)
    if expected is None:
        sys.exit(f"{case}: no EXPECT line")
    control = compile_case(compiler, include, case)
    if control.returncode != 0:
        sys.exit(f"{case}: the positive control does not compile:\n{control.stderr}")
    mistake = compile_case(compiler, include, case, "-DMISTAKE")
    if mistake.returncode == 0:
        sys.exit(f"{case}: the mistake compiles")
    errors = [line for line in mistake.stderr.splitlines() if "error:" in line]
    if not any(re.search(expected[1], line) for line in errors):
        sys.exit(f"{case}: fails for another reason than /{expected[1]}/:\n{mistake.stderr}")


if __name__ == "__main__":
    main()
