"""What is done on a member's device without his name is the household's, unless he forbids it."""

from __future__ import annotations

import pytest

from features.config import Config
from features.tags.exact import TagEntry
from tests.support.feeding import DAY, START, Feed, Record, Stream

TABLE = {"host:sport.example": TagEntry((("483", 1.0),), "test", 1.0)}


def _stream() -> Stream:
    return Stream(Config(erasure_key=b"k" * 32, lateness_ms=DAY // 4), TABLE)


def _registry(feed: Feed, day: float, device: str, **fields: str) -> Record:
    return feed.fact("acc", day, "registry", device_id=device, **fields)


def test_a_device_of_a_refusing_member_is_his_where_nobody_is_named() -> None:
    held, feed = _stream(), Feed()
    held.feed(feed.consent("acc", 0), _registry(feed, 0, "dev-dad", owner_member_id="dad"))
    held.feed(feed.consent("acc", 1, "withdrawn", member_id="dad"))
    visits = [
        feed.visit("acc", 2, "sport.example", device_id="dev-dad", **who)
        for who in ({}, {"member_id": "mum"}, {"member_id": "dad"})
    ]
    assert held.feed(*visits) == ["suppressed", "counted", "suppressed"]


@pytest.mark.parametrize("use", ["offers", "audiences"])
@pytest.mark.parametrize("name", ["dad", "DAD"])
@pytest.mark.parametrize("restart", [False, True])
def test_what_a_member_refuses_his_device_tells_nobody(use: str, name: str, restart: bool) -> None:
    """Where nobody is named it would be the household's, whose profile is used for just that."""
    held, feed = _stream(), Feed()
    device = _registry(feed, 0, "dev-dad", owner_member_id="dad")
    refusal = feed.consent("acc", 1, "withdrawn", member_id=name, purpose=use)
    held.feed(feed.consent("acc", 0), device, refusal)
    if restart:
        held.commit()
        held.restart()

    def visits(day: float) -> list[str]:
        named: list[dict[str, str]] = [{}, {"member_id": "mum"}, {"member_id": "dad"}]
        return held.feed(
            *(feed.visit("acc", day, "sport.example", device_id="dev-dad", **who) for who in named),
            feed.visit("acc", day, "sport.example", device_id="dev-box"),
        )

    assert visits(2) == ["suppressed", "counted", "counted", "counted"]
    held.feed(feed.consent("acc", 3, member_id=name, purpose=use, expires_at=START + 4 * DAY))
    if restart:
        held.commit()
        held.restart()
    assert visits(2.99)[0] == "suppressed", "late, from within the refusal"
    assert visits(3.5)[0] == "counted"
    assert visits(4)[0] == "suppressed", "the grant has ended by then"


def test_the_device_of_who_was_erased_is_nobodys_until_somebody_is_named() -> None:
    held, feed = _stream(), Feed()
    held.feed(feed.consent("acc", 0), _registry(feed, 0, "dev-dad", owner_member_id="dad"))

    def visit(day: float) -> list[str]:
        return held.feed(feed.visit("acc", day, "sport.example", device_id="dev-dad"))

    assert visit(1) == ["counted"]
    held.feed(feed.fact("acc", 1.5, "erasure", member_id="dad"))
    assert visit(2) == ["suppressed"]
    held.commit()
    held.restart()
    assert visit(2) == ["suppressed"]
    held.feed(_registry(feed, 3, "dev-dad"))
    assert visit(3) == ["counted"]
