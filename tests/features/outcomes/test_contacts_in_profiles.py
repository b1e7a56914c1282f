"""Nothing that a policy of contact forbids is advised in a profile, whatever comes (I15).

Contacts, answers, time, erasures, commits and restarts come at random; the rules are read one by
one by `tests.oracle.contact_rules`, and compared with every profile after every commit.
"""

from __future__ import annotations

import json
import random
from itertools import product
from typing import Any, Final

import pytest

from features.config import Config
from features.outcomes.contact_policy import parse_policy
from features.outcomes.contacts import Made
from features.records.inputs import INPUTS
from features.tags.exact import TagEntry
from features.vocabulary import Reply, SuppressionReason
from tests.oracle.contact_rules import Known, refused
from tests.support.contact_rules import POLICY, RULES
from tests.support.feeding import DAY, START, Feed, Record, Stream, stance

INTERESTS, CHANNELS = ("483", "653"), ("mail", "screen")
MEMBERS: Final = (None, "m1", "m2")
_OF_CONTACTS = frozenset({
    SuppressionReason.CONTACT_CAP, SuppressionReason.CONTACT_PAUSE, SuppressionReason.CONTACTED,
    SuppressionReason.ANSWERED,
})  # fmt: skip
TABLE = {f"host:h{i}.example": TagEntry(((i, 1.0),), "test", 1.0) for i in INTERESTS}
SUBJECTS = {None: "a", "m1": "a/m1", "m2": "a/m2"}


class Model:
    """A household whose people like both interests, and all that it was spoken to about."""

    def __init__(self, seed: int, config: Config) -> None:
        self.chance = random.Random(seed)
        self.feed = Feed()
        self.stream = Stream(config, TABLE)
        self.told: dict[tuple[str | None, str], tuple[list[Made], list[tuple[Reply, int]]]] = {}
        self.log: list[Record] = []
        self.day = 2.0
        self.erased_at = -1
        self._begin()

    def take(self, *records: Record) -> list[str]:
        """Fold records, and remember them."""
        self.log += records
        return self.stream.feed(*records)

    def _begin(self) -> None:
        self.take(self.feed.consent("a", 0.0))
        for member, interest in product(MEMBERS, INTERESTS):
            who = {} if member is None else {"member_id": member}
            self.take(
                self.feed.visit("a", 0.5, f"h{interest}.example", **who),
                self.feed.fact("a", 0.6, "declaration", interest=interest, stance="like", **who),
            )
        self.take(self.feed.visit("a", 2.0, "h483.example"))

    def known(self) -> list[Known]:
        """The contacts, joined: of each the earliest telling, and of each answer the first."""
        found: list[Known] = []
        for (member, _), (made, answers) in self.told.items():
            first = min(made, key=lambda m: (m.ts, m.held_out)) if made else None
            earliest: dict[Reply, int] = {}
            for reply, ts in answers:
                earliest[reply] = min(ts, earliest.get(reply, ts))
            found.append((first, earliest, member))
        return found

    def step(self) -> None:
        """Do one thing."""
        match self.chance.choices(["contact", "answer", "again", "time", "erase"],
                                  [40, 25, 10, 30, 3])[0]:  # fmt: skip
            case "contact":
                self.contact()
            case "answer":
                self.answer()
            case "again":
                self.take(self.chance.choice(self.log[14:] or self.log[-1:]))
            case "time":
                self.day += self.chance.choice([0.1, 0.4, 1.0, 2.5])
                self.take(self.feed.tick(self.day))
            case "erase":
                self.erase()

    def _named(self) -> tuple[str | None, str, dict[str, Any], float]:
        number = self.chance.randrange(60)
        member = MEMBERS[number % 3]
        who = {} if member is None else {"member_id": member}
        day = round(self.day - self.chance.choice([0.0, 0.0, 0.3, 1.5]), 2)
        return member, f"c{number}", who, day

    def _remember(
        self, member: str | None, name: str, day: float
    ) -> tuple[list[Made], list[tuple[Reply, int]]] | None:
        if member == "m2" and START + int(day * DAY) <= self.erased_at:
            return None
        return self.told.setdefault((member, name), ([], []))

    def contact(self) -> None:
        """Somebody is spoken to, or held out; of one name a telling differs in its time alone."""
        member, name, who, day = self._named()
        fixed = random.Random(name)
        channel, interest = fixed.choice(CHANNELS), fixed.choice(INTERESTS)
        held_out = fixed.random() < 0.2
        made = Made(START + int(day * DAY), member, channel, interest, 1.0, held_out)
        if (mine := self._remember(member, name, day)) is not None:
            mine[0].append(made)
        told = {"contact_id": name, "channel": channel, "interest": interest, "held_out": held_out}
        self.take(self.feed.record(INPUTS.outcomes, "a", day, kind="contact", **told, **who))

    def answer(self) -> None:
        """An answer comes, perhaps before its contact does."""
        member, name, who, day = self._named()
        reply = self.chance.choice([*Reply])
        if (mine := self._remember(member, name, day)) is not None:
            mine[1].append((reply, START + int(day * DAY)))
        told = {"contact_id": name, "answer": reply}
        self.take(self.feed.record(INPUTS.outcomes, "a", day, kind="answer", **told, **who))

    def erase(self) -> None:
        """One member is erased, with all that was said to him, and grants anew, by name."""
        self.day += 2.0  # nothing of him lies ahead
        self.take(self.feed.tick(self.day))
        self.take(self.feed.fact("a", self.day, "erasure", member_id="m2"))
        self.erased_at = START + int(self.day * DAY)
        self.told = {name: told for name, told in self.told.items() if name[0] != "m2"}
        self.stream.commit()
        self.check()
        self.day += 0.01
        self.take(self.feed.consent("a", self.day, member_id="m2"))
        self.take(self.feed.consent("a", self.day, purpose="offers", member_id="m2"))
        for interest in INTERESTS:
            like = {"interest": interest, "stance": "like", "member_id": "m2"}
            self.take(self.feed.fact("a", self.day + 0.01, "declaration", **like))
        self.day += 0.02
        self.erased_at = START + int((self.day - 0.02) * DAY) - 1

    def check(self) -> None:
        """Compare what is published with the rules, in both directions."""
        now, known = self.stream.engine.store.now, self.known()
        for member, subject in SUBJECTS.items():
            profile = self.stream.profile(subject)
            if profile is None:
                assert member == "m2"
                continue
            offers = json.loads(self.stream.offers[subject.encode()])
            for interest, channel in product(INTERESTS, CHANNELS):
                wrong = refused(RULES.contact, known, member, now, (interest, channel))
                by = _silenced(profile, interest, channel)
                assert bool(by) == wrong, (subject, interest, channel, self.day)
                assert all(item["until"] > now for item in by)
                advised = stance(profile, interest) == "engage"
                assert advised == any(item["id"] == interest for item in offers["engage"])
                by_any = [item for item in by if "channel" not in item]
                assert not (advised and by_any), (subject, interest, by_any)
                assert bool(by) <= bool(_silenced(offers, interest, channel) or not advised)
            _check_ends(profile)


