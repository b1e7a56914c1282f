"""Audiences: counts as a plain count would have them, and attacks that must learn nothing.

a cell's life    said 40 ──18 leave──> still 40 (wrong by < k) ──2 more──> 20 ──> ...
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.audiences.cells import Audiences, Segment
from features.audiences.groups import Groups
from features.tags import taxonomy
from tests.support.audience_profiles import profile

TREE = taxonomy.load()
K = 20
#: Root interests, none within another: Sports, Travel, Pets, Video Gaming, Books, Science.
PLAIN = ("483", "653", "422", "680", "42", "464")


def said(topic: dict[str, int], segments: list[Segment]) -> dict[str, int]:
    """Take publications up into what a reader of the topic holds."""
    for segment in segments:
        if segment.value is None:
            topic.pop(segment.key, None)
        else:
            topic[segment.key] = segment.value["accounts"]
    return topic


def fill(audiences: Audiences, count: int, interests: list[str], first: int = 0) -> None:
    """Accounts ``a<n>`` with the same interests."""
    for number in range(first, first + count):
        audiences.apply(f"a{number}", profile(1, interests))


# -- against a plain count


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
    held: dict[str, tuple[list[str], bool]] = {}
    for version, (number, member, interests, allowed) in enumerate(steps, 1):
        subject = f"a{number}{member}"
        if interests is None:
            held.pop(subject, None)
            audiences.apply(subject, None)
        else:
            held[subject] = interests, allowed
            value = profile(version, interests, audiences=allowed)
            audiences.apply(subject, value)
            assert not audiences.apply(subject, value)  # idempotent by version
        if version % every == 0:
            before = dict(topic)
            counts = plain_count(held)
            said(topic, audiences.publish())
            for key, count in topic.items():
                if before.get(key) != count and not key.startswith("group/"):
                    assert count == counts[key]  # exact when it is said
    said(topic, audiences.publish())
    counts = plain_count(held)
    for key, count in counts.items():
        assert audiences.count(key) == count
    for key, count in topic.items():
        assert count >= 5
        if not key.startswith("group/"):
            assert abs(count - counts.get(key, 0)) < 5


def plain_count(held: dict[str, tuple[list[str], bool]]) -> dict[str, int]:
    """Accounts per interest, pair and day-part, by sets."""
    cells: dict[str, set[str]] = {}
    for subject, (interests, allowed) in held.items():
        for key in names_of(interests) if allowed else ():
            cells.setdefault(key, set()).add(subject.partition("/")[0])
    return {key: len(accounts) for key, accounts in cells.items()}


def names_of(interests: list[str]) -> Iterator[str]:
    for at, one in enumerate(interests):
        yield f"interest/{one}"
        yield f"daypart/weekend-evening/{one}"
        for other in interests[at + 1 :]:
            yield "pair/" + "+".join(sorted((one, other)))


# -- attacks


def naive(audiences: Audiences) -> dict[str, int]:
    """Small cells suppressed, and nothing else: what the guard is measured against."""
    return {key: cell.count for key, cell in audiences._cells.items() if cell.count >= K}


def test_small_cells_are_not_said() -> None:
    audiences = Audiences(TREE, K)
    fill(audiences, K - 1, ["483"])
    assert said({}, audiences.publish()) == {}
    fill(audiences, K, ["483"])
    assert said({}, audiences.publish())["interest/483"] == K


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
        said(topic, audiences.publish())
        before = dict(topic) if guarded else naive(audiences)
        secret = rng.sample(PLAIN, 2)
        audiences.apply(f"target-{trial}", profile(1, secret))
        after = said(topic, audiences.publish()) if guarded else naive(audiences)
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
    joined: dict[str, list[str]] = {}
    for number in range(400):
        joined[f"a{number}"] = rng.sample(PLAIN, 3)
        audiences.apply(f"a{number}", profile(1, joined[f"a{number}"]))
        said(topic, audiences.publish())
        for key in topic.keys() | last.keys():
            if topic.get(key) != last.get(key):
                assert abs(topic.get(key, 0) - last.get(key, 0)) >= K
        last = dict(topic)
    assert len(topic) > 6


def test_silence_does_not_tell_who_left() -> None:
    """A cell that falls below k stands until k accounts moved; then it is withdrawn."""
    audiences = Audiences(TREE, K)
    topic: dict[str, int] = {}
    fill(audiences, 30, ["483"])
    said(topic, audiences.publish())
    for number in range(19):
        audiences.apply(f"a{number}", None)
        assert said(topic, audiences.publish())["interest/483"] == 30
    audiences.apply("a19", None)
    assert "interest/483" not in said(topic, audiences.publish())
    for number in range(10):  # they come back: 20 are in it again, but only ten moved
        audiences.apply(f"a{number}", profile(2, ["483"]))
    assert audiences.count("interest/483") == 20
    assert said(topic, audiences.publish())["interest/483"] == 20


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
        if abs(topic.get(f"interest/{one}", 10**9) - topic[key]) < K
    ]
    assert bool(small) is not guarded


def test_all_of_them_is_not_said_either() -> None:
    """Were the pair as large as the interest, every household's other interest would be known."""
    audiences = Audiences(TREE, K)
    fill(audiences, 50, ["483", "653"])
    topic = said({}, audiences.publish())
    assert topic["interest/483"] == 50 and not [key for key in topic if key.startswith("pair/")]


