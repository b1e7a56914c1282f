"""A history of consent allows the same in any order, and cut never more than the whole one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.privacy import consent, rules
from features.privacy.consent import FOREVER, ConsentWord, added, span
from features.vocabulary import ConsentStatus
from tests.oracle.facts import Known

GRANTED, WITHDRAWN = ConsentStatus.GRANTED, ConsentStatus.WITHDRAWN

statuses = st.sampled_from([GRANTED] * 4 + [WITHDRAWN])
lengths = st.none() | st.integers(1, 6)


@st.composite
def words(draw: st.DrawFn, most: int = 14) -> list[ConsentWord]:
    """Words of a few instants, so that many fall together."""
    said = draw(st.lists(st.tuples(st.integers(1, 30), statuses, lengths), max_size=most))
    return [
        ConsentWord(ts, f"e{n}", status, None if length is None else ts + length)
        for n, (ts, status, length) in enumerate(said)
    ]


def told(said: list[ConsentWord]) -> list[ConsentWord]:
    history: list[ConsentWord] = []
    for word in said:
        history = added(history, word)
    return history


def truth(said: list[ConsentWord], by_default: bool) -> tuple[int, int]:
    """The span by the twin, which keeps every word."""
    names = ("ts", "event_id", "status", "expires_at")
    docs: list[dict[str, Any]] = [
        {"kind": "consent", "purpose": "profiling"}
        | {n: v for n, v in zip(names, word, strict=True) if v is not None}
        for word in said
    ]
    start, until = Known(rules.load(), by_default, [*docs]).consent()
    return int(start), FOREVER if until == float("inf") else int(until)


def within(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether a span allows nothing that the other doesn't."""
    return one[1] <= 0 or one[0] >= one[1] or (other[0] <= one[0] and one[1] <= other[1])


@given(words(), st.randoms(use_true_random=False), st.booleans())
@settings(max_examples=300)
def test_in_any_order_the_same_is_allowed(
    said: list[ConsentWord], chance: Any, by_default: bool
) -> None:
    shuffled = told(chance.sample(said, len(said)))
    assert shuffled == told(said)
    assert span(shuffled, -1, by_default) == truth(said, by_default)


@given(words(24), st.integers(3, 8), st.randoms(use_true_random=False), st.booleans())
@settings(max_examples=600)
def test_a_cut_history_never_allows_more(
    said: list[ConsentWord], most: int, chance: Any, by_default: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(consent, "MAX_HISTORY", most)
        history = told(chance.sample(said, len(said)))
        assert len(history) <= most
    assert within(span(history, -1, by_default), truth(said, by_default))


@given(words(), st.integers(1, 30), st.booleans())
def test_one_refusal_more_never_allows_more(
    said: list[ConsentWord], ts: int, by_default: bool
) -> None:
    before = told(said)
    after = added(before, ConsentWord(ts, "late", WITHDRAWN, None))
    assert within(span(after, -1, by_default), span(before, -1, by_default))


@pytest.mark.parametrize(("grant", "refusal"), [("a", "b"), ("b", "a"), ("e-10", "e-9")])
def test_of_one_time_the_refusal_wins(grant: str, refusal: str) -> None:
    said = [ConsentWord(9, grant, GRANTED, None), ConsentWord(9, refusal, WITHDRAWN, None)]
    assert span(told(said), -1, False)[1] == span(told(said[::-1]), -1, False)[1] == 0


def test_of_two_grants_of_one_time_the_shorter_wins() -> None:
    said = [ConsentWord(9, "a", GRANTED, 20), ConsentWord(9, "b", GRANTED, None)]
    assert span(told(said), -1, False) == span(told(said[::-1]), -1, False) == (9, 20)


def test_a_refusal_is_never_cut_off() -> None:
    grants = [ConsentWord(10 + n, f"g{n}", GRANTED, None) for n in range(200)]
    history = told([ConsentWord(5, "w", WITHDRAWN, None), *grants])
    assert history[0].status == WITHDRAWN
    late = added(history, ConsentWord(2, "late", GRANTED, None))
    assert span(late, -1, True) == (10, FOREVER)
