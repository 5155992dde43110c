#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# make bench: the micro-benchmarks, then the paired suite against the peers. BENCH_ARGS goes to the suite (e.g. --quick).
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -x build/bench/bench/micro_bench ]; then
  build/bench/bench/micro_bench --benchmark_min_time=0.2 --benchmark_counters_tabular=true
fi
# shellcheck disable=SC2086
exec python3 bench/peers/suite.py --sallyport build/bench/sallyport --helpers build/bench/bench/peers ${BENCH_ARGS:-}
