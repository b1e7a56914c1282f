"""What becomes of an account that consented, after a fact that is not in form."""

from __future__ import annotations

import json
from typing import Any

from features.config import Config
from features.tags.exact import TagEntry
from tests.support.feeding import DAY, START, Feed, Record, Stream

HOST = "sport.example"
TABLE = {f"host:{HOST}": TagEntry((("483", 1.0),), "test", 1.0)}
NOW = START + 2 * DAY
HELD, GOES_ON = ["no_consent"], ["counted"]


def begun() -> tuple[Stream, Feed]:
    """An engine that knows nobody."""
    return Stream(Config(erasure_key=b"k" * 32, lateness_ms=DAY), TABLE), Feed()


def settled() -> tuple[Stream, Feed]:
    """One that has counted a visit of an account with consent."""
    run, feed = begun()
    run.feed(feed.consent("acc", 0), feed.visit("acc", 1, HOST))
    run.commit()
    return run, feed


def made(feed: Feed, fact: dict[str, Any]) -> Record:
    """A fact of the account with these fields."""
    topic, raw, key = feed.fact("acc", 1.5, "x")
    return topic, json.dumps(json.loads(raw) | fact).encode(), key


def becomes(fact: dict[str, Any], **whose: str) -> list[str]:
    """What becomes of a later event of the account."""
    run, feed = settled()
    try:
        run.feed(made(feed, fact), now=NOW)
    except AssertionError:
        pass  # a dead letter that holds nobody
    run.commit()
    run.restart()
    return run.feed(feed.visit("acc", 2.5, HOST, **whose))
