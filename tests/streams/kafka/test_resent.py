"""A repetition is in doubt where the first request may have had no answer, and only there."""

from __future__ import annotations

import json

import pytest

from streams.kafka.resent import SentRequests


def _statistics(*sent: int, disconnects: int = 0, timeouts: int = 0) -> str:
    names = ("AddOffsetsToTxn", "TxnOffsetCommit", "EndTxn")
    counts = dict(zip(names, sent, strict=True))
    one = {"req": counts, "disconnects": disconnects, "req_timeouts": timeouts}
    none = {"req": dict.fromkeys(names, 0), "disconnects": 0, "req_timeouts": 0}
    return json.dumps({"brokers": {"one": one, "two": none}})


@pytest.mark.parametrize(
    ("second", "doubtful"),
    [
        (_statistics(2, 2, 2), False),
        (_statistics(3, 2, 2), False),  # refused and sent again
        (_statistics(2, 2, 2, disconnects=1), False),  # of an idle connection
        (_statistics(2, 2, 3, disconnects=1), True),
        (_statistics(2, 3, 2, timeouts=1), True),
        (_statistics(1, 1, 1, disconnects=1), True),  # a broker's counts are gone with it
    ],
)
def test_a_second_commit(second: str, doubtful: bool) -> None:
    sent = SentRequests()
    for statistics in (_statistics(1, 1, 1), second):
        sent.committed()
        sent.read(statistics)
    assert sent.known
    assert sent.doubtful == doubtful


def test_what_was_lost_in_a_former_commit_is_no_doubt_of_this_one() -> None:
    sent = SentRequests()
    for statistics in (_statistics(1, 1, 1, disconnects=1), _statistics(3, 2, 2, disconnects=1)):
        sent.committed()
        sent.read(statistics)
    assert not sent.doubtful


def test_amid_a_commit_nothing_is_judged() -> None:
    sent = SentRequests()
    sent.read(_statistics(1, 0, 0, disconnects=1))
    sent.committed()
    sent.read(_statistics(2, 1, 1, disconnects=1))
    assert sent.doubtful
