#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# make run: guards the tool named on the command line, or our own example tool.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ $# -gt 0 ]; then
  exec build/release/sallyport run -- "$@"
fi
exec build/release/sallyport run --name whoami -- python3 examples/whoami-tool/whoami_tool.py --port '{port}'
