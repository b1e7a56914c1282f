"""Offers are written where they say something new, wherever an engine stops and goes on."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.config import Config
from features.state.packing_kernel import HEAD
from features.tags.exact import TagEntry
from tests.oracle.offers import offers_of
from tests.oracle.views import run
from tests.support import generators as gen
from tests.support.feeding import Feed, Stream
from tests.support.generators import Record, config

_TABLE = {"host:sport.example": TagEntry((("483", 1.0),), "test", 1.0)}


@given(gen.sequences(days=20, events=60, least=20), gen.cuts(2, 8), st.booleans())
@settings(max_examples=40)
def test_a_record_is_written_exactly_where_it_says_something_new(
    records: list[Record], places: list[float], restart: bool
) -> None:
    done = run(replace(config(), publish_max_age_days=2), gen.cut(records, places), restart=restart)
    found = [(key, value and json.loads(value)) for key, value, *_ in done.offered]
    assert found == list(offers_of((key, value) for key, value, *_ in done.published))


def _liked(feed: Feed) -> Stream:
    """A household to be told about sports, of which this is published."""
    stream = Stream(Config(erasure_key=b"k" * 32), _TABLE)
    like = feed.fact("acc", 0.5, "declaration", interest="483", stance="like")
    stream.feed(feed.consent("acc", 0), feed.visit("acc", 0.4, "sport.example"), like)
    assert _written(stream) == (1, 1)
    return stream


def _written(stream: Stream) -> tuple[int, int]:
    changes = stream.commit()
    return len(changes.profiles), len(changes.offers)


@pytest.mark.parametrize("restart", [False, True])
def test_what_is_unchanged_stands_with_its_version(restart: bool) -> None:
    feed = Feed()
    stream = _liked(feed)
    first = json.loads(stream.offers[b"acc"])
    for day in (9, 18):  # each time the profile is older than its greatest age
        if restart:
            stream.restart()
        stream.feed(feed.visit("acc", day, "sport.example"))
        assert _written(stream) == (1, 0)
    assert stream.profile("acc")["version"] == 3 and json.loads(stream.offers[b"acc"]) == first
    stream.feed(feed.fact("acc", 18.1, "care_case", case_id="c", status="opened"))
    assert _written(stream) == (1, 1)
    held = json.loads(stream.offers[b"acc"])
    assert (held["version"], held["engage"]) == (4, [])


def test_what_came_and_went_between_two_commits_was_never_said() -> None:
    feed = Feed()
    stream = _liked(feed)
    stream.feed(feed.fact("acc", 9, "care_case", case_id="c", status="opened"))
    for day in (11, 13):  # a day that closes has the profiles written
        stream.feed(feed.visit("acc", day, "sport.example"))
    stream.feed(feed.fact("acc", 13.1, "care_case", case_id="c", status="closed"))
    assert _written(stream) == (1, 0)


def test_who_comes_back_is_told_of_anew() -> None:
    feed = Feed()
    stream = _liked(feed)
    again = [
        feed.consent("acc", 2),
        feed.visit("acc", 2.1, "sport.example"),
        feed.fact("acc", 2.2, "declaration", interest="483", stance="like"),
    ]
    stream.feed(feed.consent("acc", 1, "withdrawn"), *again)
    stream.commit()
    assert json.loads(stream.offers[b"acc"])["engage"] == [{"id": "483"}]
    assert json.loads(stream.offers[b"acc"])["version"] == 1


@pytest.mark.parametrize("digest", [0, 0x0123_4567_89AB_CDEF])
def test_where_nothing_is_known_of_what_stands_it_is_written(digest: int) -> None:
    """As in state of an older release, whose digests were of all together."""
    feed = Feed()
    stream = _liked(feed)
    head: Any = np.frombuffer(stream.state[b"s/acc"][: HEAD.itemsize], HEAD).copy()
    head["digest"] = digest
    stream.state[b"s/acc"] = head.tobytes() + stream.state[b"s/acc"][HEAD.itemsize :]
    stream.restart()
    stream.feed(feed.visit("acc", 0.6, "sport.example"))
    assert _written(stream) == (1, 1)
