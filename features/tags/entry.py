"""One answer of the tagger and its record in the content-tags topic, bytes to bytes.

Three kinds of answer are kept apart:

- an entry with tags: the content says something about interests;
- an entry without tags, ``infrastructure``: CDNs, trackers, updates; it weighs nothing;
- an entry without tags, not infrastructure: *denied*. The content is known and sensitive, so
  nothing may be said about it, by a learned tagger neither.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from features.tags import taxonomy
from features.vocabulary import KeyPrefix

SCHEMA = 1
#: Most tags of one record.
MAX_TAGS = 16
MAX_KEY_CHARS = 300  # a host has at most 253, an app or programme 128
MAX_SOURCE_CHARS = 300

Tag = tuple[str, float]
"""IAB id and weight, 0..1."""


class TagError(ValueError):
    """A tag row or record is malformed; `field` says where."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


@dataclass(frozen=True, slots=True)
class TagEntry:
    """What is known about one content key.

    Attributes
    ----------
    tags : tuple of (str, float)
        IAB id and weight in (0, 1], strongest first; empty for infrastructure and denied.
    source : str
        Where it came from, for example ``v2fly:netflix``.
    confidence : float
        0..1, how sure.
    infrastructure : bool
        Known to be machinery: weighs nothing.
    editor : bool
        Set by a person of the operator; wins over everything else.
    """

    tags: tuple[Tag, ...]
    source: str
    confidence: float
    infrastructure: bool = False
    editor: bool = False

    @property
    def denied(self) -> bool:
        """Known and sensitive: nothing may be said, nothing may be learned."""
        return not self.tags and not self.infrastructure


def encode(key: str, entry: TagEntry) -> bytes:
    """Value of a content-tags record; the same entry always gives the same bytes."""
    record = {
        "schema": SCHEMA,
        "key": key,
        "tags": [{"id": interest, "weight": weight} for interest, weight in entry.tags],
        "source": entry.source,
        "confidence": entry.confidence,
        "infrastructure": entry.infrastructure,
        "editor": entry.editor,
    }
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()


def decode(value: bytes) -> tuple[str, TagEntry]:
    """Key and entry of a content-tags record.

    Tags that this taxonomy denies or doesn't have are left out: a record may be newer than the
    worker that reads it.

    Raises
    ------
    TagError
        Naming the field.
    """
    try:
        record = orjson.loads(value)
    except orjson.JSONDecodeError:
        raise TagError("value", "not JSON") from None
    if not isinstance(record, dict):
        raise TagError("value", "expected an object")
    if record.get("schema") != SCHEMA:
        raise TagError("schema", f"{record.get('schema')!r}: expected {SCHEMA}")
    tags = record.get("tags")
    if not isinstance(tags, list) or len(tags) > MAX_TAGS:
        raise TagError("tags", f"expected a list of at most {MAX_TAGS}")
    source = record.get("source")
    if (
        not isinstance(source, str)
        or not 0 < len(source) <= MAX_SOURCE_CHARS
        or not source.isprintable()
    ):
        raise TagError("source", f"expected 1 to {MAX_SOURCE_CHARS} printable characters")
    return content_key(record.get("key")), _shared(
        tuple([_pair(item) for item in tags]),
        source,
        checked_weight("confidence", record.get("confidence", 1.0)),
        _flag(record, "infrastructure"),
        _flag(record, "editor"),
    )


@lru_cache(maxsize=100_000)
def _shared(
    tags: tuple[Tag, ...], source: str, confidence: float, infrastructure: bool, editor: bool
) -> TagEntry:
    """One object for equal entries: a worker holds millions, most of them a few thousand kinds."""
    return TagEntry(
        tuple(_one(*tag) for tag in admissible(tags)), source, confidence, infrastructure, editor
    )


@lru_cache(maxsize=100_000)
def _one(interest: str, weight: float) -> Tag:
    return interest, weight


def admissible(tags: Iterable[Tag]) -> tuple[Tag, ...]:
    """Tags without sensitive and unknown ids, strongest first."""
    tree = taxonomy.load()
    return join([[tag for tag in tags if not tree.is_sensitive(tag[0])]])


def checked_weight(field: str, value: object) -> float:
    """A weight or confidence in 0..1, or `TagError` naming the field."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise TagError(field, f"{value!r}: expected a number from 0 to 1")
    return float(value)


def content_key(value: object) -> str:
    """A content key, lower-cased in ASCII as the parser does it, or `TagError`."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_KEY_CHARS:
        raise TagError("key", f"expected 1 to {MAX_KEY_CHARS} characters")
    if not value.isprintable():
        raise TagError("key", f"{value!r}: control characters")
    key = value.translate(_LOWER)
    prefix, colon, text = key.partition(":")
    if not colon or prefix not in KeyPrefix.words() or not text.strip():
        raise TagError(
            "key", f"{value!r}: expected one of {', '.join(KeyPrefix.words())}, ':' and text"
        )
    return key


def join(groups: Iterable[Iterable[Tag]]) -> tuple[Tag, ...]:
    """Tags of several groups, each with its greatest weight, strongest first, bounded.

    Examples
    --------
    >>> join([[("529", 0.4)], [("1", 0.5), ("529", 0.9)]])
    (('529', 0.9), ('1', 0.5))
    """
    best: dict[str, float] = {}
    for group in groups:
        for interest, weight in group:
            if weight > 0:
                best[interest] = max(best.get(interest, 0.0), weight)
    return tuple(sorted(best.items(), key=lambda tag: (-tag[1], tag[0]))[:MAX_TAGS])


def _pair(item: object) -> Tag:
    if not isinstance(item, dict) or not isinstance(item.get("id"), str):
        raise TagError("tags", "expected objects with id and weight")
    return item["id"], checked_weight("tags.weight", item.get("weight"))


def _flag(record: Mapping[str, Any], name: str) -> bool:
    value = record.get(name, False)
    if not isinstance(value, bool):
        raise TagError(name, "expected true or false")
    return value


_LOWER = str.maketrans({chr(c): chr(c + 32) for c in range(ord("A"), ord("Z") + 1)})
