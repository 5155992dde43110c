#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# make bench: the paired suite against the peers and the micro-benchmarks, one table. BENCH_ARGS goes to the suite
# (e.g. --quick).
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck disable=SC2086
exec python3 bench/peers/suite.py --sallyport build/bench/sallyport --helpers build/bench/bench/peers \
  --micro build/bench/bench/micro_bench ${BENCH_ARGS:-}