def _check_ends(profile: Any) -> None:
    """What is avoided, for it was spoken of, is so until the last of that ends."""
    for item in profile["interests"]:
        if item["stance"] == "avoid":
            ends = [one["until"] for one in profile["suppressions"]
                    if one["scope"] == item["id"] and "channel" not in one]  # fmt: skip
            assert item["until"] == max(ends)


def _silenced(profile: Any, interest: str, channel: str) -> list[Any]:
    return [
        item
        for item in profile["suppressions"]
        if item["reason"] in _OF_CONTACTS
        and item["scope"] in ("all", interest)
        and item.get("channel", channel) == channel
    ]


@pytest.mark.parametrize("seed", range(12))
def test_what_is_forbidden_is_never_advised(seed: int) -> None:
    model = Model(seed, Config(rules=RULES))
    for _ in range(120):
        model.step()
        if model.chance.random() < 0.5:
            model.stream.commit()
            if model.chance.random() < 0.3:
                model.stream.restart()
            model.check()


@pytest.mark.parametrize("seed", range(3))
def test_cuts_and_restarts_change_nothing(seed: int) -> None:
    model = Model(seed, Config(rules=RULES))
    for _ in range(80):
        model.step()
        if model.chance.random() < 0.5:
            model.stream.commit()
            model.stream.restart()
    model.stream.commit()
    once = Stream(model.stream.config, TABLE)
    once.feed(*model.log)
    once.commit()
    kept = [{k: v for k, v in of.state.items() if k[:2] in (b"t/", b"c/", b"i/")}
            for of in (model.stream, once)]  # fmt: skip
    assert kept[0] == kept[1]
    for subject in SUBJECTS.values():
        one, other = (of.engine.profile(subject.encode()) for of in (model.stream, once))
        assert _acted_on(one) == _acted_on(other)


def _acted_on(value: bytes | None) -> Any:
    profile = json.loads(value or b"null")
    return profile and {**profile, "version": 0}


def test_the_policy_of_the_test_has_every_rule() -> None:
    policy = parse_policy(POLICY)
    assert {pause.about for pause in policy.pauses} == {"all", "channel", "interest"}
    assert {cap.household for cap in policy.caps} == {True, False}
