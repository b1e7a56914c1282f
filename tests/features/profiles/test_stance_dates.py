"""A profile says since when an interest has its stance, and when that ends by itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.config import Config
from features.tags.exact import TagEntry
from tests.oracle.views import Run
from tests.support import generators as gen
from tests.support.feeding import DAY, START, Feed, Stream
from tests.support.generators import Record, config

_TABLE = {"host:sport.example": TagEntry((("483", 1.0),), "test", 1.0)}


def _end(days: float) -> int:
    return int(START + days * DAY)


def _stream() -> Stream:
    return Stream(Config(erasure_key=b"k" * 32), _TABLE)


def _interest(stream: Stream, subject: str = "acc") -> dict[str, Any]:
    """As it stands, published or not: on hold it may be nothing that anybody could act on."""
    profile = json.loads(stream.engine.profile(subject.encode()) or b"")
    return next(item for item in profile["interests"] if item["id"] == "483")


@given(gen.sequences(days=8, events=60, least=20), st.integers(0, 10**6))
@settings(max_examples=20)
def test_since_is_the_day_of_the_first_version_of_an_unbroken_series(
    records: list[Record], seed: int
) -> None:
    """Told from what was published alone, wherever the engine was stopped in between."""
    done, first = Run(config()), dict[tuple[bytes, str], tuple[str, str]]()
    for number, record in enumerate(records):
        done.apply([record])
        for key, value, _, _ in done.commit().profiles:
            document = json.loads(value or b'{"interests": []}')
            said = {item["id"]: item for item in document["interests"]}
            for known in [name for name in first if name[0] == key and name[1] not in said]:
                del first[known]
            for interest, item in said.items():
                if first.get((key, interest), ("", ""))[0] != item["stance"]:
                    first[key, interest] = item["stance"], _day(document["computed_at"])
                assert item["stance_since"] == first[key, interest][1], interest
        if (number * 7919 + seed) % 13 == 0:
            done.restart()


def _day(ms: int) -> str:
    offset = config().day_offset_ms
    return str(date(1970, 1, 1) + timedelta(days=(ms + offset) // gen.DAY_MS))


def test_what_was_said_decides_until_it_ends() -> None:
    """The later of two that forbid; what is liked only while it is what decides."""
    feed, stream = Feed(), _stream()
    visits = [feed.visit("acc", day, "sport.example") for day in (0, 1)]
    stream.feed(feed.consent("acc", 0), *visits)
    stream.commit()
    assert "until" not in _interest(stream), "a measure has no end that is known"
    rules = stream.engine.config.rules
    stream.feed(feed.fact("acc", 1.1, "declaration", interest="483", stance="like"))
    stream.commit()
    liked = _interest(stream)
    assert (liked["stance"], liked["until"]) == ("engage", _end(1.1 + rules.like_days))
    stream.feed(feed.fact("acc", 1.2, "purchase", interest="483", quiet_days=10))
    stream.commit()
    quiet = _interest(stream)
    assert (quiet["stance"], quiet["until"]) == ("avoid", _end(11.2)), "what forbids goes first"
    stream.feed(feed.fact("acc", 1.3, "decision_against", interest="483", quiet_days=40))
    stream.commit()
    assert _interest(stream)["until"] == _end(41.3)
    stream.restart()
    stream.feed(feed.visit("acc", 41.4, "sport.example"), feed.visit("other", 43, "sport.example"))
    stream.commit()
    assert _interest(stream)["stance"] == "engage", "and then the other word counts again"
    assert _interest(stream)["until"] == _end(1.1 + rules.like_days)


def test_nothing_lasts_longer_than_the_consent() -> None:
    feed, stream = Feed(), _stream()
    stream.feed(
        feed.consent("acc", 0, expires_at=_end(30)),
        *(feed.visit("acc", day, "sport.example") for day in (0, 1)),
        feed.visit("acc", 1, "sport.example", member_id="m1"),
        feed.fact("acc", 1.1, "declaration", interest="483", stance="dislike", member_id="m1"),
    )
    stream.commit()
    assert _interest(stream)["until"] == _interest(stream, "acc/m1")["until"] == _end(30)
    assert stream.profile("acc")["valid_until"] == _end(30)


def test_what_is_disliked_is_so_with_all_below_it() -> None:
    feed, stream = Feed(), _stream()
    stream.feed(
        feed.consent("acc", 0),
        feed.visit("acc", 1, "sport.example"),
        feed.fact("acc", 1.1, "declaration", interest="483", stance="dislike"),
    )
    stream.commit()
    said = _interest(stream)
    (suppression,) = stream.profile("acc")["suppressions"]
    assert (said["stance"], said["until"]) == ("avoid", suppression["until"])


@pytest.mark.parametrize("each", [True, False])  # published daily, or when it is due
@pytest.mark.parametrize("days", [range(9), (0, 1, 2, 5, 6, 7), (0, 1, 2, 3), range(2, 9)])
def test_what_stays_says_on_how_many_days_it_was_seen_when_it_began(
    days: Sequence[int], each: bool
) -> None:
    """Whatever came after, and over a restart."""
    feed, stream = Feed(), _stream()
    crowd = [f"acc-{n}" for n in range(20)]
    stream.feed(feed.consent("acc", 0), *(feed.consent(other, 0) for other in crowd))
    for day in range(days[-1] + 1):
        stream.feed(*(feed.visit(other, day, "else.example") for other in crowd))
        stream.feed(*(feed.visit("acc", day + 0.5, "sport.example") for d in days if d == day))
        if each or day == days[-1]:
            stream.commit()
    begun = _interest(stream)
    assert begun["stance"] == "engage"
    for day in (days[-1] + 1, days[-1] + 2):
        stream.feed(*(feed.visit(other, day + 0.5, "else.example") for other in ("acc", *crowd)))
        stream.commit()
        stream.restart()
    stays = _interest(stream)
    assert stays["stance_since"] == begun["stance_since"]
    (reason,) = (item for item in stays["reasons"] if item["code"] == "still_likely")
    since = (date.fromisoformat(stays["stance_since"]) - date.fromisoformat(_day(START))).days
    weeks = [[day for day in days if end - 7 < day <= end] for end in (since - 1, since)]
    assert reason["value"]["days"] == max(map(len, weeks))
