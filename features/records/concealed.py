"""Puts keyed hashes in place of what a fact names and nobody needs to read: ids, cases, products.

It happens where a fact is taken in, so neither state, nor a receipt, nor an error ever has the
text. One text has one hash, so that a closed case still answers the opened one.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace

from features.records.facts import CareCase, Fact, Purchase, Statement


def keyed_mark(secret: bytes, text: str, what: str) -> str:
    """Keyed hash that stands for a text where the text must not stay.

    HMAC-SHA-256, cut to 128 bits, 32 hex digits; without the key nobody can tell whose it is or
    try candidates.
    """
    return hmac.digest(
        secret, f"{what}\0{text}".encode("utf-8", "surrogatepass"), hashlib.sha256
    ).hex()[:32]


def concealed(fact: Fact, secret: bytes) -> Fact:
    """The fact with keyed hashes for its event id, case and product."""
    event_id = keyed_mark(secret, fact.event_id, "request")
    return replace(fact, event_id=event_id, said=_said(fact.said, secret))


def _said(said: Statement, secret: bytes) -> Statement:
    match said:
        case CareCase(case_id=case_id):
            return replace(said, case_id=keyed_mark(secret, case_id, "case"))
        case Purchase(product=str(product)):
            return replace(said, product=keyed_mark(secret, product, "product"))
        case _:
            return said
