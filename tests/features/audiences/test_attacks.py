"""Attacks on the audiences that must learn nothing; what each learned once stands beside it."""

from __future__ import annotations

import random
from typing import Any

import pytest

from features.audiences.cells import Audiences
from features.audiences.segments import RELEASE
from features.config import Config
from features.tags.exact import TagEntry
from tests.support.audience_counting import DAY, PLAIN, START, TREE, K, fill, profile, said, seeded
from tests.support.feeding import Feed, Stream

SPORT = {"host:sport.example": TagEntry((("483", 1.0),), "test", 1.0)}


def naive(audiences: Audiences) -> dict[str, int]:
    """Small cells suppressed, and nothing else: what the guard is measured against."""
    return {key: cell.count for key, cell in audiences._cells.items() if cell.count >= K}


def parts(topic: dict[str, int], interest: str) -> int:
    return sum(
        n for key, n in topic.items() if key.startswith("daypart/") and key.endswith(interest)
    )


def test_small_cells_are_not_said() -> None:
    audiences = Audiences(TREE, K)
    fill(audiences, K - 1, ["483"])
    assert said({}, audiences.publish()) == {}
    fill(audiences, K, ["483"])
    assert said({}, audiences.publish(START + DAY))["interest/483"] == K


def test_a_daypart_does_not_follow_from_the_others() -> None:
    """40 in the evening, 20 in the morning, one at night: once 61 - 40 - 20."""
    audiences = Audiences(TREE, K)
    fill(audiences, 40, ["483"], parts=("weekday-evening",))
    fill(audiences, 20, ["483"], first=40, parts=("weekday-morning",))
    fill(audiences, 1, ["483"], first=60, parts=("weekday-night",))
    topic = said({}, audiences.publish())
    assert topic == {"interest/483": 60, "daypart/weekday-evening/483": 40}
    assert audiences.count("interest/483") - parts(topic, "483") >= K


