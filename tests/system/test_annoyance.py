"""The seeds of annoyance: what must not be offered, as profiles before and after.

Every scenario is a household whose behaviour alone says "engage": an open question, something
bought yesterday, anger. Whom not to talk to is part of the answer.
"""

from __future__ import annotations

from importlib import resources
from typing import Any

import pytest

from features.config import Config
from features.privacy import rules
from features.privacy.rules import RulesError
from features.tags.exact import TagEntry
from features.tags.taxonomy import load
from tests.support.feeding import DAY, START, Feed, Stream, stance

SUV, SEDAN, CARS, PARTS = "6", "4", "2", "32"
PHONES, ELECTRONICS, PIZZA, SPORTS, BOOKS = "635", "632", "210", "483", "42"
INTERESTS = {
    "suv": SUV,
    "sedan": SEDAN,
    "parts": PARTS,
    "phones": PHONES,
    "pizza": PIZZA,
    "sports": SPORTS,
    "books": BOOKS,
}
TABLE = {
    f"host:{name}.example": TagEntry(((interest, 1.0),), "test", 1.0)
    for name, interest in INTERESTS.items()
}
WHO = "acc-1"


class Household:
    """One that for ten days does what it is told, and publishes every day.

    Others do something else, so that there is a population to stand out from.
    """

    def __init__(self, *daily: str) -> None:
        self.feed = Feed()
        self.stream = Stream(Config(), TABLE)
        self.daily = daily
        self.day = self.facts = 0
        crowd = [f"other-{number}" for number in range(12)]
        self.stream.feed(*[self.feed.consent(account, 0) for account in (WHO, *crowd)])
        for _ in range(10):
            self.live(crowd)
        self.crowd = crowd

    def live(self, crowd: list[str]) -> None:
        """A day of the household and of the others."""
        records = [self.feed.visit(WHO, self.day + 0.5, f"{name}.example") for name in self.daily]
        records += [self.feed.visit(account, self.day + 0.6, "books.example") for account in crowd]
        self.stream.feed(*records)
        self.stream.commit()
        self.day += 1

    def go_on(self, days: int) -> None:
        """Live on for some days."""
        for _ in range(days):
            self.live(self.crowd)

    def told(self, kind: str, **fields: Any) -> None:
        """A fact of now, seconds after the one before: of one time what forbids would win."""
        self.facts += 1
        self.stream.feed(self.feed.fact(WHO, self.day + self.facts / 10_000, kind, **fields))
        self.stream.commit()

    def says(self, interest: str, who: str = WHO) -> str | None:
        """Stance towards an interest in the published profile."""
        return stance(self.stream.profile(who), interest)

    def suppressed(self) -> dict[str, str]:
        """Reason by scope."""
        return {item["scope"]: item["reason"] for item in self.stream.profile(WHO)["suppressions"]}

    def reasons(self, interest: str) -> set[str]:
        """Reason codes of an interest."""
        return {
            reason["code"]
            for item in self.stream.profile(WHO)["interests"]
            if item["id"] == interest
            for reason in item["reasons"]
        }


def test_bought_yesterday() -> None:
    home = Household("suv", "sedan", "sports")
    assert home.says(SUV) == home.says(SEDAN) == home.says(SPORTS) == "engage"
    home.told("purchase", interest=SUV, product="p-1")
    assert home.says(SUV) == "avoid" and "suppressed" in home.reasons(SUV)
    assert home.says(SEDAN) == "avoid"  # nobody buys a second car the day after
    assert home.says(SPORTS) == "engage"
    assert home.suppressed()[SUV] == home.suppressed()[SEDAN] == "purchase"


def test_a_relative_that_comes_up_later_is_quiet_too() -> None:
    home = Household("suv")
    home.told("purchase", interest=SUV)
    home.daily = ("suv", "sedan", "parts")
    home.go_on(8)
    assert home.says(SEDAN) == "avoid"
    assert home.says(PARTS) == "engage"  # parts for the new car are another matter


def test_a_pizza_is_forgotten_sooner_than_a_telephone() -> None:
    home = Household("pizza", "phones")
    home.told("purchase", interest=PIZZA)
    home.told("purchase", interest=PHONES)
    assert home.says(PIZZA) == home.says(PHONES) == "avoid"
    home.go_on(3)
    assert home.says(PIZZA) == "engage" and home.says(PHONES) == "avoid"


def test_given_back() -> None:
    home = Household("phones")
    home.told("purchase", interest=PHONES)
    assert home.says(PHONES) == "avoid"
    home.told("purchase", interest=PHONES, returned=True)
    assert home.says(PHONES) == "engage" and not home.suppressed()


def test_the_fact_s_own_days_go_before_the_rules() -> None:
    home = Household("phones")
    home.told("purchase", interest=PHONES, quiet_days=2)
    home.go_on(4)
    assert home.says(PHONES) == "engage"


def test_decided_against() -> None:
    home = Household("phones", "sports")
    home.told("decision_against", interest=PHONES)
    assert home.says(PHONES) == "avoid"
    assert home.suppressed() == dict.fromkeys((PHONES, ELECTRONICS), "decision_against")
    assert home.says(SPORTS) == "engage"


