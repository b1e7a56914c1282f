"""What a customer says he likes is told though there may be no offers to him (I5, I11)."""

from __future__ import annotations

import json

from features.config import Config
from features.tags.exact import TagEntry
from tests.support.feeding import DAY, Feed, Stream

_TABLE = {
    "host:sport.example": TagEntry((("483", 1.0),), "test", 1.0),
    "host:phones.example": TagEntry((("635", 1.0),), "test", 1.0),
}


def test_a_like_is_told_at_once_where_offers_are_halted() -> None:
    """A page on which he says it shows it; nothing else may bring it for a week."""
    stream, feed = Stream(Config(erasure_key=b"k" * 32, lateness_ms=DAY // 4), _TABLE), Feed()
    stream.feed(
        feed.consent("acc", 0),
        feed.fact("acc", 0.1, "care_case", case_id="c-1", status="opened"),
        feed.visit("acc", 1, "sport.example"),
        feed.visit("acc", 1.1, "phones.example"),
    )
    stream.commit()
    assert not _liked(stream)
    stream.feed(feed.fact("acc", 1.2, "declaration", interest="483", stance="like"))
    stream.commit()
    assert _liked(stream) == ["483"]
    stream.feed(feed.fact("acc", 1.3, "declaration", interest="483", stance="neutral"))
    stream.commit()
    assert not _liked(stream)


def _liked(stream: Stream) -> list[str]:
    """Interests of the published profile that are said to be liked."""
    return [
        item["id"]
        for item in json.loads(stream.profiles[b"acc"])["interests"]
        if any(reason["code"] == "declared_like" for reason in item["reasons"])
    ]
