"""Whether a record is of the future is a matter between it and the log, not of who reads when."""

from __future__ import annotations

import numpy as np
import pytest
from confluent_kafka import Message

from features.records.arrivals import UNKNOWN, believed, known
from features.records.batch import parse
from features.records.decoder import APP, FACTS, NETWORK, Limits
from streams.contract.topics import INPUTS
from tests.support.inlets import opened, poll
from tests.support.malformed_cases import KEY, TS, record

NOW = TS + 3_600_000
HOUR = 3_600_000


def _came(stamp: int, kind: int, now: int) -> int:
    return int(believed(np.array([stamp]), np.array([kind], np.uint8), now)[0])


@pytest.mark.parametrize("now", [NOW, NOW + HOUR, NOW + 400 * 24 * HOUR])
def test_an_event_came_when_the_log_says(now: int) -> None:
    assert _came(NOW - 5, APP, now) == NOW - 5
    assert _came(NOW + 5 * HOUR, APP, now) == NOW + 5 * HOUR
    assert _came(-1, APP, now) == _came(0, APP, now) == UNKNOWN


def test_of_a_fact_the_log_is_believed_unless_it_is_ahead_of_its_reader() -> None:
    """Where the producer stamps the record, its clock is no better there."""
    assert _came(NOW, FACTS, NOW + 5) == NOW
    assert _came(NOW + HOUR, FACTS, NOW) == NOW
    assert _came(-1, FACTS, NOW) == NOW


def test_one_arrival_may_stand_for_all() -> None:
    assert known(TS, 2).tolist() == [TS, TS]
    assert known(None, 2).tolist() == [UNKNOWN] * 2
    assert known([TS, 12], 2).tolist() == [TS, UNKNOWN]


@pytest.mark.parametrize("fast", [True, False])
def test_each_record_is_judged_by_its_own_arrival(fast: bool) -> None:
    tolerance = Limits().future_tolerance_ms
    came = [TS, TS - tolerance, TS - tolerance - 1, -1, TS - tolerance - 1]
    kinds = np.array([APP, APP, APP, APP, NETWORK], np.uint8)
    raws = [record(int(kind)) for kind in kinds]
    zero = np.zeros(len(raws), np.int64)
    batch, refused = parse(raws, [KEY] * len(raws), kinds, zero.astype(np.int32),
                           np.arange(len(raws)), Limits(), came, fast=fast)  # fmt: skip
    assert batch.records["offset"].tolist() == [0, 1, 3]
    assert batch.records["arrival"].tolist() == [TS, TS - tolerance, -1]
    assert {i: letter.reason for i, letter in refused.items()} == {2: "future", 4: "future"}


def test_a_log_that_is_read_again_later_gives_the_same() -> None:
    """The kinds' clocks run up to 30 hours ahead of a backlog; the reader comes twice."""
    messages = [
        Message(
            topic=INPUTS[APP],
            partition=0,
            offset=i,
            key=KEY,
            value=record(APP, event_id=f"e-{i}", ts=TS + ahead * HOUR),
            timestamp=(1, TS + 60_000),
        )
        for i, ahead in enumerate([0, 30, 0, 1, -30])
    ]
    found = []
    for later in (0, 29 * HOUR, 40 * HOUR):
        inlet, feed = opened(wall=(TS + 60_000 + later) / 1000)
        poll(inlet, feed, *messages)
        part = inlet.partitions[0]
        taken = [
            batch.records["offset"].tolist() for batch, _ in part.merge.inputs[INPUTS[APP]].waiting
        ]
        refused = [(letter.offset, letter.reason) for letter in part.refused[INPUTS[APP]]]
        found.append((taken, refused))
    assert found == [([[0, 2, 4]], [(1, "future"), (3, "future")])] * 3
