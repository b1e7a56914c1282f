"""What somebody forbade does not come back to life by an erasure: it takes a grant by name."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.config import Config
from features.privacy import rules
from features.privacy.ledger import Ledger
from features.privacy.person import Person
from features.records.inputs import INPUTS
from features.tags.exact import TagEntry
from features.vocabulary import Purpose
from tests.support.feeding import DAY, START, Feed, Stream
from tests.support.persons_model import CALM

TABLE = {"host:sport.example": TagEntry((("483", 1.0),), "test", 1.0)}
USES = Purpose.OFFERS, Purpose.AUDIENCES
HOUR = 1 / 24


class Step(NamedTuple):
    """A fact, or a restart: whose, what it says for which purpose, and its time in hours."""

    who: str | None
    does: str
    purpose: Purpose
    hours: int


#: Stamps on purpose not those of the order of arrival.
steps = st.lists(
    st.builds(
        Step,
        st.sampled_from([None, None, "m1", "M-1"]),
        st.sampled_from(["granted", "granted", "withdrawn", "ends", "erasure", "restart"]),
        st.sampled_from(Purpose),
        st.integers(1, 24),
    ),
    min_size=3,
    max_size=12,
)


def _stream(by_default: bool = False) -> Stream:
    config = Config(erasure_key=b"k" * 32, lateness_ms=DAY, consent_default_grant=by_default)
    return Stream(config, TABLE)


def _take(held: Stream, feed: Feed, step: Step) -> None:
    if step.does == "restart":
        held.commit()
        held.restart()
        return
    more: dict[str, Any] = {} if step.who is None else {"member_id": step.who}
    if step.does == "erasure":
        held.feed(feed.fact("acc", step.hours * HOUR, "erasure", **more))
        return
    more["purpose"] = step.purpose
    status = step.does
    if step.does == "ends":  # before anybody looks
        status, more["expires_at"] = "granted", START + int(30 * HOUR * DAY)
    held.feed(feed.consent("acc", step.hours * HOUR, status, **more))


def _refused(said: list[Step], who: str | None) -> set[Purpose]:
    """The purposes that somebody forbade and did not grant in anything that came since.

    An end is one of what was granted before by its own time, not of what is granted later.
    """
    found: set[Purpose] = set()
    latest = dict.fromkeys(Purpose, -1)
    for step in said:
        if step.who != who or step.does in ("restart", "erasure"):
            continue
        if step.does == "granted":
            found.discard(step.purpose)
            latest[step.purpose] = max(latest[step.purpose], step.hours)
        elif step.does == "withdrawn" or step.hours > latest[step.purpose]:
            found.add(step.purpose)
    return found


def _contactable(held: Stream, subject: str) -> dict[Purpose, bool]:
    """What a published profile allows; nothing where there is none."""
    profile = held.profile(subject)
    if profile is None:
        return dict.fromkeys(Purpose, False)
    return {use: profile["contactable"][use]["value"] for use in Purpose}


@given(steps, st.booleans())
@settings(CALM, max_examples=150)
def test_what_was_refused_waits_for_a_grant_by_name(said: list[Step], by_default: bool) -> None:
    """Whatever came before it or after, and in whatever order, but for a grant of that use."""
    held, feed = _stream(by_default), Feed()
    for step in said:
        _take(held, feed, step)
    for hours in (36, 80):
        for member in ({}, {"member_id": "m1"}, {"member_id": "M-1"}):
            held.feed(feed.visit("acc", hours * HOUR, "sport.example", **member))
    held.commit()
    for who in (None, "m1", "M-1"):
        allowed = _contactable(held, "acc" if who is None else f"acc/{who}")
        back = {use for use in _refused(said, who) if allowed[use]}
        assert not back, f"{who} refused {sorted(back)}"


#: Of whom each is, what was refused, and what is granted after the erasure.
CASES = [
    pytest.param(None, use, None, [(None, Purpose.PROFILING)], id=f"account-{use}") for use in USES
] + [
    pytest.param(
        "m1",
        what,
        gone,
        [*((None, use) for use in Purpose), *(("m1", use) for use in Purpose if use != what)],
        id=f"m1-{what}-{gone}",
    )
    for what in Purpose
    for gone in (None, "m1")
]


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("stops", [False, True])
@pytest.mark.parametrize(("who", "refused", "gone", "granted"), CASES)
def test_a_grant_of_something_else_is_none(
    who: str | None,
    refused: Purpose,
    gone: str | None,
    granted: list[tuple[str | None, Purpose]],
    stops: bool,
    late: bool,
) -> None:
    """Also where the refusal comes after the erasure that is later by its clock."""
    held, feed = _stream(), Feed()
    _take(held, feed, Step(None, "granted", Purpose.PROFILING, 1))
    facts = [Step(who, "withdrawn", refused, 2), Step(gone, "erasure", refused, 3)]
    facts = facts[::-1] if late else facts
    for step in [*facts, *(Step(of, "granted", use, 4) for of, use in granted)]:
        _take(held, feed, step)
    if stops:
        _take(held, feed, Step(None, "restart", refused, 0))
    more = {} if who is None else {"member_id": who}
    for hours in (36, 80):
        held.feed(feed.visit("acc", hours * HOUR, "sport.example"))
        held.feed(feed.visit("acc", hours * HOUR, "sport.example", **more))
    held.commit()
    assert not _contactable(held, "acc" if who is None else f"acc/{who}")[refused]
    assert held.profile("acc") is not None


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("answer", ["unsubscribed", "complained"])
def test_who_asked_to_be_left_alone_is_not_covered_by_his_household(
    answer: str, late: bool
) -> None:
    held, feed = _stream(), Feed()
    told = {"contact_id": "c-1", "channel": "mail", "interest": "483", "member_id": "m1"}
    said = [
        feed.record(INPUTS.outcomes, "acc", 0.1, kind="contact", **told),
        feed.record(INPUTS.outcomes, "acc", 0.2, kind="answer", contact_id="c-1", answer=answer,
                    member_id="m1"),
        feed.fact("acc", 0.3, "erasure"),
    ]  # fmt: skip
    held.feed(feed.consent("acc", 0), *(said[::-1] if late else said))
    for use in Purpose:
        held.feed(feed.consent("acc", 0.4, purpose=use))
    visit = feed.visit("acc", 1, "sport.example", member_id="m1")
    assert held.feed(visit) == ["suppressed"]
    assert held.feed(feed.visit("acc", 1, "sport.example", member_id="m2")) == ["counted"]


def test_state_of_before_is_read_as_what_forbids(monkeypatch: pytest.MonkeyPatch) -> None:
    """An account that was erased and granted profiling alone, as earlier releases let it be."""
    before = dataclasses.replace(rules.load(), fingerprint="of an earlier release")
    person = Ledger.person

    def unnamed(self: Ledger, account: bytes, member: str = "") -> Person:
        return dataclasses.replace(person(self, account, member), by_name=False)

    held, feed = _stream(), Feed()
    held.config = dataclasses.replace(held.config, rules=before)
    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "person", unnamed)
        held.restart()
        held.feed(feed.fact("acc", 0, "erasure"), feed.consent("acc", 0.1))
        for hours in (6, 36, 80):
            held.feed(feed.visit("acc", hours * HOUR, "sport.example"))
        held.commit()
    assert all(_contactable(held, "acc").values())
    held.config = dataclasses.replace(held.config, rules=rules.load())
    held.restart()
    held.commit()
    assert _contactable(held, "acc") == {use: use not in USES for use in Purpose}
    assert held.offers[b"acc"].count(b'"offers":{"value":false')
