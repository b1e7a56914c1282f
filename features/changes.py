"""Says what one commit must write."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from features.models.verdicts import Opined
from features.vocabulary import ContactNews, FactKind, Reply, Tolerated


class ProfileRecord(NamedTuple):
    """A profile to publish; without a value, a subject to forget."""

    key: bytes
    value: bytes | None
    version: int
    as_of: int  # event time, ms


@dataclass
class Changes:
    """The records that one commit must write; values of None are tombstones.

    Attributes
    ----------
    profiles : list of ProfileRecord
    offers : list of ProfileRecord
        What of the same profiles is acted on, where that differs from what was written before, and
        the same tombstones: of each the key, version and time of its profile, in the same order.
    state : dict of bytes to bytes or None
        Changelog records by key.
    receipts : list of (bytes, bytes)
        Of erasures: mark and receipt, neither with an identifier.
    tolerated : Counter of Tolerated
        Facts that were not in form, by how they were read.
    evicted : Counter of FactKind
        Facts that were let go for later ones, by kind.
    contacted : Counter of ContactNews or Reply
        What is new of contacts.
    answered : Counter of Opined
        Opinions that were declared, beside what behaviour said.
    lesson : bytes or None
        What the partition learned since the model of all partitions that it stands on, where a
        day has closed: `features.models.exchange.contribution`.
    """

    profiles: list[ProfileRecord] = field(default_factory=list)
    offers: list[ProfileRecord] = field(default_factory=list)
    state: dict[bytes, bytes | None] = field(default_factory=dict)
    receipts: list[tuple[bytes, bytes]] = field(default_factory=list)
    tolerated: Counter[Tolerated] = field(default_factory=Counter)
    evicted: Counter[FactKind] = field(default_factory=Counter)
    contacted: Counter[ContactNews | Reply] = field(default_factory=Counter)
    answered: Counter[Opined] = field(default_factory=Counter)
    lesson: bytes | None = None
