"""Names the readings of a fact: a grant, a refusal, an erasure, a doubt, or nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import TypeAlias

from features.vocabulary import Purpose, Reply


class Why(IntEnum):
    """The ground on which a permission does not hold; the greater is the graver."""

    PENDING = 1
    REQUESTED = 2
    DENIED = 3
    EXPIRED = 4
    WITHDRAWN = 5
    OBJECTED = 6


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant of purposes, until a time in ms or without end."""

    purposes: frozenset[Purpose]
    until: int | None = None


@dataclass(frozen=True, slots=True)
class RefusalReading:
    """A refusal of purposes."""

    purposes: frozenset[Purpose]
    why: Why


@dataclass(frozen=True, slots=True)
class ErasureReading:
    """A request to erase."""


@dataclass(frozen=True, slots=True)
class ChildReading:
    """That a device is a child's, and its owner one; as far as they can be read.

    Attributes
    ----------
    others : tuple of str
        Further members who are called children.
    own : bool
        Whether it says so of the device and its owner, and not of others alone.
    """

    device: str | None = None
    owner: str | None = None
    others: tuple[str, ...] = ()
    own: bool = True


@dataclass(frozen=True, slots=True)
class CaseReading:
    """That a care case is open, or may be."""

    case_id: str


@dataclass(frozen=True, slots=True)
class DislikeReading:
    """That interests are disliked, or may be."""

    interests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AnswerReading:
    """That somebody doesn't want to be spoken to, by what he answered to a contact."""

    contact_id: str
    answer: Reply


@dataclass(frozen=True, slots=True)
class Undecided:
    """A fact that may be a refusal of purposes, and why that can't be told; a person decides."""

    reason: str
    purposes: frozenset[Purpose] = field(default=frozenset(Purpose), compare=False)


@dataclass(frozen=True, slots=True)
class Nothing:
    """A fact that neither grants nor refuses anything here, and why."""

    reason: str


#: What protects, in a reading.
Protecting: TypeAlias = (
    RefusalReading
    | ErasureReading
    | ChildReading
    | CaseReading
    | DislikeReading
    | AnswerReading
    | Undecided
)
Reading: TypeAlias = Protecting | Grant | Nothing


class RightsKind(Enum):
    """The kinds of fact, by what they say of permissions; two have the status they stand for."""

    ERASURE = "erasure"
    CONSENT = "consent"
    WITHDRAWAL = "withdrawn"
    OBJECTION = "objected"
    REGISTRY = "registry"
    DECLARATION = "declaration"
    CASE = "care_case"
    MANDATE = "mandate"
    RIGHTS = "rights"  # unknown, but it sounds of rights
    OTHER = "other"  # says nothing about permissions
    UNKNOWN = "unknown"
