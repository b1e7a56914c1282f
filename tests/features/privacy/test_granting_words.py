"""Words that grant: one form and no other; and the file of words, checked."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.privacy import rules, words_file
from features.privacy.words_file import WordsError
from features.records.inputs import TS_END
from features.records.readings import Grant, Nothing, RefusalReading, Why
from features.vocabulary import Purpose
from tests.support.rights_facts import PROFILING, SPELLINGS, TS, said

# -- grants


def test_a_grant_in_the_form_of_the_contract() -> None:
    assert said("granted") == Grant(PROFILING)
    assert said("granted", None) == Grant(PROFILING)
    assert said("granted", "dpv:Marketing", TS + 1) == Grant(frozenset({Purpose.OFFERS}), TS + 1)
    for term, purpose in rules.load().terms.items():
        assert said("granted", term) == Grant(frozenset({purpose}))


@pytest.mark.parametrize("spelling", [name for name in SPELLINGS if name != "as it is"])
def test_a_grant_in_another_spelling_is_neither_a_grant_nor_a_refusal(spelling: str) -> None:
    assert said(SPELLINGS[spelling]("granted")) == Nothing("status")


@pytest.mark.parametrize(
    "word", ["dpv:ConsentGiven", "RenewedConsentGiven", "accepted", "OPT-IN", "active", True, 1]
)
def test_a_word_that_is_known_to_grant_is_no_grant(word: Any) -> None:
    assert said(word) == Nothing("status")


@pytest.mark.parametrize("purpose", ["dpv:Profiling", "profiling ", "all", "*", "weather", "", 3])
def test_a_grant_needs_a_term_of_the_rules(purpose: Any) -> None:
    assert said("granted", purpose) == Nothing("purpose")


@pytest.mark.parametrize(
    "end",
    [
        2**63 - 1,
        253_402_300_799_000,
        "9999-12-31",
        "2099-01-01T00:00:00Z",
        TS_END,
        str(TS + 1),
        TS + 0.5,
        True,
        "never",
        "",
        [],
        {},
        10**30,
    ],  # fmt: skip
)
def test_for_ever_is_said_by_leaving_the_end_out(end: Any) -> None:
    """A sentinel, or what is no time, is no end that can be read: so it is no grant."""
    assert said("granted", end=end) == Nothing("expires_at")


@pytest.mark.parametrize("end", [0, -1, -(2**63), 0.0, "0", TS // 1000, TS, TS - 1, "-1"])
def test_a_grant_that_is_over_before_it_begins_refuses(end: Any) -> None:
    assert said("granted", end=end) == RefusalReading(PROFILING, Why.EXPIRED)
    assert said("dpv:ConsentGiven", end=end) == RefusalReading(PROFILING, Why.EXPIRED)


def test_a_grant_needs_a_time() -> None:
    assert said("granted", ts=None) == Nothing("time")
    assert said("granted", ts=None, end=0) == RefusalReading(PROFILING, Why.EXPIRED)


@given(st.text(max_size=20).filter(lambda word: word != "granted"))
def test_no_other_text_grants(word: str) -> None:
    assert not isinstance(said(word), Grant)


# -- the file

GOOD = """
schema = 1
[status]
granting = ["granted"]
negations = ["not"]
[status.refusing]
denied = ["denied"]
[status.stems]
withdrawn = ["withdr"]
[purpose]
all = ["all"]
foreign = ["billing"]
[purpose.refusing]
offers = ["ads"]
[kind]
erasure = ["erasure"]
consent = ["consent"]
withdrawal = ["withdrawal"]
objection = ["optout"]
registry = ["device"]
declaration = ["declaration"]
care_case = ["carecase"]
mandate = ["mandate"]
other = ["purchase"]
rights = ["eras"]
[field]
status = ["state"]
[child]
adult = ["adult"]
child = ["minor"]
age = ["age"]
birth = ["born"]
role = ["role"]
of_age = ["fullage"]
guardian = ["guardian"]
supervised = ["childlock"]
settings = ["mode"]
unset = ["disabled"]
around = ["is"]
yes = ["yes"]
no = ["no"]
grown = ["senior"]
units = ["years"]
whole = ["son"]
beside = ["step"]
other = ["note"]
words = ["kid"]
[said]
consent = ["consented"]
tails = ["flag"]
other_consent = ["vendor"]
permission = ["optouts"]
closed = ["closed"]
liked = ["like"]
unsubscribed = ["unsubscri"]
complained = ["spam"]
[signal]
names = ["gpc"]
around = ["sec"]
off = ["false"]
codes = ["gcs"]
states = ["att"]
ids = ["idfa"]
barred = ["unasked"]
lists = ["robinson"]
on = ["true"]
of_lists = ["tags"]
[allowed]
opting = ["opt"]
out = ["out"]
allowing = ["may"]
allowed = ["permitted"]
doing = ["call"]
around = ["we"]
technical = ["roam"]
no = ["never"]
stopping = ["paus"]
[text]
never = ["dont"]
stops = ["stop"]
uses = ["profiling"]
wished = ["track"]
own = ["data"]
mine = ["me"]
asks = ["please"]
between = ["the"]
otherwise = ["plan"]
phrases = ["forgetme"]
"""


def test_the_smallest_file_is_read() -> None:
    found = words_file.parse(GOOD, {"dpv:marketing": Purpose.OFFERS})
    assert found.purposes == {
        "marketing": {"offers"},
        "ads": {"offers"},
        "all": set(Purpose),
        "billing": set(),
    }


def test_a_term_of_the_rules_goes_before_the_lists() -> None:
    found = words_file.parse(GOOD, {"billing": Purpose.OFFERS})
    assert found.purposes["billing"] == {"offers"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("schema = 1", "schema = 2", "schema"),
        ("schema = 1", "schema = ", "not TOML"),
        ('["not"]', '["not"]\nmore = []', "status"),
        ('["granted"]', '["denied"]', "read as refusing"),
        ('["granted"]', '["unwithdrawn"]', "read as refusing"),
        ('["denied"]', '["Denied"]', "squeezed"),
        ('["denied"]', "7", "a list"),
        ("denied =", "refused =", "refused"),
        ('["billing"]', '["ads"]', "two lists"),
        ("offers =", "parties =", "parties"),
        ('["erasure"]', '["consent"]', "stands under"),
        ("rights =", "wrongs =", "kind"),
        ("closed =", "open =", "said"),
        ("off =", "of =", "signal"),
        ("doing =", "done =", "allowed"),
        ("wished =", "hoped =", "text"),
    ],
)
def test_a_file_that_is_not_as_it_should_be(old: str, new: str, message: str) -> None:
    assert GOOD.count(old) == 1
    with pytest.raises(WordsError, match=message):
        words_file.parse(GOOD.replace(old, new), {"dpv:marketing": Purpose.OFFERS})
