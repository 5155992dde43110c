#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fail when two public headers define one name: everything lives in one namespace, so two meanings of a name would be one
definition to the linker, and a silent fault.

Looked at: types and constants that stand at the start of a line in headers under the root (forward declarations excepted).
Exit status: 0 in order, 1 fault found (one line each on stderr).
"""
import collections
import pathlib
import re
import sys

DEFINED = re.compile(
    r"^(?:template <[^>]*>\s*)?(?:(?:class|struct|enum class|enum) (?:\[\[nodiscard\]\] )?(?:alignas\([^)]*\) )?(?P<type>[A-Z]\w*)[^;]*?\{"
    r"|inline constexpr [\w:<>, ]+? (?P<constant>k[A-Z]\w*)|using (?P<alias>[A-Z]\w*) =)", re.M)


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "src/sallyport")
    places = collections.defaultdict(set)
    for header in sorted(root.rglob("*.h")):
        if "internal" in header.parts:
            continue
        for match in DEFINED.finditer(header.read_text(encoding="utf-8")):
            places[match["type"] or match["constant"] or match["alias"]].add(str(header))
    faults = [f"{name}: defined in {', '.join(sorted(files))}" for name, files in sorted(places.items()) if len(files) > 1]
    print("\n".join(faults), file=sys.stderr, end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
