#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that the named lists (tools/packages/NAME.txt) ask for and that are missing. A line is a
# package, or "package command" where a command that is there already will do, wherever it came from.
# usage: tools/bootstrap.sh build [test] [interop] [bench] [lint]
set -euo pipefail
cd "$(dirname "$0")/packages"
wanted=()
for list in "$@"; do
  [ -f "$list.txt" ] || { echo "bootstrap: no such list: $list (known: $(ls | sed 's/.txt//' | tr '\n' ' '))" >&2; exit 2; }
  while read -r package command; do
    [ -z "$package" ] && continue
    [ -n "$command" ] && command -v "$command" >/dev/null && continue
    wanted+=("$package")
  done < "$list.txt"
done
missing=()
for package in "${wanted[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
echo "bootstrap: installing ${missing[*]}" >&2
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "bootstrap: as root, run: apt-get install ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
"${as_root[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
