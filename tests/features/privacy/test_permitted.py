"""How consent stands is said as the law decides it: what a sheet says is what a profile may do."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest

from features.config import Config
from features.privacy.permitted import alike, describe_permissions
from features.tags.exact import TagEntry
from features.vocabulary import Purpose
from tests.support.feeding import DAY, Feed, Stream

KEY = b"k" * 32
TABLE = {"host:sport.example": TagEntry((("483", 1.0),), "test", 1.0)}
PEOPLE = None, "m1", "M-1", "kid"


def _permissions(held: Stream, by_default: bool) -> dict[tuple[str | None, str], tuple[bool, str]]:
    found = describe_permissions(
        held.state,
        "acc",
        ["m1", "M-1", "kid"],
        rules=held.config.rules,
        now=held.engine.store.now,
        key=KEY,
        default_grant=by_default,
    )
    return {(item["member_id"], item["purpose"]): (item["value"], item["why"]) for item in found}


def _anything(chance: Random, feed: Feed, day: float) -> Any:
    who = chance.choice(PEOPLE)
    more: dict[str, Any] = {} if who is None else {"member_id": who}
    does = chance.choice(["granted", "granted", "withdrawn", "ends", "erasure", "child", "case"])
    if does == "erasure" and chance.random() < 0.5:
        return feed.fact("acc", day, "erasure", **more)
    if does == "child":
        adult = chance.random() < 0.5
        return feed.fact("acc", day, "registry", device_id=f"d{chance.randrange(2)}", adult=adult,
                         **({} if who is None else {"owner_member_id": who}))  # fmt: skip
    if does == "case":
        status = chance.choice(["opened", "closed"])
        return feed.fact("acc", day, "care_case", case_id="c", status=status)
    more["purpose"] = chance.choice([*Purpose])
    if does == "ends":
        more["expires_at"] = 1_704_067_200_000 + int((day + chance.choice([0.5, 90])) * DAY)
    status = does if does == "withdrawn" else "granted"
    return feed.consent("acc", day, status, **more)


@pytest.mark.parametrize("seed", range(60))
def test_it_says_what_profiles_say(seed: int) -> None:
    """Of whom there is a profile that is allowed, in each way that it says; of others it is not."""
    chance, feed, by_default = Random(seed), Feed(), seed % 2 == 1
    config = Config(erasure_key=KEY, lateness_ms=DAY // 4, consent_default_grant=by_default)
    held = Stream(config, TABLE)
    if chance.random() < 0.8:
        held.feed(*(feed.consent("acc", 0, purpose=use) for use in Purpose))
    for number in range(chance.randint(2, 9)):
        held.feed(_anything(chance, feed, 1 + number / 10))
    for day in (3, 4, 5):
        for who in PEOPLE:
            more = {} if who is None else {"member_id": who}
            held.feed(feed.visit("acc", day, "sport.example", **more))
    held.commit()
    said = _permissions(held, by_default)
    for who in PEOPLE:
        profile = held.profile("acc" if who is None else f"acc/{who}")
        assert said[who, Purpose.PROFILING][0] == (profile is not None), (who, said)
        if profile is None:
            assert not any(said[who, use][0] for use in Purpose)
            continue
        expected = {use: (is_["value"], is_["why"]) for use, is_ in profile["contactable"].items()}
        assert {use: said[who, use] for use in Purpose} == expected, who


def test_a_doubt_is_said_as_one() -> None:
    held, feed = Stream(Config(erasure_key=KEY), TABLE), Feed()
    held.feed(feed.consent("acc", 0))
    kind, raw, key = feed.consent("acc", 1, "perhaps")
    held.feed((kind, json.dumps(json.loads(raw) | {"status": None}).encode(), key),
              now=json.loads(raw)["ts"])  # fmt: skip
    held.feed(feed.visit("other", 5, "sport.example"))
    held.commit()
    assert _permissions(held, False)[None, Purpose.PROFILING] == (False, "undecided")


def test_who_is_asked_for_is_found_by_any_spelling() -> None:
    assert alike("acc", "m-1", ["M-1", "m_1", "m-2", ""]) == ["M-1", "m_1"]
    assert alike("acc", "m-9", ["M-1"]) == []
