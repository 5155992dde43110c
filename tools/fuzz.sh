#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs every fuzz target of a build for a time, on its corpus, and says how it went. usage: tools/fuzz.sh BUILD SECONDS
set -euo pipefail
build=$1 seconds=$2 failed=0
mkdir -p "$build/found"
for target in "$build"/fuzz/fuzz_*; do
  name=$(basename "$target"); name=${name#fuzz_}
  [ -x "$target" ] && [ ! -d "$target" ] || continue
  mkdir -p "$build/found/$name"
  if "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
      -artifact_prefix="$build/found/$name-" "$build/found/$name" "fuzz/corpus/$name" >"$build/found/$name.log" 2>&1; then
    runs=$(grep -oP 'stat::number_of_executed_units:\s*\K\d+' "$build/found/$name.log" || echo '?')
    echo "fuzz $name: ${seconds} s, $runs runs, nothing found"
  else
    echo "fuzz $name: FAILED, see $build/found/$name.log"; failed=1
  fi
done
exit $failed
