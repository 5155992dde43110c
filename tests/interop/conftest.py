# SPDX-License-Identifier: Apache-2.0
"""Real tools behind the real binary. They use the harness of tests/e2e. What a tool needs is installed once into build/."""
import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
E2E = ROOT / "tests" / "e2e"
sys.path.insert(0, str(E2E))
_spec = importlib.util.spec_from_file_location("e2e_conftest", E2E / "conftest.py")
_e2e = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_e2e)
for _name in ("pytest_configure", "pytest_collection_modifyitems", "pytest_sessionfinish", "pytest_terminal_summary", "book", "folder", "start", "start_shared", "cli",
              "stranger"):
    globals()[_name] = getattr(_e2e, _name)
