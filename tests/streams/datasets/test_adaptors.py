"""Adaptors: real sets become valid events, and what makes no sense is skipped and named."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.records import decoder, fields
from features.tags import exact
from features.tags.keys import TagError
from streams.commands import replay
from streams.contract import topics
from streams.contract.record import Record
from streams.datasets import ADAPTORS, SourceError, bundled_web_visits, pseudonym, slug
from streams.kafka.producing import with_consent
from tests.support.data_sets import FILES, WEB, get, read
from tests.support.needs import need_data
from tests.support.paths import DATA_SETS

#: Adaptors that make one event of each row that they don't skip.
ROW_BY_ROW = {"web-visits", "stream-starts", "tv-sessions", "operator-dpi", "snapshots"}


KIND = {
    topics.FACTS: decoder.FACTS,
    topics.NETWORK: decoder.NETWORK,
    topics.TV: decoder.TV,
    topics.APP: decoder.APP,
}


def _check(records: list[Record]) -> Counter[str]:
    """In order of event time, and accepted by catalogue and inlet; returns its refusals."""
    refused: Counter[str] = Counter()
    at = [record.at for record in records]
    assert at == sorted(at)
    limits = decoder.Limits()
    ids: set[str] = set()
    for record in records:
        assert isinstance(record.value, dict)
        if record.topic == topics.CATALOGUE:
            try:
                exact.tag_catalogue(record.value)
            except TagError:
                refused["catalogue"] += 1
            continue
        raw = orjson.dumps(record.value)
        try:
            event = decoder.decode(KIND[record.topic], raw, record.key.encode(), limits)
        except fields.Malformed as error:
            refused[f"{error.letter.reason} {error.letter.field}"] += 1
            continue
        assert event.ts <= record.at
        assert event.event_id not in ids
        ids.add(event.event_id)
    return refused


@pytest.mark.quality
@pytest.mark.parametrize("name", sorted(FILES))
def test_real_sets_become_valid_events(name: str) -> None:
    """Whichever people's file it is: every row is an event or was skipped with a reason."""
    path = need_data(DATA_SETS / FILES[name])
    records, skipped = read(name, path)
    events = sum(record.topic in topics.INPUTS for record in records)
    with path.open(newline="", encoding="utf-8") as file:
        rows = sum(1 for _ in csv.reader(file)) - 1
    assert events + skipped.total() == rows if name in ROW_BY_ROW else 0 < events <= rows
    refused = _check(list(with_consent(records)))
    # Scans and attacks send names that are no host names.
    assert refused.total() <= 0.01 * events if name == "flows" else not refused


def test_the_bundled_sample_is_sound() -> None:
    sample = list(bundled_web_visits())
    assert len(sample) > 1000 and len({record.key for record in sample}) > 1
    assert not _check(sample)


def test_web_visits(tmp_path: Path) -> None:
    path = tmp_path / "visits.csv"
    path.write_text(WEB)
    records, skipped = read("web-visits", path)
    shown = [(r.key, *get(r, "host", "duration_ms", "line")) for r in records]
    assert shown == [
        ("a", "one.example", 59_001, "broadband"),
        ("b", "two.example", 0, "mobile"),
        ("a", "one.example", 30 * 60_000, "broadband"),
        ("a", "one.example", 0, "broadband"),
    ]
    assert skipped == {"not a web address": 1}
    assert not _check(records)


def test_app_usage_pairs_foreground_with_its_end(tmp_path: Path) -> None:
    path = tmp_path / "usage.csv"
    start = 1_571_151_200_000
    rows = [
        (0, "Mail", 1),
        (5_000, "Chat", 1),
        (6_000, "Mail", 2),
        (9_000, "Chat", 2),
        (20_000, "Mail", 1),
        (25_000, "Android system", 16),
        (30_000, "Mail", 2),
    ]
    path.write_text("".join(f"{start + at},{app},{event},\n" for at, app, event in rows))
    records, _ = read("app-usage", path)
    sessions = [
        (r.at - start, *get(r, "app_id", "duration_ms")) for r in records if r.topic == topics.APP
    ]
    assert sessions == [(0, "Mail", 5_000), (5_000, "Chat", 4_000), (20_000, "Mail", 5_000)]


@given(st.text(min_size=1, max_size=80))
def test_pseudonyms_are_accepted_by_the_inlet(raw: str) -> None:
    account = pseudonym(raw, "tv")
    value = {
        "event_id": "e",
        "account_id": account,
        "ts": 1_600_000_000_000,
        "app_id": "a",
        "action": "open",
    }
    decoder.decode(decoder.APP, orjson.dumps(value), account.encode(), decoder.Limits())
    assert pseudonym(raw, "tv") == account


def test_pseudonyms_keep_what_is_one_already() -> None:
    assert pseudonym("AiDS4k1rQZ", "web") == "AiDS4k1rQZ"
    assert pseudonym("771802", "tv") == "tv-771802"
    assert pseudonym("+49 170", "tv").startswith("tv-x")


@given(st.text(max_size=200))
def test_slugs_are_short_and_plain(title: str) -> None:
    assert 1 <= len(slug(title)) <= 100
    assert slug(title).isascii()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("web-visits", "panelist_id,url\n", "line 1: no column timestamp, device"),
        ("tv-sessions", "user_id,channel,start_utc,duration_s\n1,CNN\n", "line 2: too few columns"),
        (
            "tv-sessions",
            "user_id,channel,start_utc,duration_s\n1,CNN,noon,3\n",
            "'noon' is not a time",
        ),
        ("operator-dpi", "id,hour,app,app_cat,times\na,x,b,c,3\n", "'x' is not a number"),
        ("jsonl", '{"topic":"tv-viewing"}\n', "line 1: expected"),
        ("jsonl", '\n{"topic":', "line 2: not JSON"),
        ("jsonl", '{"topic":"tv-viewing","key":3,"value":{}}\n', "line 1: key"),
    ],
)
def test_errors_name_file_and_place(tmp_path: Path, name: str, text: str, message: str) -> None:
    path = tmp_path / "file.csv"
    path.write_text(text)
    with pytest.raises(SourceError, match="file.csv") as caught:
        read(name, path)
    assert message in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for name in [*ADAPTORS, replay.JSONL]:
        with pytest.raises(SourceError, match="nowhere"):
            read(name, tmp_path / "nowhere")


def test_the_inlet_knows_the_pattern_that_pseudonyms_avoid() -> None:
    """`pseudonym` must not fall behind the inlet's idea of a person's number."""
    with pytest.raises(fields.Malformed) as caught:
        decoder.decode(
            decoder.APP,
            orjson.dumps(
                {
                    "event_id": "e",
                    "account_id": "771-802-9",
                    "ts": 1_600_000_000_000,
                    "app_id": "a",
                    "action": "open",
                }
            ),
            b"771-802-9",
            decoder.Limits(),
        )
    assert caught.value.letter.reason == "identifier"
    assert pseudonym("771-802-9", "tv") == "tv-771-802-9"