def test_angry_with_a_fault_open() -> None:
    home = Household("phones", "sports")
    home.told("care_case", case_id="c-7", status="opened")
    assert home.says(PHONES) == home.says(SPORTS) == "hold"
    assert home.suppressed() == {"all": "care_case"} and "care_case" in home.reasons(SPORTS)
    home.told("care_case", case_id="c-7", status="closed")
    assert home.says(PHONES) == home.says(SPORTS) == "engage" and not home.suppressed()


def test_a_like_declared_against_the_behaviour() -> None:
    home = Household("sports")
    assert home.says(PHONES) is None
    home.told("declaration", interest=PHONES, stance="like")
    assert home.says(PHONES) == "engage" and "declared_like" in home.reasons(PHONES)
    home.go_on(60)  # behaviour would have faded; what was said holds for a year
    assert home.says(PHONES) == "engage"
    home.told("declaration", interest=PHONES, stance="neutral")
    assert home.says(PHONES) != "engage"


def test_a_dislike_declared_against_the_behaviour() -> None:
    home = Household("sports")
    home.told("declaration", interest=SPORTS, stance="dislike")
    assert home.says(SPORTS) == "avoid" and home.suppressed() == {SPORTS: "dislike"}
    home.go_on(20)
    assert home.says(SPORTS) == "avoid"


def test_a_fleeting_week() -> None:
    """Guests watched something else for two evenings: a trend, not a love."""
    home = Household("sports")
    home.daily = ("sports", "phones")
    home.go_on(2)
    home.daily = ("sports",)
    home.go_on(14)
    shown = {item["id"]: item for item in home.stream.profile(WHO)["interests"]}
    assert shown[SPORTS]["stance"] == "engage"
    phones = shown.get(PHONES, {"stance": "hold", "score": 0.0})  # if it is shown at all
    assert phones["stance"] != "engage" and phones["score"] < shown[SPORTS]["score"] / 2


def test_offers_refused() -> None:
    home = Household("sports")
    home.told("consent", purpose="dpv:DirectMarketing", status="withdrawn")
    assert home.says(SPORTS) == "hold" and home.suppressed() == {"all": "no_consent_offers"}
    home.told(
        "consent", purpose="marketing", status="granted", expires_at=START + (home.day + 2) * DAY
    )
    assert home.says(SPORTS) == "engage"
    home.go_on(4)  # the grant ran out
    assert home.says(SPORTS) == "hold" and home.suppressed() == {"all": "no_consent_offers"}


def test_offers_refused_before_anything_else_was_known() -> None:
    feed, stream = Feed(), Stream(Config(), TABLE)
    stream.feed(
        feed.consent(WHO, 5, "denied", purpose="marketing"),
        feed.consent(WHO, 1),
        feed.visit(WHO, 4, "sports.example"),
        feed.visit(WHO, 4, "sports.example", member_id="m1"),
    )
    stream.commit()
    for who in (WHO, f"{WHO}/m1"):
        (item,) = stream.profile(who)["suppressions"]
        assert (item["scope"], item["reason"]) == ("all", "no_consent_offers")


def test_a_child_is_not_profiled() -> None:
    home = Household("sports")
    home.stream.feed(home.feed.visit(WHO, home.day, "phones.example", member_id="kid"))
    home.stream.commit()
    assert home.stream.profile(f"{WHO}/kid")
    home.told("registry", device_id="tab-1", owner_member_id="kid", adult=False)
    assert home.stream.profile(f"{WHO}/kid") is None
    assert f"s/{WHO}/kid".encode() not in home.stream.state
    outcome = home.stream.feed(home.feed.visit(WHO, home.day, "phones.example", member_id="kid"))
    assert outcome == ["suppressed"]
    assert home.says(SPORTS) == "engage"  # the household goes on


def test_a_child_s_shared_device_holds_the_household() -> None:
    home = Household("sports")
    home.told("registry", device_id="tab-1", adult=False)
    assert home.says(SPORTS) == "hold" and home.suppressed() == {"all": "child_device"}
    home.told("registry", device_id="tab-1", owner_member_id="kid", adult=False)
    assert home.says(SPORTS) == "engage"


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("like_days = 365", "like_days = 0", "declared.like_days"),
        ("like_days = 365\n", "", "declared.like_days"),
        ('"siblings"]', '"cousins"]', r"class\[0\].relatives"),
        ('interests = ["441"]', 'interests = ["nope"]', r"class\[0\].interests"),
        ('interests = ["*"]', 'interests = ["1"]', "class: none"),
        ('unsaid = "default"', 'unsaid = "deny"', "purposes.profiling.unsaid"),
        ("schema = 1", "schema = 2", "schema"),
    ],
)
def test_rules_are_held_to_their_schema(old: str, new: str, named: str) -> None:
    text = resources.files("features.data").joinpath("suppression.toml").read_text("utf-8")
    assert rules.parse(text, load()).fingerprint == rules.load().fingerprint
    assert old in text
    with pytest.raises(RulesError, match=named):
        rules.parse(text.replace(old, new, 1), load())
