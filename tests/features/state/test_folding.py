"""A fold that stops goes on for little: types are asked for once, and few stops are for nothing."""

from __future__ import annotations

import weakref
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from features.config import Config
from features.records.batch import Batch, parse_log
from features.records.decoder import NETWORK
from features.records.inputs import INPUTS
from features.state import folding
from features.state.folding import Fold
from features.state.layout import DONE, NEED_FACT
from features.tags import taxonomy
from features.tags.exact import TagEntry
from tests.support.feeding import Feed, Stream


class _Kernel:
    """Counts how it is called; stops at each record, and is done behind the third."""

    def __init__(self, kinds: int) -> None:
        self.asked = self.direct = 0
        entry = SimpleNamespace(entry_point=self._unasked)
        self.overloads = dict.fromkeys(range(kinds), entry)

    def __call__(self, *given: Any) -> tuple[int, int]:
        self.asked += 1
        return self._at(*given)

    def _unasked(self, *given: Any) -> tuple[int, int]:
        self.direct += 1
        return self._at(*given)

    @staticmethod
    def _at(_live: Any, _records: Any, _blob: Any, first: int, _outcome: Any) -> tuple[int, int]:
        return (NEED_FACT if first < 3 else DONE), first + 1


def _batch() -> Batch:
    record = Feed().visit("a", 1.0, "h.example")
    return parse_log([record[1]], [b"a"], [NETWORK])[0]


@pytest.mark.parametrize(("kinds", "direct"), [(1, 3), (0, 0), (2, 0)])
def test_types_are_asked_for_once(kinds: int, direct: int, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = _Kernel(kinds)
    monkeypatch.setattr(folding, "apply", kernel)
    fold, live, batch, outcome = Fold(), Stream().engine.store.live, _batch(), np.zeros(4, np.uint8)
    stops = [fold(live, batch, first, outcome) for first in range(4)]
    assert stops == [(NEED_FACT, 1), (NEED_FACT, 2), (NEED_FACT, 3), (DONE, 4)]
    assert (kernel.asked, kernel.direct) == (4 - direct, direct)
    # Done, it holds nothing: what comes next may be of another type.
    fold(live, batch, 0, outcome)
    assert kernel.direct == direct


@pytest.mark.parametrize("place", range(3))
def test_what_is_another_object_is_asked_for(place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = _Kernel(1)
    monkeypatch.setattr(folding, "apply", kernel)
    fold, live, outcome = Fold(), Stream().engine.store.live, np.zeros(4, np.uint8)
    same: list[Any] = [live, _batch(), outcome]
    others = [live._replace(), _batch(), outcome.copy()]
    fold(same[0], same[1], 0, same[2])
    same[place] = others[place]
    fold(same[0], same[1], 0, same[2])
    assert (kernel.asked, kernel.direct) == (2, 0)


def test_a_batch_that_is_done_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "apply", _Kernel(1))
    fold, live, batch = Fold(), Stream().engine.store.live, _batch()
    held = weakref.ref(batch)
    for first in range(4):
        fold(live, batch, first, np.zeros(0, np.uint8))
    del batch
    assert held() is None


def test_few_new_rows_stop_it_for_a_silence_about_one(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = taxonomy.load()
    ids = [i for i, bad in zip(tree.ids, tree.sensitive, strict=True) if not bad][:280]
    table = {f"host:h{i}.example": TagEntry(((i, 1.0),), "test", 1.0) for i in ids}
    feed, stream, stops = Feed(), Stream(Config(), table), list[int]()
    about = {"channel": "mail", "interest": ids[0], "contact_id": "c"}
    stream.feed(feed.consent("a", 0.0), feed.visit("a", 0.5, "none.example"))
    stream.feed(feed.record(INPUTS.outcomes, "a", 0.6, kind="contact", **about))
    screens = stream.engine.store.screens
    take = screens.take_fresh

    def stopped() -> list[int]:
        stops.append(1)
        return take()

    monkeypatch.setattr(screens, "take_fresh", stopped)
    stream.feed(*(feed.visit("a", 0.7, f"h{i}.example") for i in ids))
    # Of 28 kinds one, and the first row of all; of eight kinds one was 35.
    assert 1 <= len(stops) <= 14
