# SPDX-License-Identifier: Apache-2.0
"""Headless Chromium in front of the real binary, driven over WebDriver. Uses the harness of tests/e2e."""
import importlib.util
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
E2E = ROOT / "tests" / "e2e"
sys.path.insert(0, str(E2E))
_spec = importlib.util.spec_from_file_location("e2e_conftest", E2E / "conftest.py")
_e2e = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_e2e)
for _name in ("pytest_configure", "pytest_collection_modifyitems", "pytest_sessionfinish", "pytest_terminal_summary", "book", "folder", "start", "start_shared", "cli",
              "stranger"):
    globals()[_name] = getattr(_e2e, _name)


@pytest.fixture
def browser():
    """browser(*flags, home=None) -> WebDriver. Each has its own empty profile; all are closed after the test."""
    for program, package in (("chromium", "chromium"), ("chromedriver", "chromium-driver")):
        if not shutil.which(program):
            pytest.skip(f"{program} is missing: apt-get install {package}")
    from webdriver import Browser
    opened = []

    def open_one(*flags, home=None):
        opened.append(Browser(*flags, home=home))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()
