"""A profile says flatly for which uses it may serve, why, and until when."""

from __future__ import annotations

from typing import Any

from features.config import Config
from features.tags.exact import TagEntry
from tests.support.feeding import DAY, START, Feed, Record, Stream

_TABLE = {"host:sport.example": TagEntry(((("483"), 1.0),), "test", 1.0)}
_ALLOWED = {"value": True, "why": "consent", "until": None}


def _end(days: float) -> int:
    return int(START + days * DAY)


def _no(why: str) -> dict[str, Any]:
    return {"value": False, "why": why, "until": None}


def _fed(*said: Record, feed: Feed) -> Stream:
    stream = Stream(Config(erasure_key=b"k" * 32), _TABLE)
    stream.feed(
        feed.consent("acc", 0),
        *said,
        feed.visit("acc", 1, "sport.example"),
        feed.visit("acc", 1, "sport.example", member_id="m1"),
    )
    stream.commit()
    return stream


def _uses(stream: Stream, subject: str = "acc") -> tuple[Any, Any]:
    said = stream.profile(subject)["contactable"]
    assert list(said) == ["profiling", "offers", "audiences"]
    end = stream.profile(subject).get("valid_until")
    assert said["profiling"] == {**_ALLOWED, "until": end}, "the profile rests on it"
    return said["offers"], said["audiences"]


def test_who_said_nothing_more_is_allowed_as_long_as_profiling_is() -> None:
    feed = Feed()
    assert _uses(_fed(feed=feed)) == (_ALLOWED, _ALLOWED)
    until = {**_ALLOWED, "until": _end(30)}
    assert _uses(_fed(feed.consent("acc", 0, expires_at=_end(30)), feed=feed)) == (until, until)


def test_each_use_is_refused_for_the_reason_of_its_suppression() -> None:
    feed = Feed()
    offers = feed.consent("acc", 0, "withdrawn", purpose="offers")
    audiences = feed.consent("acc", 0, "denied", purpose="audiences", member_id="m1")
    stream = _fed(offers, audiences, feed=feed)
    assert _uses(stream) == (_no("no_consent_offers"), _ALLOWED)
    assert _uses(stream, "acc/m1") == (_no("no_consent_offers"), _no("no_consent_audiences"))
    stream.feed(feed.fact("acc", 1.1, "care_case", case_id="c", status="opened"))
    stream.commit()
    assert _uses(stream)[0] == _no("care_case"), "of several the first of the suppressions"


def test_a_use_that_ends_before_profiling_does_says_when() -> None:
    feed = Feed()
    stream = _fed(
        feed.consent("acc", 0, expires_at=_end(90)),
        feed.consent("acc", 0, purpose="offers", expires_at=_end(20)),
        feed.consent("acc", 0, purpose="offers", member_id="m1", expires_at=_end(10)),
        feed=feed,
    )
    for subject, days in (("acc", 20), ("acc/m1", 10)):
        offers, audiences = _uses(stream, subject)
        assert (offers["until"], audiences["until"]) == (_end(days), _end(90)), subject
    before = {name: stream.profile(name)["version"] for name in ("acc", "acc/m1")}
    stream.feed(feed.consent("acc", 1.1, purpose="offers", expires_at=_end(5)))
    stream.commit()
    for subject, version in before.items():
        assert _uses(stream, subject)[0]["until"] == _end(5), "an earlier end is news"
        assert stream.profile(subject)["version"] == version + 1
    stream.restart()
    stream.feed(feed.visit("acc", 6, "sport.example"))
    stream.commit()
    assert _uses(stream)[0] == _no("no_consent_offers"), "when it is over it is refused"


def test_suppressions_of_interests_have_their_names() -> None:
    feed = Feed()
    stream = _fed(feed.fact("acc", 0.5, "declaration", interest="483", stance="dislike"), feed=feed)
    (said,) = stream.profile("acc")["suppressions"]
    assert (said["scope"], said["name"], said["reason"]) == ("483", "Sports", "dislike")


def test_computed_at_is_when_the_stream_stood_there() -> None:
    feed = Feed()
    stream = _fed(feed=feed)
    stream.feed(
        feed.visit("other", 3, "sport.example"),
        feed.fact("acc", 1.2, "care_case", case_id="c", status="opened"),
    )
    stream.commit()
    found = stream.profile("acc")
    assert found["as_of"] == _end(1) and found["computed_at"] > found["as_of"]
