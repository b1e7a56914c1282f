"""An event that may not be kept costs at most what an untagged one of who may be held does."""

from __future__ import annotations

import time

import numpy as np
import pytest

from features.config import Config
from features.records.batch import Batch, parse
from features.records.decoder import NETWORK, Limits
from features.vocabulary import Outcome
from tests.support.feeding import Feed, Stream

_EVENTS, _ACCOUNTS, _TURNS = 5_000, 100, 5


def _names(n: int) -> list[bytes]:
    return [b"acc-%04d" % (i % _ACCOUNTS) for i in range(n)]


def _batch(hosts: int) -> Batch:
    """Visits of all accounts to so many hosts that nobody has heard of."""
    feed, names = Feed(), _names(_EVENTS)
    records = [
        feed.visit(name.decode(), 1 + i / _EVENTS / 10, f"h{i % hosts}.example")
        for i, name in enumerate(names)
    ]
    batch, refused = parse(
        [record[1] for record in records],
        names,
        np.full(_EVENTS, NETWORK, np.uint8),
        np.zeros(_EVENTS, np.int32),
        np.arange(_EVENTS),
        Limits(),
    )
    assert not refused
    return batch


def _cost(batch: Batch, *, granted: bool, outcome: Outcome) -> float:
    """Least seconds of CPU of some turns."""
    took = []
    for _ in range(_TURNS):
        stream, feed = Stream(Config(), {}), Feed()
        words = ("granted",) if granted else ("granted", "withdrawn")
        for name in _names(_ACCOUNTS):
            stream.feed(*(feed.consent(name.decode(), n / 10, w) for n, w in enumerate(words)))
        began = time.process_time()
        found = stream.engine.apply(batch)
        took.append(time.process_time() - began)
        assert set(found.tolist()) == {outcome}
    return min(took)


@pytest.mark.parametrize("hosts", [20, _EVENTS], ids=["again and again", "each once"])
def test_what_may_not_be_kept_costs_no_more(hosts: int) -> None:
    batch = _batch(hosts)
    kept = _cost(batch, granted=True, outcome=Outcome.UNTAGGED)
    not_kept = _cost(batch, granted=False, outcome=Outcome.NO_CONSENT)
    print(f"{not_kept / kept:.3f} of an untagged event's time, {hosts} hosts")
    assert not_kept <= kept
