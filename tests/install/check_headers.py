#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""All public headers, included together: they compile, and drag in nothing but the standard library and each other.

What the standard library itself includes is asked of the compiler (every standard header at once), so a header of OpenSSL,
nghttp2, SQLite or anybody else shows however it got in. usage: check_headers.py COMPILER INCLUDE_DIR"""
import pathlib
import re
import subprocess
import sys


def included(compiler, source, *flags):
    done = subprocess.run([compiler, "-std=c++20", "-Wall", "-Wextra", "-Werror", "-x", "c++", "-M", *flags, "-"], input=source, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(f"the headers do not preprocess:\n{done.stderr}")
    return {str(pathlib.Path(word).resolve()) for word in re.sub(r"\\\n", " ", done.stdout).split()[1:] if word != "-"}


def main():
    compiler, include = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    headers = sorted(str(file.relative_to(include)) for file in (include / "sallyport").rglob("*.h"))
    if len(headers) < 50:
        sys.exit(f"only {len(headers)} headers in {include}: not what is installed")
    hidden = [name for name in headers if "/internal/" in name or "/testing/" in name]
    if hidden:
        sys.exit(f"installed, though not public: {', '.join(hidden)}")
    together = "".join(f'#include "{name}"\n' for name in headers)
    standard = included(compiler, "#include <bits/stdc++.h>\n")
    foreign = sorted(file for file in included(compiler, together, f"-I{include}") - standard if not file.startswith(f"{include}/sallyport/"))
    if foreign:
        blame = [name for name in headers if included(compiler, f'#include "{name}"\n', f"-I{include}") & set(foreign)]
        sys.exit("foreign headers reach the user:\n  " + "\n  ".join(foreign) + "\nthrough:\n  " + "\n  ".join(blame))
    done = subprocess.run([compiler, "-std=c++20", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-I{include}", "-x", "c++", "-"], input=together, text=True, check=False)
    if done.returncode == 0:
        print(f"{len(headers)} public headers compile together, none from elsewhere")
    return done.returncode


sys.exit(main())
