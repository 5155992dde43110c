#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs pytest for ctest: ends with 77 where every test of the file was skipped, and says loudly what was missing.

A run that collects nothing fails: nothing may pass because it did not happen."""
import sys

import pytest

SKIPPED, NOTHING_RAN = 77, 1


class Counter:
    def __init__(self):
        self.ran, self.reasons = 0, {}

    def pytest_runtest_logreport(self, report):
        if report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.reasons.setdefault(reason, []).append(report.nodeid)
        elif report.when == "call":
            self.ran += 1

    def pytest_collectreport(self, report):
        if report.skipped:
            self.reasons.setdefault(str(report.longrepr), []).append(report.nodeid)


def main():
    counter = Counter()
    status = int(pytest.main(["-q", "-p", "no:cacheprovider", "--tb=short", *sys.argv[1:]], plugins=[counter]))
    for reason, tests in counter.reasons.items():
        print(f"\n*** SKIPPED {len(tests)} test(s): {reason}", file=sys.stderr)
    if status in (0, 5) and counter.ran == 0:
        return SKIPPED if counter.reasons else NOTHING_RAN
    return status


if __name__ == "__main__":
    sys.exit(main())
