"""Contacts and answers, told in any order, and the rules that leave people alone."""

from __future__ import annotations

import random
from importlib import resources
from itertools import product
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.outcomes import contact_policy
from features.outcomes.contact_policy import HOUR_MS, Cap, ContactPolicy, Pause, PolicyError
from features.outcomes.contacts import ANNOYED, DAY_MS, GLAD, Contacts, Made
from features.outcomes.silence import Forbidden
from features.vocabulary import Reply, SuppressionReason
from tests.oracle.contact_rules import refused

TEXT = resources.files("features.data").joinpath("contact_policy.toml").read_text("utf-8")
POLICY = contact_policy.parse_policy(TEXT)
START = 1_780_000_000_000


class Told(NamedTuple):
    """A contact (answer None) or an answer, as it may come over the wire."""

    name: str
    made: Made | None
    answer: Reply | None
    ts: int


_TIMES = st.integers(0, 40).map(lambda quarters: START + quarters * DAY_MS // 4)
_MADE = st.builds(
    Made,
    ts=_TIMES,
    member=st.sampled_from([None, "m1", "m2"]),
    channel=st.sampled_from(["mail", "screen"]),
    interest=st.sampled_from(["483", "653"]),
    propensity=st.just(0.5),
    held_out=st.booleans(),
)
_NAMES = st.sampled_from([f"c{k}" for k in range(8)])
_TOLD = st.lists(
    st.one_of(
        st.builds(lambda name, made: Told(name, made, None, made.ts), _NAMES, _MADE),
        st.builds(
            lambda name, answer, ts: Told(name, None, answer, ts),
            _NAMES, st.sampled_from(Reply), _TIMES,
        ),
    ),
    max_size=24,
)  # fmt: skip


def joined(told: list[Told], most: int = 256) -> Contacts:
    contacts = Contacts(most)
    for item in told:
        if item.made is not None:
            contacts.tell(item.name, item.made)
        elif item.answer is not None:
            contacts.answer(item.name, item.answer, item.ts)
    return contacts


@given(_TOLD, st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(told: list[Told], chance: random.Random) -> None:
    again = told + chance.choices(told, k=5) if told else []
    chance.shuffle(again)
    assert joined(again).items() == joined(told).items()


_TELLINGS = st.lists(
    st.builds(
        Made,
        ts=st.just(START),
        member=st.sampled_from([None, "m1"]),
        channel=st.sampled_from(["mail", "screen"]),
        interest=st.just("1"),
        propensity=st.just(0.5),
        held_out=st.booleans(),
    ),
    min_size=2,
)


@given(_TELLINGS)
def test_of_tellings_of_one_time_the_same_stands_in_any_order(tellings: list[Made]) -> None:
    one, other = (joined([Told("c", made, None, START) for made in order])
                  for order in (tellings, tellings[::-1]))  # fmt: skip
    assert one.items() == other.items()
    stands = one.items()["c"].made
    assert stands is not None and stands.held_out == all(made.held_out for made in tellings)


@given(_TOLD)
def test_what_is_new_is_said_to_be(told: list[Told]) -> None:
    contacts = joined(told)
    for item in told:
        if item.made is not None:
            assert not contacts.tell(item.name, item.made)


def test_no_answer_is_one_after_a_time() -> None:
    contacts = Contacts()
    made = Made(START, None, "mail", "483", 0.5, False)
    contacts.tell("c", made)
    (held,) = contacts
    timeout = 7 * DAY_MS
    assert held.outcome(START + timeout - 1, timeout) is None
    assert held.outcome(START + timeout, timeout) is Reply.IGNORED
    contacts.answer("c", Reply.ACCEPTED, START + timeout + 1)
    contacts.answer("c", Reply.COMPLAINED, START + timeout + 2)
    assert held.outcome(START + timeout, timeout) is Reply.COMPLAINED
    assert held.late(timeout) == 2


def test_who_was_annoyed_is_forgotten_last() -> None:
    contacts = Contacts(3)
    contacts.tell("old", Made(START, None, "mail", "483", 0.5, False))
    contacts.answer("old", Reply.COMPLAINED, START + 1)
    for k in range(9):
        contacts.tell(f"c{k}", Made(START + 9 + k, None, "mail", "483", 0.5, False))
    assert sorted(contacts.items()) == ["c7", "c8", "old"]


# -- the rules, against a reading of them that counts at each moment ---------------------------

#: Close together, so that windows fill and their edges are met.
_CLOSE = st.integers(0, 8).map(lambda day: START + day * DAY_MS)
_DENSE = st.lists(
    st.tuples(
        st.builds(
            Made,
            ts=_CLOSE,
            member=st.sampled_from(["m1", "m1", None, "m2"]),
            channel=st.sampled_from(["mail", "mail", "screen"]),
            interest=st.sampled_from(["483", "483", "653"]),
            propensity=st.just(0.5),
            held_out=st.sampled_from([False, False, False, True]),
        ),
        st.dictionaries(st.sampled_from(Reply), _CLOSE, max_size=3),
    ),
    max_size=7,
).map(
    lambda contacts: [
        told
        for k, (made, answers) in enumerate(contacts)
        for told in (
            Told(f"c{k}", made, None, made.ts),
            *(Told(f"c{k}", None, answer, ts) for answer, ts in answers.items()),
        )
    ]
)
_DAYS = st.integers(1, 4)
_POLICIES = st.builds(
    ContactPolicy,
    answer_days=st.just(7),
    caps=st.lists(
        st.builds(Cap, st.booleans(), st.booleans(), st.booleans(), _DAYS, st.integers(1, 3)),
        max_size=2,
    ).map(tuple),
    pauses=st.lists(
        st.builds(
            Pause,
            st.integers(1, 3),
            _DAYS,
            st.sets(st.sampled_from(sorted(ANNOYED)), min_size=1).map(frozenset),
            _DAYS,
            st.sampled_from(["all", "channel", "interest"]),
        ),
        max_size=2,
    ).map(tuple),
    repeat_days=st.integers(0, 3),
    answered_days=st.integers(0, 3),
    quiet_from=st.just(0),
    quiet_until=st.just(0),
)


@settings(max_examples=500)
@given(_POLICIES, _DENSE, st.integers(-1, 13), st.sampled_from(["m1", "m1", None]))
def test_the_rules_forbid_what_they_say(
    policy: ContactPolicy, told: list[Told], day: int, member: str | None
) -> None:
    contacts, now = joined(told), START + day * DAY_MS
    for about in product(("483", "653"), ("mail", "screen")):
        may = policy.may(contacts, member, now, *about, 0)
        known = [(held.made, held.answers, held.member) for held in contacts]
        assert may != refused(policy, known, member, now, about)


@given(_POLICIES, _DENSE, st.integers(0, 8))
def test_a_rule_holds_until_its_time_and_no_longer(
    policy: ContactPolicy, told: list[Told], day: int
) -> None:
    contacts, now = joined(told), START + day * DAY_MS
    for item in policy.forbidden(contacts, "m1", now):
        name = item[:3]
        before = {
            found[:3]: found.until for found in policy.forbidden(contacts, "m1", item.until - 1)
        }
        after = {found[:3] for found in policy.forbidden(contacts, "m1", item.until)}
        assert before[name] == item.until
        assert name not in after


@pytest.mark.parametrize(("apart", "paused"), [(3 * DAY_MS, False), (3 * DAY_MS - 1, True)])
def test_annoyed_answers_count_together_within_their_days(apart: int, paused: bool) -> None:
    pause = Pause(2, 3, frozenset([Reply.DISMISSED]), 9, "all")
    policy = ContactPolicy(7, (), (pause,), 0, 0, 0, 0)
    contacts = Contacts()
    for name, ts in (("a", START), ("b", START + apart)):
        contacts.tell(name, Made(START, None, "mail", name, 0.5, False))
        contacts.answer(name, Reply.DISMISSED, ts)
    until = START + apart + 9 * DAY_MS
    said = [Forbidden(SuppressionReason.CONTACT_PAUSE, None, None, until)] if paused else []
    assert policy.forbidden(contacts, None, START + apart) == said


@settings(max_examples=60)
@given(st.randoms(use_true_random=False))
def test_who_heeds_the_rules_keeps_every_cap(chance: random.Random) -> None:
    contacts, now, spoken = Contacts(), START, list[Made]()
    for k in range(150):
        now += chance.randrange(6 * HOUR_MS)
        member = chance.choice([None, "m1", "m2"])
        interest, channel = chance.choice(["483", "653", "1"]), chance.choice(["mail", "screen"])
        if POLICY.may(contacts, member, now, interest, channel, 60):
            made = Made(now, member, channel, interest, 0.5, False)
            contacts.tell(f"c{k}", made)
            spoken.append(made)
            local = (now + HOUR_MS) % DAY_MS / HOUR_MS
            assert 8 <= local < 21
        if spoken and chance.random() < 0.1:
            contacts.answer(f"c{chance.randrange(k + 1)}", chance.choice([*Reply]), now)
    for made in spoken:
        inside = [c for c in spoken if made.ts <= c.ts < made.ts + 7 * DAY_MS]
        assert sum(c.member == made.member for c in inside) <= 2
        assert len([c for c in spoken if made.ts <= c.ts < made.ts + 30 * DAY_MS]) <= 8


@pytest.mark.parametrize(("hour", "tz", "ends"), [(22, 0, 8), (3, 0, 8), (12, 0, 0), (23, -300, 0),
                                                  (20, 60, 7), (8, 0, 0), (21, 0, 8)])  # fmt: skip
def test_quiet_hours_are_the_customers_own(hour: int, tz: int, ends: int) -> None:
    midnight = START - START % DAY_MS
    now = midnight + hour * HOUR_MS
    until = POLICY.quiet(now, tz)
    assert (until % DAY_MS // HOUR_MS if until else 0) == ends
    assert until == 0 or now < until <= now + 11 * HOUR_MS


def test_nothing_looks_back_beyond_the_horizon() -> None:
    contacts = Contacts()
    for answer in ANNOYED | GLAD:
        contacts.tell(answer, Made(START, None, "mail", "483", 0.5, False))
        contacts.answer(answer, answer, START)
    assert POLICY.forbidden(contacts, None, START)
    assert not POLICY.forbidden(contacts, None, START + POLICY.horizon_days * DAY_MS)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("schema = 1", "schema = 2", "schema"),
        ("answer_days = 7", "answer_days = 0", "answer_days"),
        ("answer_days = 7", "answer_days = true", "answer_days"),
        ("repeat_days = 14\n", "", "contact_policy.repeat_days"),
        ("from = 21", "from = 24", "quiet_hours.from"),
        ("most = 1", "most = 0", r"cap\[0\].most"),
        ('per = "household"', 'per = "street"', r"cap\[0\].per"),
        ('about = "all"', 'about = "some"', r"pause\[0\].about"),
        ('["dismissed"]', '["bought"]', r"pause\[1\].answers"),
        ("[quiet_hours]", "[quiet_hours]\nand = 1", "quiet_hours.and"),
        ("schema = 1", "schema =", "not TOML"),
    ],
)
def test_what_the_schema_does_not_know_is_named(old: str, new: str, named: str) -> None:
    with pytest.raises(PolicyError, match=named):
        contact_policy.parse_policy(TEXT.replace(old, new, 1))


def test_the_rules_are_read() -> None:
    assert isinstance(POLICY, ContactPolicy)
    assert [cap.most for cap in POLICY.caps] == [1, 2, 8]
