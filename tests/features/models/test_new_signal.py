"""A new signal is one row: the worked example of CONTRIBUTING, done to a copy of the package."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from features.models import Learner
from features.models.signals import HABIT, NAMES, DayRows
from tests.support.paths import ROOT

#: The row, and the one before which it is put.
ROW = '    Signal("weekend", lambda m: 1.0 if (m.day + _THURSDAY) % 7 >= _SATURDAY else 0.0),\n'
BEFORE = '    Signal("liked", '

#: What is asked of the copy: every model has the signal, goes on from the state of before, and
#: learns it; what is read from live state has it in its place.
ASKED = """
import sys
from pathlib import Path

import numpy as np

from features.config import Config
from features.models import Learner
from features.models.bins_kernel import blocks
from features.models.signals import HABIT, NAMES, DayRows, BaseRates, training_rows
from features.state.store import Store

place = NAMES.index("weekend")
assert HABIT[place] == "weekend" and NAMES[place + 1] == "liked"

store = Store(Config().clock(), 1000)
saturday = 18_019 - 18_019 % 7 + 2
assert (saturday + 3) % 7 == 5
sid = store.ensure(b"a")
store.subjects["first"][sid] = store.subjects["day"][sid] = saturday - 2
store.rows.windows["active"][store.row(sid, 5, saturday - 2)] = 1
for day, weekend in ((saturday - 1, 0.0), (saturday, 1.0), (saturday + 1, 1.0)):
    rows = training_rows(store, day, 100, BaseRates(8))
    assert len(rows) == 1 and rows.x[0, place] == weekend

learner = Learner(8)
records = np.load(sys.argv[1], allow_pickle=False)
learner.restore({name.encode(): records[name].tobytes() for name in records.files})
rng = np.random.default_rng(1)
x = rng.normal(size=(200, len(NAMES)))
flags = np.ones(200, np.uint8)
y = (x[:, place] > 0).astype(np.uint8)
none = np.zeros(200, np.uint16)
number, bits = np.arange(200, dtype=np.int32), np.zeros(200, np.uint64)
rows = DayRows(1, x, y, none, number, flags, flags, flags, none, bits)
for model in learner.models.values():
    assert model.learned > 0, model.id
    if model.id == "binned":  # corrects the mixture, whose weights are not its own
        was = model.form().steps.copy()
        model.learn(rows)
        moved = np.flatnonzero(model.form().steps != was)
        at, size = blocks()["weekend"]
        assert ((at <= moved) & (moved < at + size)).sum() > 10
        continue
    before = model.form().weights[:, place].copy()
    assert not before.any(), model.id
    model.learn(rows)
    assert (model.form().weights[:, place] > 0).all() or model.id == "mixture", model.id
    assert model.score(rows).shape == (200,)
"""


def _state_of_before(path: Path) -> None:
    """What the models of this release leave in the changelog after a day."""
    rng = np.random.default_rng(0)
    n = 100
    flags = np.ones(n, np.uint8)
    learner = Learner(8)
    rows = DayRows(
        1,
        rng.normal(size=(n, len(NAMES))),
        (rng.random(n) < 0.5).astype(np.uint8),
        np.zeros(n, np.uint16),
        np.arange(n, dtype=np.int32),
        flags,
        flags,
        flags,
        flags.astype(np.uint16),
        flags.astype(np.uint64),
    )
    for model in learner.models.values():
        model.learn(rows)
    with path.open("wb") as file:
        records: dict[str, Any] = {
            key.decode(): np.frombuffer(v, np.uint8) for key, v in learner.snapshot().items()
        }
        np.savez(file, **records)


def test_a_row_of_the_table_is_a_signal_of_every_model(tmp_path: Path) -> None:
    assert "weekend" not in HABIT
    shutil.copytree(
        ROOT / "features", tmp_path / "features", ignore=shutil.ignore_patterns("__pycache__")
    )
    table = tmp_path / "features" / "models" / "signals_kernel.py"
    text = table.read_text()
    assert text.count(BEFORE) == 1
    table.write_text(text.replace(BEFORE, ROW + BEFORE))
    _state_of_before(tmp_path / "state.npz")
    done = subprocess.run(
        [sys.executable, "-c", ASKED, str(tmp_path / "state.npz")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / "numba")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