def test_nor_with_profiles_as_the_engine_makes_them() -> None:
    table = SPORT | {"host:cooking.example": TagEntry((("216", 1.0),), "test", 1.0)}
    stream, feed = Stream(Config(erasure_key=b"k" * 32, lateness_ms=DAY // 4), table), Feed()
    hours = {f"h{n}": 20 for n in range(40)} | {f"h{n}": 8 for n in range(40, 60)} | {"victim": 3}
    others = [f"o{n}" for n in range(140)]  # or everybody would do it, which tells of nobody
    for household in (*hours, *others):
        stream.feed(feed.consent(household, 0))
    for day in range(5):
        for other in others:
            stream.feed(feed.visit(other, day, "cooking.example"))
        for household, hour in sorted(hours.items(), key=lambda item: item[1]):
            stream.feed(feed.visit(household, day + hour / 24, "sport.example"))
    stream.feed(feed.visit("clock", 5.5, "sport.example"))
    stream.commit()
    audiences = Audiences(TREE, K)
    for key in stream.profiles:
        audiences.apply(key.decode(), stream.profile(key.decode()))
    topic = said({}, audiences.publish())
    assert topic["interest/483"] == 60 and 0 < parts(topic, "483")
    assert audiences.count("interest/483") - parts(topic, "483") >= K
    assert topic["interest/483"] - parts(topic, "483") >= K


def test_no_group_is_everybody() -> None:
    """Before there were groups, all were in group 0: once 101 less 100 with Sports."""
    audiences = Audiences(TREE, K)
    fill(audiences, 100, ["483"])
    fill(audiences, 1, ["680"], first=100)
    for day in range(3):
        topic = said({}, audiences.publish(START + day * DAY))
        assert not [key for key in topic if key.startswith("group/")]


def test_groups_do_not_add_up_to_everybody() -> None:
    audiences = Audiences(TREE, K)
    topic: dict[str, int] = {}
    for number, interest in enumerate(PLAIN):
        fill(audiences, 100 + number, [interest], first=1000 * number)
    for day in range(3):
        said(topic, audiences.publish(START + day * DAY))
    groups = {key: n for key, n in topic.items() if key.startswith("group/")}
    everybody = sum(100 + number for number in range(len(PLAIN)))
    assert not groups or everybody - sum(audiences.count(key) for key in groups) >= K


@pytest.mark.parametrize("guarded", [False, True])
def test_two_publications_do_not_tell_who_joined(guarded: bool) -> None:
    """The attacker knows that between two publications one account joined, and wants to know
    its interests: those whose counts rose by one."""
    rng = random.Random(7)
    learned = 0
    for trial in range(40):
        audiences = Audiences(TREE, K)
        topic: dict[str, int] = {}
        for number in range(200):
            audiences.apply(f"a{number}", profile(1, rng.sample(PLAIN, 2)))
        said(topic, audiences.publish(START))
        before = dict(topic) if guarded else naive(audiences)
        secret = rng.sample(PLAIN, 2)
        audiences.apply(f"target-{trial}", profile(1, secret))
        after = said(topic, audiences.publish(START + DAY)) if guarded else naive(audiences)
        rose = {
            key.partition("/")[2]
            for key in after
            if key.startswith("interest/") and after[key] != before.get(key)
        }
        learned += rose == set(secret)
    assert learned == (0 if guarded else 40)


def test_many_publications_tell_no_more_than_one() -> None:
    """One account joins before each publication: each change that is said is by k or more."""
    audiences = Audiences(TREE, K)
    topic: dict[str, int] = {}
    last: dict[str, int] = {}
    rng = random.Random(8)
    for number in range(400):
        audiences.apply(f"a{number}", profile(1, rng.sample(PLAIN, 3)))
        said(topic, audiences.publish(START + number * DAY))
        for key in topic.keys() | last.keys():
            if topic.get(key) != last.get(key):
                assert abs(topic.get(key, 0) - last.get(key, 0)) >= K
        last = dict(topic)
    assert len(topic) > 6


def test_colluders_do_not_see_the_moment_of_a_household() -> None:
    """k-1 of them enter, then the victim does: once the count was said that minute."""
    audiences = Audiences(TREE, K)
    fill(audiences, 100, ["483"])
    audiences.publish(START)
    fill(audiences, K - 1, ["483"], first=100)
    assert audiences.publish(START + 60_000) == []
    fill(audiences, 1, ["483"], first=119)
    assert audiences.publish(START + 120_000) == []


def test_colluders_do_not_see_a_household_at_all_through_noise() -> None:
    """They know of all others, and place the count just below a multiple of k. Without noise the
    release tells them; with it, what is said is as good as the same with and without."""

    def said_with(count: int, seed: int | None) -> int:
        audiences = Audiences(TREE, K, noise=None if seed is None else seeded(seed))
        fill(audiences, count, ["483"])
        return said({}, audiences.publish(START)).get("interest/483", 0)

    assert (said_with(399, None), said_with(400, None)) == (380, 400)
    trials = 400
    rates = [sum(said_with(n, seed) >= 400 for seed in range(trials)) / trials for n in (399, 400)]
    assert abs(rates[1] - rates[0]) < 0.05  # the promise allows tanh(eps / 60) and chance


def test_restarts_give_no_new_draws_of_a_day_to_take_the_mean_of() -> None:
    topic: dict[str, Any] = {}
    drawn = []
    for restart in range(20):
        audiences = Audiences(TREE, K, noise=seeded(restart))
        for key, value in topic.items():
            audiences.restore(key, value)
        fill(audiences, 400, ["483"])
        segments = audiences.publish(START + restart * 3_600_000)
        topic |= {segment.key: segment.value for segment in segments}
        drawn += [segment for segment in segments if segment.key == "interest/483"]
    assert len(drawn) == 1 and RELEASE in topic


def test_the_erased_do_not_stay_counted() -> None:
    """19 of 25 erased: once it stood as 25 for as long as fewer than k moved."""
    audiences = Audiences(TREE, K)
    fill(audiences, 25, ["483"])
    topic = said({}, audiences.publish(START))
    assert topic == {"interest/483": 20}
    for number in range(19):
        audiences.apply(f"a{number}", None)
    assert said(topic, audiences.publish(START + 60_000)) == {}


@pytest.mark.parametrize("guarded", [False, True])
def test_a_pair_does_not_tell_of_those_outside_it(guarded: bool) -> None:
    """interest 43, pair 41: two households have the one interest and not the other."""
    audiences = Audiences(TREE, K)
    fill(audiences, 41, ["483", "653"])
    fill(audiences, 2, ["483"], first=41)
    fill(audiences, 40, ["653"], first=43)
    topic = said({}, audiences.publish()) if guarded else naive(audiences)
    small = [
        key
        for key in topic
        if key.startswith("pair/")
        for one in key.partition("/")[2].split("+")
        if audiences.count(f"interest/{one}") - audiences.count(key) < K
    ]
    assert bool(small) is not guarded


def test_all_of_them_is_not_said_either() -> None:
    """Were the pair as large as the interest, every household's other interest would be known."""
    audiences = Audiences(TREE, K)
    fill(audiences, 50, ["483", "653"])
    topic = said({}, audiences.publish())
    assert topic["interest/483"] == 40 and not [key for key in topic if key.startswith("pair/")]


def test_a_narrow_cell_gives_way_to_a_wide_one() -> None:
    audiences = Audiences(TREE, K)
    topic: dict[str, int] = {}
    fill(audiences, 30, ["483", "653"])
    fill(audiences, 30, ["483"], first=100)
    fill(audiences, 30, ["653"], first=200)
    assert said(topic, audiences.publish(START))["pair/483+653"] == 20
    for number in range(100, 125):
        audiences.apply(f"a{number}", None)
    said(topic, audiences.publish(START + DAY))
    assert topic["interest/483"] == 20 and "pair/483+653" not in topic


def test_an_accounts_refusal_takes_all_of_the_household_out() -> None:
    """Refused for the account, in the next commit no profile of it is counted."""
    stream, feed = Stream(Config(erasure_key=b"k" * 32, lateness_ms=DAY // 4), SPORT), Feed()
    stream.feed(feed.consent("acc", 0))
    for day in range(1, 6):
        stream.feed(
            feed.visit("acc", day, "sport.example"),
            feed.visit("acc", day, "sport.example", member_id="m1"),
        )
    stream.commit()
    audiences = Audiences(TREE, K)

    def counted() -> int:
        for key in stream.profiles:
            audiences.apply(key.decode(), stream.profile(key.decode()))
        return audiences.count("interest/483")

    assert counted() == 1
    stream.feed(feed.consent("acc", 5.5, "withdrawn", purpose="audiences"))
    stream.commit()
    assert len(stream.profiles) == 2 and counted() == 0
