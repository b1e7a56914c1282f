"""Puts keyed hashes in place of what a fact names and nobody needs to read, such as ids and cases.

It happens where a fact is taken in, so neither state, nor a receipt, nor an error ever has the
text. One text has one hash, so that a closed case still answers the opened one.

A key can be changed. What was hashed under the former is hashed once more under the new one, and
so is, from then on, whatever comes: first under the oldest key, last under the newest. So a stored
hash goes on to meet its text, and of all keys only the newest has to be secret.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import TypeAlias

from features.records.facts import (
    CareCase,
    ContactAnswer,
    ContactMade,
    Fact,
    Purchase,
    Several,
    Statement,
)

#: A key, or all that a deployment has had, oldest first.
Secret: TypeAlias = bytes | tuple[bytes, ...]


def keys_of(secret: Secret) -> tuple[bytes, ...]:
    """The keys, oldest first."""
    return secret if isinstance(secret, tuple) else (secret,)


def keyed_mark(secret: Secret, text: str, what: str) -> str:
    """Keyed hash that stands for a text where the text must not stay.

    HMAC-SHA-256, cut to 128 bits, 32 hex digits; without the key nobody can tell whose it is or
    try candidates.
    """
    first, *later = keys_of(secret)
    return renewed(_digest(first, what, text), later)


def renewed(mark: str, later: Iterable[bytes]) -> str:
    """A keyed hash put under newer keys, one after the other.

    Examples
    --------
    >>> renewed(keyed_mark(b"old", "a", "x"), [b"new"]) == keyed_mark((b"old", b"new"), "a", "x")
    True
    """
    for key in later:
        mark = _digest(key, "renewed", mark)
    return mark


def _digest(key: bytes, what: str, text: str) -> str:
    mark = _begun(key).copy()
    mark.update(f"{what}\0{text}".encode("utf-8", "surrogatepass"))
    return mark.hexdigest()[:32]


@lru_cache(maxsize=16)
def _begun(key: bytes) -> hmac.HMAC:
    """The hash after the key, which takes longer to begin than to go on."""
    return hmac.new(key, digestmod="sha256")


def concealed(fact: Fact, secret: Secret) -> Fact:
    """The fact with keyed hashes for its event id, case, product and contact."""
    event_id = keyed_mark(secret, fact.event_id, "request")
    said = _said(fact.said, secret)
    return Fact(event_id, fact.account_id, fact.member_id, fact.ts, said, fact.tolerated)


def _said(said: Statement, secret: Secret) -> Statement:
    match said:
        case CareCase(case_id=case_id):
            return replace(said, case_id=keyed_mark(secret, case_id, "case"))
        case Purchase(product=str(product)):
            return replace(said, product=keyed_mark(secret, product, "product"))
        case ContactMade(contact_id=name) | ContactAnswer(contact_id=name):
            return replace(said, contact_id=keyed_mark(secret, name, "contact"))
        case Several(parts=parts):
            return Several(tuple(concealed(part, secret) for part in parts))
        case _:
            return said
