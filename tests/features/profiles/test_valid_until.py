"""A profile says when the consent ends that it rests on."""

from __future__ import annotations

from features.config import Config
from features.tags.exact import TagEntry
from tests.support.feeding import DAY, START, Feed, Stream

_TABLE = {"host:sport.example": TagEntry(((("483"), 1.0),), "test", 1.0)}


def _stream() -> tuple[Stream, Feed]:
    return Stream(Config(erasure_key=b"k" * 32), _TABLE), Feed()


def _end(days: float) -> int:
    return int(START + days * DAY)


def test_without_an_end_it_says_none() -> None:
    stream, feed = _stream()
    stream.feed(feed.consent("acc", 0), feed.visit("acc", 1, "sport.example"))
    stream.commit()
    assert "valid_until" not in stream.profile("acc")


def test_of_a_member_it_is_the_earlier_end_of_both() -> None:
    stream, feed = _stream()
    stream.feed(
        feed.consent("acc", 0, expires_at=_end(50)),
        feed.consent("acc", 0, member_id="m1", expires_at=_end(30)),
        feed.consent("acc", 0, member_id="m2", expires_at=_end(70)),
        *(feed.visit("acc", 1, "sport.example", member_id=m) for m in ("m1", "m2", "m3")),
        feed.visit("acc", 1, "sport.example"),
    )
    stream.commit()
    ends = {
        key: stream.profile(key)["valid_until"] for key in ("acc", "acc/m1", "acc/m2", "acc/m3")
    }
    assert ends == {"acc": _end(50), "acc/m1": _end(30), "acc/m2": _end(50), "acc/m3": _end(50)}


def test_a_longer_grant_is_published_though_nothing_else_changed() -> None:
    stream, feed = _stream()
    stream.feed(
        feed.consent("acc", 0, expires_at=_end(50)),
        feed.visit("acc", 1, "sport.example", member_id="m1"),
    )
    stream.commit()
    before = stream.profile("acc/m1")["version"]
    stream.feed(feed.consent("acc", 1.1, expires_at=_end(90)))
    stream.commit()
    after = stream.profile("acc/m1")
    assert (after["valid_until"], after["version"]) == (_end(90), before + 1)
