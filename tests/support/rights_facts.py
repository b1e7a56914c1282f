"""Facts about rights as producers write them, and what is read in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from features.privacy import rules
from features.records.protective import Protective, read
from features.records.readings import RefusalReading, Why
from features.vocabulary import Purpose

WORDS = rules.load().words
KEY = b"acc-1"
TS = 1_556_800_000_000
HOUR = 3_600_000
PROFILING = frozenset({Purpose.PROFILING})
EVERYTHING = frozenset(Purpose)
WITHDRAWN = RefusalReading(PROFILING, Why.WITHDRAWN)
BASE = {"event_id": "e-1", "account_id": "acc-1", "ts": TS}
WITHDRAWAL = BASE | {"kind": "consent", "status": "withdrawn", "purpose": "profiling"}
ERASURE = BASE | {"kind": "erasure"}
GRANT = WITHDRAWAL | {"status": "granted"}


def raw(doc: Any) -> bytes:
    return json.dumps(doc, ensure_ascii=False).encode("utf-8", "surrogatepass")


def found(doc: Any, key: bytes | None = KEY) -> Protective | None:
    """What protects in a record, given as bytes or as fields."""
    return read(doc if isinstance(doc, bytes) else raw(doc), key, WORDS)


def reading(doc: Any) -> Any:
    """The reading of a record of our account; None where nothing protects."""
    said = found(doc)
    assert said is None or (said.account, said.others) == ("acc-1", ())
    return said and said.reading


def without(doc: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in doc.items() if name not in names}


#: Ways to write a word; each is met in the field.
SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": lambda word: word,
    "capitals": str.upper,
    "capitalised": str.capitalize,
    "a blank behind": lambda word: word + " ",
    "blanks around": lambda word: f"\t {word}\n",
    "a prefix": lambda word: f"dpv:{word}",
    "a blank after the prefix": lambda word: f"dpv: {word}",
    "an IRI": lambda word: f"https://w3id.org/dpv#{word}",
    "an IRI of a version": lambda word: f"https://w3id.org/dpv/2.0/owl#{word.title()}",
    "a path": lambda word: f"https://consent.example/status/{word}/",
    "underscores": lambda word: f"_{word}_",
    "full width": lambda word: "".join(chr(ord(c) + 0xFEE0) if c.isalpha() else c for c in word),
    "a zero-width blank": lambda word: f"\u200b{word}\ufeff",
}


def said(status: Any, purpose: Any = "profiling", end: Any = None, ts: int | None = TS) -> Any:
    """The reading of a fact with one value, or none, of each field."""
    statuses, purposes, ends = (
        [] if value is None else [value] for value in (status, purpose, end)
    )
    return WORDS.read(statuses, purposes, ends, ts)
