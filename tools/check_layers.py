#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fail when the real #include graph of the modules departs from the declared one.

Declared: the CMake call  sallyport_module(NAME x DEPS a b)  in <root>/x/CMakeLists.txt.
Real:     #include "sallyport/<module>/..."  in the sources under <root>/x/ (fakes and internal folders too).

Faults:
  undeclared  a module includes another that is not in its DEPS
  unused      a module lists a dependency that it never includes
  upward      an edge, declared or real, whose target is on a higher floor
  cyclic      modules that reach each other, by declared and real edges together
  others      unknown module, folder without a call, a path that leaves the module ("../x/y.h")

A module's floor is one above its highest declared dependency, 0 if it has none. --floors pins the floors instead:
a text file with lines "<number> <module> ...", '#' starts a comment. Neighbours on a floor may see each other, if
declared and without a cycle.

Includes behind #if are counted whatever the condition; those in comments and raw strings are not.
Exit status: 0 in order, 1 fault found (one line each on stderr), 2 wrong usage.

example:  tools/check_layers.py src/sallyport --floors tools/floors.txt
"""
import argparse
import pathlib
import re
import sys

SUFFIXES = {".h", ".hh", ".hpp", ".inc", ".ipp", ".c", ".cc", ".cpp", ".cxx"}
# Comments and raw strings are blanked; ordinary strings are kept, so that "*/*" opens no comment.
LEXEME = re.compile(
    r'R"(?P<delim>[^()\\\s]{0,16})\(.*?\)(?P=delim)"'
    r"|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|//[^\n]*|/\*.*?\*/", re.S)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.M)


def blank(match):
    text = match[0]
    return "\n" * text.count("\n") if text[0] in "/R" else text


def declared_modules(root, prefix, faults):
    """Return {module: set of declared dependencies} from the CMake calls under root."""
    call = re.compile(re.escape(prefix) + r"_module\s*\(([^)]*)\)", re.I)
    modules = {}
    for folder in sorted(p for p in root.iterdir() if p.is_dir()):
        cmake = folder / "CMakeLists.txt"
        sources = any(f.suffix in SUFFIXES for f in folder.rglob("*"))
        calls = call.findall(re.sub(r"#[^\n]*", "", cmake.read_text())) if cmake.exists() else []
        if len(calls) != 1:
            if calls or sources:
                faults.append(f"{cmake}: expected one {prefix}_module() call, found {len(calls)}")
            continue
        name, deps, keyword = None, set(), None
        for word in calls[0].replace('"', " ").split():
            if re.fullmatch(r"[A-Z][A-Z_]*", word):
                keyword = word
            elif keyword == "NAME":
                name = word
            elif keyword == "DEPS":
                deps.add(word.removeprefix(prefix + "::"))
        if name != folder.name:
            faults.append(f"{cmake}: NAME {name} does not match the folder {folder.name}")
        modules[folder.name] = deps
    return modules


def included_modules(root, prefix, module, others, ignored, faults):
    """Return {module: "file:line" of its first include} for what `module` includes."""
    seen = {}
    for file in sorted(f for f in (root / module).rglob("*") if f.suffix in SUFFIXES):
        text = LEXEME.sub(blank, file.read_text(encoding="utf-8", errors="replace"))
        for hit in INCLUDE.finditer(text):
            where = f"{file}:{text.count(chr(10), 0, hit.start()) + 1}"
            parts = hit[2].split("/")
            if ".." in parts:
                target = (file.parent / hit[2]).resolve()
                if (root / module).resolve() not in target.parents:
                    faults.append(f"{where}: {module} leaves its folder with {hit[2]}; write {prefix}/<module>/...")
            elif parts[0] == prefix and len(parts) > 2 and parts[1] != module and parts[1] not in ignored:
                seen.setdefault(parts[1], where)
            elif parts[0] == prefix and len(parts) == 2 and (root / parts[1]).exists():
                faults.append(f"{where}: {module} includes {hit[2]}, which belongs to no module")
            elif parts[0] in others and len(parts) > 1 and (root / hit[2]).exists():
                faults.append(f"{where}: write {prefix}/{hit[2]}, not {hit[2]}")
    return seen


def computed_floors(modules):
    """Return {module: floor}; a module in or above a cycle has none."""
    floors, left = {}, dict(modules)
    level = 0
    while left:
        ready = [m for m, deps in left.items() if not (deps - {m}) & left.keys()]
        if not ready:
            break
        floors.update({m: level for m in ready})
        for m in ready:
            del left[m]
        level += 1
    return floors


def pinned_floors(path, modules, faults):
    floors = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        words = line.split("#")[0].split()
        if words and not words[0].isdigit():
            faults.append(f"{path}:{number}: a line starts with the number of a floor")
            continue
        for module in words[1:]:
            if module in floors:
                faults.append(f"{path}:{number}: {module} stands on two floors")
            floors[module] = int(words[0])
    faults += [f"{path}: module {m} has no floor" for m in sorted(modules.keys() - floors.keys())]
    return floors


def knots(edges):
    """Return each set of modules that reach each other, as one closed path."""
    def path(start, goal):
        trail, todo = {start: None}, [start]
        for node in todo:
            for after in sorted(edges.get(node, ())):
                if after == goal:
                    back = [goal, node]
                    while trail[back[-1]] is not None:
                        back.append(trail[back[-1]])
                    return back[::-1]
                if after not in trail:
                    trail[after] = node
                    todo.append(after)
        return None

    told, found = set(), []
    for module in sorted(edges):
        loop = None if module in told else path(module, module)
        if loop:
            told.update(m for m in edges if path(module, m) and path(m, module))
            found.append(" -> ".join(loop))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", nargs="?", type=pathlib.Path, default=pathlib.Path("src/sallyport"),
                        help="folder that holds one folder per module (default: %(default)s)")
    parser.add_argument("--floors", type=pathlib.Path, metavar="FILE", help="pin the floors to the ones in FILE")
    parser.add_argument("--prefix", default="sallyport", help="include prefix and CMake call prefix (default: %(default)s)")
    parser.add_argument("--ignore", action="append", default=[], metavar="NAME",
                        help="an include folder under the prefix that is no module, such as generated code (repeatable)")
    args = parser.parse_args()
    if not args.root.is_dir():
        parser.error(f"no such folder: {args.root}")
    if args.floors and not args.floors.is_file():
        parser.error(f"no such file: {args.floors}")

    faults = []
    declared = declared_modules(args.root, args.prefix, faults)
    if not declared:
        faults.append(f"{args.root}: no module found")
    real = {m: included_modules(args.root, args.prefix, m, declared.keys() - {m}, args.ignore, faults) for m in declared}
    floors = pinned_floors(args.floors, declared, faults) if args.floors else computed_floors(declared)

    for m, deps in declared.items():
        cmake = args.root / m / "CMakeLists.txt"
        for d in sorted(deps | real[m].keys()):
            where = real[m].get(d, cmake)
            if d not in declared:
                faults.append(f"{where}: unknown: {m} depends on {d}, which is no module")
                continue
            if d not in deps:
                faults.append(f"{where}: undeclared: {m} includes {d}")
            if d not in real[m]:
                faults.append(f"{where}: unused: {m} declares {d} and never includes it")
            if floors.get(d, 0) > floors.get(m, sys.maxsize):
                faults.append(f"{where}: upward: {m} (floor {floors[m]}) -> {d} (floor {floors[d]})")
    faults += [f"{args.root}: cyclic: {loop}" for loop in
               knots({m: (declared[m] | real[m].keys()) & declared.keys() for m in declared})]

    for level in sorted({floors[m] for m in declared if m in floors}):
        print(f"floor {level}:", " ".join(sorted(m for m in declared if floors.get(m) == level)))
    lost = sorted(declared.keys() - floors.keys())
    if lost:
        print("no floor:", " ".join(lost))
    print("\n".join(faults), file=sys.stderr, end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
