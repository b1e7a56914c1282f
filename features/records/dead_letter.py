"""Describes a refused record, from where it is refused to the topic ``dead-letters``."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A refused record: the reason, its topic, partition and offset, and its bytes.

    Attributes
    ----------
    reason : str
        A `features.vocabulary.Refusal`, or a word of a later version.
    field : str
        Name of the field at fault, ``""`` when it is the whole record.
    message : str
        One sentence for people. It never repeats an identifier.
    topic, partition, offset
        Where the record stands, as far as known.
    key, value : bytes or None
        As received.
    undecided : bool
        Whether it may have been a refusal or an erasure: a person has to decide.
    holds : bool
        Whether an account is on hold for it: the fold takes the doubt, and counts the record.
    length : int
        Bytes of the value as received, where `value` is not all of it; else -1.
    digest : str
        Keyed hash of the value as received, where `value` is not all of it.
    sealed : bytes
        The bytes received, for whoever has the key, in base64, where the deployment wants it and
        `key` and `value` are withheld.
    """

    reason: str
    field: str
    message: str
    topic: str = ""
    partition: int = -1
    offset: int = -1
    key: bytes | None = dataclasses.field(default=None, repr=False)
    value: bytes | None = dataclasses.field(default=None, repr=False)
    undecided: bool = False
    holds: bool = False
    length: int = -1
    digest: str = ""
    sealed: bytes = dataclasses.field(default=b"", repr=False)

    @property
    def whole(self) -> bool:
        """Whether `key` and `value` are the bytes received, all of them."""
        return self.length < 0
