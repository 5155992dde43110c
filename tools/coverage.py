#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Line coverage of the library by module, from a build with --coverage whose tests have run; gcovr does the counting.

usage: tools/coverage.py BUILD [--files MODULE]   --files also lists a module's files, with the lines that no test reached
"""
import argparse
import collections
import json
import pathlib
import subprocess
import sys


def read_counts(root, build):
    """Return {path below src/sallyport: (lines, [line numbers not reached])}."""
    command = ["gcovr", "--root", str(root), "--filter", "src/sallyport/", "--exclude", ".*/testing/", "--exclude-throw-branches", "--json", "-", str(build)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"coverage: gcovr failed:\n{done.stderr}")
    counts = {}
    for file in json.loads(done.stdout)["files"]:
        lines = [line for line in file["lines"] if not line.get("gcovr/noncode")]
        name = file["file"].removeprefix("src/sallyport/")
        counts[name] = (len(lines), [line["line_number"] for line in lines if line["count"] == 0])
    return counts


def spans(numbers):
    """Write 3,4,5,9 as 3-5 9."""
    runs = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return " ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def row(name, lines, missed):
    return f"{name:34} {lines:7} {missed:7} {100 * (lines - missed) / lines if lines else 100:6.1f} %"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--files", metavar="MODULE")
    arguments = parser.parse_args()
    counts = read_counts(pathlib.Path(__file__).resolve().parent.parent, arguments.build.resolve())
    if not counts:
        sys.exit(f"coverage: {arguments.build} holds no counts; build the preset `coverage` and run its tests first")
    modules = collections.defaultdict(lambda: [0, 0])
    for name, (lines, missed) in counts.items():
        for key in (name.split("/")[0], "all"):
            modules[key][0] += lines
            modules[key][1] += len(missed)
    print(f"{'module':34} {'lines':>7} {'missed':>7} {'reached':>8}")
    for name in sorted(modules, key=lambda key: (key == "all", key)):
        print(row(name, *modules[name]))
    for name, (lines, missed) in sorted(counts.items()):
        if arguments.files and name.startswith(f"{arguments.files}/"):
            print(row(name, lines, len(missed)) + (f"   {spans(missed)}" if missed else ""))


main()
