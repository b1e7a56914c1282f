"""The catalogue app's decisions, without a broker."""

from __future__ import annotations

from typing import Any

import pytest

from features.records.fields import Malformed
from features.tags.exact import TagEntry, encode
from streams.apps.entries import LEARN_MOST, Corrections, tagged
from tests.support.catalogue_entries import EDITED, LONG, MACHINE, entry, expected


def test_same_entry_gives_same_bytes() -> None:
    key, value = entry(1)
    assert tagged(key, value, LONG) == tagged(key.upper(), value, LONG) == (key, expected(1))


def test_key_may_stand_in_the_record_alone() -> None:
    assert tagged(b"programme:p-1", b'{"genres":["Drama"]}', LONG)[1] == expected(1)


def test_unknown_content_gives_nothing() -> None:
    assert tagged(b"programme:zz", b'{"title":"?"}', LONG) == (b"programme:zz", None)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        (b"host:a.com", None, "empty"),
        (b"host:a.com", b"", "empty"),
        (b"host:a.com", b"{" + b" " * LONG + b"}", "too_large"),
        (b"host:a.com", b"{nope", "not_json"),
        (b"host:a.com", b"[1]", "not_object"),
        (None, b"{}", "missing"),
        (b"host:a.com", b'{"key":7}', "type"),
        (b"nothing", b"{}", "type"),
        (b"host:a.com", b'{"key":"host:b.com"}', "key_mismatch"),
        (b"host:\xff.com", b'{"key":"host:b.com"}', "key_mismatch"),
        (None, b'{"key":"host:b.com"}', "key_mismatch"),
    ],
)
def test_malformed_entries_are_named(key: bytes | None, value: bytes | None, reason: str) -> None:
    with pytest.raises(Malformed) as caught:
        tagged(key, value, LONG)
    assert caught.value.letter.reason == reason


class Spy:
    """Stands for the text tagger: says what it was asked and taught."""

    def __init__(self, answer: TagEntry | None) -> None:
        self.answer = answer
        self.taught: list[tuple[str, TagEntry]] = []
        self.known = 0

    def tag(self, entry: dict[str, Any]) -> TagEntry | None:
        return self.answer

    def learn(self, entry: dict[str, Any], known: TagEntry) -> None:
        self.taught.append((str(entry["key"]), known))

    def learned(self, entry: dict[str, Any]) -> int:
        return self.known


TEXT_ANSWER = TagEntry((("483", 0.7),), "text:described", 0.7)


def test_texts_are_asked_only_where_exact_knowledge_is_silent() -> None:
    spy = Spy(TEXT_ANSWER)
    assert tagged(b"programme:zz", b'{"title":"?"}', LONG, spy) == (
        b"programme:zz",
        encode("programme:zz", TEXT_ANSWER),
    )
    assert tagged(*entry(1), LONG, spy) == (entry(1)[0], expected(1))
    assert [key for key, _ in spy.taught] == ["programme:p-1"]
    assert tagged(b"programme:zz", b'{"title":"?"}', LONG, Spy(None))[1] is None


def test_learning_is_bounded_and_editors_teach_beyond_the_bound() -> None:
    spy = Spy(None)
    spy.known = LEARN_MOST
    tagged(*entry(1), LONG, spy)
    assert not spy.taught
    tagged(*entry(1), LONG, spy, encode("programme:p-1", TEXT_ANSWER))
    tagged(*entry(2), LONG, spy, b'{"broken')
    assert spy.taught == [("programme:p-1", TEXT_ANSWER)]


def test_a_guess_by_package_name_teaches_nothing() -> None:
    spy = Spy(None)
    _, value = tagged(b"app:com.netflix.unheardof", b'{"title":"x"}', LONG, spy)
    assert not spy.taught and (value is None or b"package:" in value or b"own" in value)


def test_correction_outranks_until_deleted() -> None:
    corrections = Corrections()
    corrections.learn(b"k", MACHINE)
    assert b"k" not in corrections
    corrections.learn(b"k", EDITED)
    assert b"k" in corrections and not corrections.overridden
    corrections.learn(b"k", MACHINE)
    assert corrections.overridden == {b"k": EDITED}
    corrections.learn(b"k", EDITED)
    assert not corrections.overridden
    corrections.learn(b"k", None)
    corrections.learn(b"k", MACHINE)
    assert b"k" not in corrections and not corrections.overridden


def test_corrections_are_bounded() -> None:
    corrections = Corrections(limit=1)
    corrections.learn(b"a", EDITED)
    with pytest.raises(RuntimeError, match="more than 1 editors"):
        corrections.learn(b"b", EDITED)
