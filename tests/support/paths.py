"""Where things lie: the repository, golden messages, and data sets beside it."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
GOLDEN = TESTS / "golden"
CONTRACT = ROOT / "deploy" / "contract"
CACHE = ROOT / ".cache"
#: Data sets that are not bundled; tests that want them skip without.
DATA_SETS = Path(os.environ.get("REAL_DATA", ROOT.parent / "shared" / "data"))
