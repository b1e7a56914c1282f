"""Audiences: counts as a plain count would have them, seldom, rounded, and gone at once.

day     0         1                      1 + a minute     2
        said 40   18 leave: still 40     5 more: gone     said again once 20 are new
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.audiences.cells import Audiences
from features.audiences.segments import RELEASE
from tests.support.audience_counting import (
    DAY,
    PLAIN,
    START,
    TREE,
    K,
    fill,
    plain_cells,
    profile,
    said,
    seeded,
)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 80),
            st.sampled_from(["", "/m"]),
            st.one_of(st.none(), st.lists(st.sampled_from(PLAIN), max_size=4, unique=True)),
            st.booleans(),
        ),
        max_size=400,
    ),
    st.integers(1, 50),
)
def test_what_is_said_is_what_is_counted(
    steps: list[tuple[int, str, list[str] | None, bool]], every: int
) -> None:
    audiences = Audiences(TREE, 5)
    topic: dict[str, int] = {}
    held: dict[str, list[str]] = {}
    for version, (number, member, interests, allowed) in enumerate(steps, 1):
        subject = f"a{number}{member}"
        if interests is None:
            held.pop(subject, None)
            audiences.apply(subject, None)
        else:
            held[subject] = interests if allowed else []
            value = profile(version, interests, audiences=allowed)
            audiences.apply(subject, value)
            assert not audiences.apply(subject, value)  # idempotent by version
        if version % every == 0:
            before = dict(topic)
            said(topic, audiences.publish(START + version * DAY))
            counts = plain_count(held)
            for key, count in topic.items():
                if before.get(key) != count and not key.startswith("group/"):
                    assert count == counts[key] // 5 * 5  # exact, rounded, when it is said
    for key, count in (counts := plain_count(held)).items():
        assert audiences.count(key) == count
    said(topic, audiences.publish(START + DAY))  # no release any more: what has to go
    for key in topic:
        assert key.startswith("group/") or counts[key] >= 5


def plain_count(held: dict[str, list[str]]) -> dict[str, int]:
    """Accounts per cell, by sets."""
    accounts: dict[str, set[str]] = {}
    for subject, interests in held.items():
        accounts.setdefault(subject.partition("/")[0], set()).update(interests)
    counts: dict[str, int] = {}
    for interests_of in accounts.values():
        for key in plain_cells(interests_of):
            counts[key] = counts.get(key, 0) + 1
    return counts


def test_counts_are_said_once_a_day_whatever_happens() -> None:
    audiences = Audiences(TREE, K)
    fill(audiences, 45, ["483"])
    assert said({}, audiences.publish(START))["interest/483"] == 40
    fill(audiences, 100, ["483"])
    for minute in range(1, 1440):
        assert audiences.publish(START + minute * 60_000) == []
    assert said({}, audiences.publish(START + DAY))["interest/483"] == 100
    assert audiences.publish(START + DAY - 1) == []  # a clock set back is no new day


def test_a_clock_that_was_far_ahead_does_not_silence_for_ever() -> None:
    audiences = Audiences(TREE, K)
    fill(audiences, 45, ["483"])
    audiences.publish(START + 1000 * DAY)
    fill(audiences, 90, ["483"])
    assert said({}, audiences.publish(START))["interest/483"] == 80


def test_a_record_says_how_it_came_about() -> None:
    audiences = Audiences(TREE, K)
    fill(audiences, 45, ["483"])
    values = {segment.key: segment.value for segment in audiences.publish(START + 5)}
    assert values["interest/483"] == {
        "schema": 1,
        "segment": "interest/483",
        "kind": "interest",
        "name": "Sports",
        "interests": ["483"],
        "daypart": None,
        "accounts": 40,
        "k": K,
        "as_of": START,  # not the moment of one household's latest event
        "release": START,
        "noise": 0.0,
        "rounded_to": K,
    }


# -- whom, and in how many cells


def test_a_household_is_in_twelve_cells_at_most() -> None:
    audiences = Audiences(TREE, K)
    every = [i for i in TREE.ids if not TREE.is_sensitive(i)][:20]
    for member in ("", "/m1", "/m2"):
        audiences.apply("a" + member, profile(1, every, parts=("weekday-night", "weekend-night")))
    assert sum(cell.count for cell in audiences._cells.values()) <= 12


def test_an_interest_is_not_counted_without_those_above_it() -> None:
    audiences = Audiences(TREE, K, contribution=6)
    soccer = "533"  # within Sports
    value = profile(1, ["653", "483", soccer])
    for item, score in zip(value["interests"], (0.8, 0.2, 0.9), strict=True):
        item["score"] = score
    audiences.apply("a", value)
    counted = {key for key, cell in audiences._cells.items() if cell.count}
    assert {"interest/483", f"interest/{soccer}"} <= counted and "interest/653" not in counted
    assert not [key for key in counted if key.startswith("pair/")]  # it would be Soccer again


def test_a_contribution_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="contribution = 2"):
        Audiences(TREE, K, contribution=2)


def test_only_accounts_that_allow_it_are_counted() -> None:
    audiences = Audiences(TREE, K)
    for number in range(60):
        audiences.apply(f"a{number}", profile(1, ["483"], audiences=number % 2 == 0))
    assert audiences.count("interest/483") == 30
    audiences.apply("a0", profile(2, ["483"], audiences=False))
    assert audiences.count("interest/483") == 29


def test_a_profile_is_counted_while_it_is_valid() -> None:
    audiences = Audiences(TREE, K)
    for number in range(60):
        until = START + 3 * DAY if number < 45 else None
        audiences.apply(f"a{number}", profile(1, ["483"], valid_until=until))
    audiences.apply("a0", profile(2, ["483"], valid_until=START + 9 * DAY))  # renewed
    topic = said({}, audiences.publish(START + 3 * DAY - 1))
    assert topic["interest/483"] == 60
    assert "interest/483" not in said(topic, audiences.publish(START + 3 * DAY))
    assert audiences.count("interest/483") == 16
    audiences.publish(START + 9 * DAY)
    assert audiences.count("interest/483") == 15


def test_who_let_himself_be_counted_until_then_is_counted_until_then() -> None:
    """The consent to audiences ends before that of the profile, and no worker says so."""
    audiences = Audiences(TREE, K)
    for number in range(60):
        until = START + 3 * DAY if number < 45 else None
        audiences.apply(f"a{number}", profile(1, ["483"], counted_until=until))
    audiences.apply("a59", profile(2, ["483"], counted=False))
    topic = said({}, audiences.publish(START))
    assert topic["interest/483"] == 40 and audiences.count("interest/483") == 59
    assert "interest/483" not in said(topic, audiences.publish(START + 3 * DAY))
    assert audiences.count("interest/483") == 14


def test_a_household_counts_once() -> None:
    audiences = Audiences(TREE, K)
    for member in ("", "/m1", "/m2"):
        audiences.apply("a1" + member, profile(1, ["483"]))
    assert audiences.count("interest/483") == 1
    audiences.apply("a1/m1", None)
    assert audiences.count("interest/483") == 1


def test_sensitive_interests_are_not_counted_whatever_a_profile_says() -> None:
    audiences = Audiences(TREE, K)
    fill(audiences, 50, ["286", "483"])  # Medical Health
    assert not [key for key in said({}, audiences.publish()) if "286" in key]


# -- what has to go, and what comes again


def test_a_cell_stands_while_k_of_its_people_are_left_and_goes_at_once_then() -> None:
    audiences = Audiences(TREE, K)
    fill(audiences, 40, ["483"])
    topic = said({}, audiences.publish(START))
    for number in range(20):
        audiences.apply(f"a{number}", None)
        assert said(topic, audiences.publish(START + number))["interest/483"] == 40
    fill(audiences, 30, ["483"], first=100)  # others, of whom nothing was said
    audiences.apply("a20", None)
    assert "interest/483" not in said(topic, audiences.publish(START + 60_000))
    assert said(topic, audiences.publish(START + DAY))["interest/483"] == 40


def test_silence_stands_until_k_moved() -> None:
    audiences = Audiences(TREE, K)
    fill(audiences, 30, ["483"])
    topic = said({}, audiences.publish(START))
    for number in range(12):
        audiences.apply(f"a{number}", None)
    assert said(topic, audiences.publish(START + 1)) == {}
    fill(audiences, 1, ["483"], first=100)
    assert said(topic, audiences.publish(START + DAY)) == {}  # 19 of whom silence was said
    fill(audiences, 1, ["483"], first=101)
    assert said(topic, audiences.publish(START + 2 * DAY))["interest/483"] == 20


@pytest.mark.parametrize("noise", [None, seeded(3)])
def test_a_restart_does_not_undo_the_guard(noise: object) -> None:
    """Counts are rebuilt from the profiles; what was said before still binds."""
    first, again = (Audiences(TREE, K, noise=seeded(seed) if noise else None) for seed in (3, 4))
    fill(first, 400, ["483"])
    fill(first, 400, ["653"], first=1000)
    records = first.publish(START)
    topic = said({}, records)
    assert topic["interest/483"] and topic["interest/653"]
    for segment in records:
        again.restore(segment.key, segment.value)
    fill(again, 412, ["483"])
    fill(again, 400, ["653"], first=1000)
    assert again.publish(START + DAY - 1) == []  # no second draw of the same release
    after = said(dict(topic), again.publish(START + DAY))
    if noise is None:
        assert topic.items() <= after.items()  # nor anything new of those: fewer than k moved
    for number in range(395):
        again.apply(f"a{number}", None)
    assert "interest/483" not in said(after, again.publish(START + DAY + 1))


def test_a_release_that_was_interrupted_is_not_drawn_again() -> None:
    """Killed behind the first record: paid for, and what it did not say waits for the next."""
    first, again = (Audiences(TREE, K, noise=seeded(seed)) for seed in (3, 4))
    fill(first, 400, ["483"])
    paid, *_ = first.publish(START)
    assert paid.key == RELEASE
    again.restore(paid.key, paid.value)
    fill(again, 400, ["483"])
    assert again.publish(START + 60_000) == []
    assert said({}, again.publish(START + DAY))["interest/483"]


def test_what_an_earlier_version_said_exactly_is_replaced() -> None:
    audiences = Audiences(TREE, K)
    for key, count in (("interest/483", 41), ("group/0", 41), ("group/x+y", 30)):
        audiences.restore(key, {"accounts": count})
    fill(audiences, 41, ["483"])
    topic = said({"interest/483": 41, "group/0": 41, "group/x+y": 30}, audiences.publish(START))
    assert topic["interest/483"] == 40 and not [key for key in topic if key.startswith("group/")]


@pytest.mark.parametrize("noise", [None, 3])
def test_what_was_said_by_a_smaller_k_is_taken_back_at_once(noise: int | None) -> None:
    """Nothing stays for a day that tells of fewer households than the settings now ask for."""

    def counting(k: int) -> Audiences:
        found = Audiences(TREE, k, noise=None if noise is None else seeded(noise))
        fill(found, 430, ["483"])
        fill(found, 45 if noise is None else 200, ["653"], first=1000)
        return found

    records = counting(K).publish(START)
    topic = said({}, records)
    assert topic["interest/483"] and topic["interest/653"]
    for k, before, after in ((4 * K, {}, {"interest/483"}), (K // 2, topic, topic.keys())):
        again = counting(k)
        for segment in records:
            again.restore(segment.key, segment.value)
        now = said(dict(topic), again.publish(START + DAY - 1))
        assert now == before  # between releases: nothing new, and of a smaller k nothing left
        now = said(now, again.publish(START + DAY))
        assert after <= now.keys() and all(count >= k for count in now.values())
        assert again.publish(START + DAY + 1) == []
