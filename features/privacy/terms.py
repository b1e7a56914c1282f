"""Puts facts about rights into our words: any word refuses a purpose, only ours grant one.

Whatever was not in the form of the contract is named, so that somebody mends its producer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from features.privacy.person import ATTRIBUTION
from features.privacy.rules import Rules
from features.records.facts import (
    CareCase,
    Consent,
    ContactAnswer,
    Declaration,
    Erasure,
    Fact,
    Refused,
    Registry,
)
from features.records.readings import Nothing, RefusalReading
from features.vocabulary import ConsentStatus, Tolerated

_READ: Final = {
    CareCase: Tolerated.CARE_CASE,
    Declaration: Tolerated.DISLIKE,
    ContactAnswer: Tolerated.ANSWER,
}


def understood(fact: Fact, rules: Rules) -> tuple[Fact | None, Tolerated | None]:
    """A fact in our words, None where it says nothing here; and how, where it was not in form."""
    match fact.said:
        case Refused():
            return fact, Tolerated.REFUSAL
        case Registry():
            return fact, Tolerated.CHILD if fact.tolerated else None
        case Erasure():
            return fact, Tolerated.ERASURE if fact.tolerated else None
        case CareCase() | Declaration() | ContactAnswer() if fact.tolerated:
            return fact, _READ[type(fact.said)]
        case Consent() as said if said.purpose.lower() == ATTRIBUTION:
            return fact, None
        case Consent() as said if rules.purpose(said.purpose) is None:
            ends = [] if said.expires_at is None else [said.expires_at]
            match rules.words.read([said.status], [said.purpose], ends, fact.ts):
                case RefusalReading(purposes, why):
                    refused = Refused(tuple(sorted(purposes)), ConsentStatus[why.name])
                    return replace(fact, said=refused), Tolerated.REFUSED_PURPOSE
                case Nothing("foreign"):
                    return None, None
                case _:
                    return None, Tolerated.GRANTED_PURPOSE
    return fact, None
