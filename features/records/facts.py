"""Defines the facts about a customer, and what came of offers: one frozen type per kind.

The fields are those of `features.records.inputs.FACT_FIELDS` and `OUTCOME_FIELDS`; None is what is
absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Final, TypeAlias, get_args

from features.vocabulary import FactKind, Opinion, OutcomeKind, Purpose


@dataclass(frozen=True, slots=True)
class Consent:
    """Consent given or withdrawn; `status` is a `ConsentStatus`, `expires_at` in ms."""

    kind: ClassVar[FactKind] = FactKind.CONSENT
    status: str
    purpose: str = Purpose.PROFILING
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class Declaration:
    """An opinion on an interest; `stance` is an `Opinion`, `asked` whether it is an answer."""

    kind: ClassVar[FactKind] = FactKind.DECLARATION
    interest: str
    stance: str
    asked: bool | None = None


@dataclass(frozen=True, slots=True)
class Purchase:
    """Something was bought, or brought back."""

    kind: ClassVar[FactKind] = FactKind.PURCHASE
    interest: str
    product: str | None = None
    quiet_days: int | None = None
    returned: bool | None = None


@dataclass(frozen=True, slots=True)
class DecisionAgainst:
    """An offer was turned down."""

    kind: ClassVar[FactKind] = FactKind.DECISION_AGAINST
    interest: str
    quiet_days: int | None = None


@dataclass(frozen=True, slots=True)
class CareCase:
    """A customer waits for help, or no more; `status` is a `CaseStatus`."""

    kind: ClassVar[FactKind] = FactKind.CARE_CASE
    case_id: str
    status: str


@dataclass(frozen=True, slots=True)
class Registry:
    """The owner of a device; without one it is the household's."""

    kind: ClassVar[FactKind] = FactKind.REGISTRY
    device_id: str
    owner_member_id: str | None = None
    adult: bool | None = None


@dataclass(frozen=True, slots=True)
class Erasure:
    """Everything known so far is to be forgotten."""

    kind: ClassVar[FactKind] = FactKind.ERASURE


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal of some purposes in other words than the contract's."""

    kind: ClassVar[FactKind] = FactKind.CONSENT
    purposes: tuple[Purpose, ...]
    status: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Tells what time it is, ms: a worker's record in a silent partition, about no account.

    One without a time only moves the offset.
    """

    kind: ClassVar[str] = "tick"
    now: int | None = None


@dataclass(frozen=True, slots=True)
class SharedPart:
    """A part of the model of all partitions: a worker's record, about no account.

    Attributes
    ----------
    part : str
    day : int
        Local day since 1970 up to which it goes.
    data : str
        Base64 of `features.models.exchange.part_bytes`.
    ts : int
        When it was written, ms: its place in the sequence.
    until : int
        Day up to which it has what this partition gave; -1 for nothing.
    of : str
        Which merged model it is a part of: only all parts of one are taken.
    """

    kind: ClassVar[str] = "shared_model"
    part: str
    day: int
    data: str
    ts: int
    until: int
    of: str


@dataclass(frozen=True, slots=True)
class Doubted:
    """Some purposes may have been refused; a person has to decide."""

    kind: ClassVar[FactKind] = FactKind.CONSENT
    purposes: tuple[Purpose, ...]


@dataclass(frozen=True, slots=True)
class Several:
    """Several facts in one record: of several persons, or beside each other."""

    kind: ClassVar[FactKind] = FactKind.CONSENT
    parts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class ContactMade:
    """Somebody was spoken to about an interest, or would have been but for a draw."""

    kind: ClassVar[OutcomeKind] = OutcomeKind.CONTACT
    contact_id: str
    channel: str
    interest: str
    propensity: float = 1.0
    held_out: bool = False
    stance: str | None = None
    profile_version: int | None = None


@dataclass(frozen=True, slots=True)
class ContactAnswer:
    """An answer to a contact, a `Reply`."""

    kind: ClassVar[OutcomeKind] = OutcomeKind.ANSWER
    contact_id: str
    answer: str


#: Facts about an interest: kept only under consent for profiling.
AboutInterest: TypeAlias = Declaration | Purchase | DecisionAgainst
#: What is kept as the latest word of its name.
Lasting: TypeAlias = AboutInterest | CareCase | Registry
#: What came of an offer.
OutcomeSaid: TypeAlias = ContactMade | ContactAnswer
Statement: TypeAlias = (
    Consent | Refused | Doubted | Several | Lasting | Erasure | Tick | SharedPart | OutcomeSaid
)

LASTING: Final[Mapping[FactKind, type[Lasting]]] = {
    said.kind: said for said in (Declaration, Purchase, DecisionAgainst, CareCase, Registry)
}
STATEMENTS: Final[Mapping[FactKind, type[Statement]]] = {
    Consent.kind: Consent,
    **LASTING,
    Erasure.kind: Erasure,
}
OUTCOMES: Final[Mapping[OutcomeKind, type[OutcomeSaid]]] = {
    ContactMade.kind: ContactMade,
    ContactAnswer.kind: ContactAnswer,
}


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact about a subscriber, stated at `ts` (ms); `member_id` None: of the account.

    `tolerated` is what was not in form (`features.records.tolerated`), `beside` whether the record
    had more fields than those of the contract, or such without a value.
    """

    event_id: str
    account_id: str
    member_id: str | None
    ts: int
    said: Statement
    tolerated: bool = False
    beside: bool = field(default=False, compare=False)


def as_kept(said: AboutInterest) -> AboutInterest:
    """A fact as it is kept: what is not liked any more is disliked, whoever asked."""
    if not isinstance(said, Declaration):
        return said
    gone = said.stance == Opinion.NOT_ANY_MORE
    return Declaration(said.interest, Opinion.DISLIKE if gone else said.stance)


def is_doubted(said: Statement) -> bool:
    """Whether a person has to decide on it, or on a part of it."""
    if isinstance(said, Several):
        return any(is_doubted(part.said) for part in said.parts)
    return isinstance(said, Doubted)


def present(said: Statement) -> dict[str, Any]:
    """The fields that are present."""
    names = _NAMES[type(said)]
    return {name: value for name in names if (value := getattr(said, name)) is not None}


_NAMES: Final[Mapping[type, tuple[str, ...]]] = {
    statement: tuple(item.name for item in fields(statement)) for statement in get_args(Statement)
}
