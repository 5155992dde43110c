#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Usage: run.sh PROGRAM FUZZ_CORPUS [SEED [COUNT]]. The seed is printed; give it again to see the same messages.
set -eu
program=$1
corpus=$2
here=$(dirname "$0")
seed=${3:-${SALLYPORT_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}}
count=${4:-20000}
readings=$(mktemp)
trap 'rm -f "$readings"' EXIT

echo "seed $seed, $count requests and answers"
status=0
"$program" "$seed" "$count" "$corpus/http_request_head" "$corpus/http_response_head" >"$readings" || status=1
if ! command -v node >/dev/null; then
  echo "SKIPPED the comparison with llhttp: node is not installed (apt-get install nodejs)"
  [ "$status" -ne 0 ] || status=77
  exit "$status"
fi
node "$here/oracle.mjs" <"$readings" || status=1
exit "$status"