def test_a_narrow_cell_gives_way_to_a_wide_one() -> None:
    audiences = Audiences(TREE, K)
    topic: dict[str, int] = {}
    fill(audiences, 30, ["483", "653"])
    fill(audiences, 30, ["483"], first=100)
    fill(audiences, 30, ["653"], first=200)
    assert said(topic, audiences.publish())["pair/483+653"] == 30
    for number in range(100, 125):
        audiences.apply(f"a{number}", None)
    said(topic, audiences.publish())
    assert topic["interest/483"] == 35 and "pair/483+653" not in topic


# -- whom, and again


def test_only_accounts_that_allow_it_are_counted() -> None:
    audiences = Audiences(TREE, K)
    for number in range(60):
        audiences.apply(f"a{number}", profile(1, ["483"], audiences=number % 2 == 0))
    assert audiences.count("interest/483") == 30
    audiences.apply("a0", profile(2, ["483"], audiences=False))
    assert audiences.count("interest/483") == 29


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


def test_a_restart_does_not_undo_the_guard() -> None:
    """Counts are rebuilt from the profiles; what was said before still binds."""
    first = Audiences(TREE, K)
    fill(first, 40, ["483"])
    topic = said({}, first.publish())
    again = Audiences(TREE, K)
    for key, count in topic.items():
        again.restore(key, {"accounts": count})
    fill(again, 41, ["483"])
    assert said(dict(topic), again.publish()) == topic
    fill(again, 60, ["483"])
    assert said(dict(topic), again.publish())["interest/483"] == 60


def test_groups_part_ways_of_living_and_are_named_by_them() -> None:
    groups, rng = Groups(TREE, 4), random.Random(3)
    styles = [("483", "653"), ("680", "596"), ("42", "464"), ("422", "274")]
    found: dict[int, set[int]] = {style: set() for style in range(4)}
    for number in range(1200):
        style = number % 4
        interests = [{"id": i, "score": rng.uniform(0.5, 0.9)} for i in styles[style]]
        interests.append({"id": rng.choice(PLAIN), "score": 0.1})
        group = groups.of(interests)
        if number >= 800:
            found[style].add(group)
    assert all(len(group) == 1 for group in found.values())
    assert len(set().union(*found.values())) == 4
    for style, (group,) in ((style, tuple(named)) for style, named in found.items()):
        assert set(groups.interests(group)) == set(styles[style])
