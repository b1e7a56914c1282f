"""Defines an entry of the topic ``content-tags``, to bytes and back.

Three kinds of answer are kept apart:

- an entry with tags: the content says something about interests;
- an entry without tags, ``infrastructure``: CDNs, trackers, updates; it weighs nothing;
- an entry without tags, not infrastructure: *denied*. The content is known and sensitive, so
  it gets no tags, from a learned tagger neither.

Content for children is denied whatever its tags are: on a shared screen nobody can tell who
looked, and whoever it was, it reveals a minor.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from features.tags import taxonomy
from features.tags.keys import TagError, checked_key

SCHEMA = 1
#: Most tags of one record.
MAX_TAGS = 16
MAX_SOURCE_CHARS = 300
#: For whom a content is made.
ALL, CHILDREN = "all", "children"

Tag = tuple[str, float]
"""IAB id and weight, 0..1."""


@dataclass(frozen=True, slots=True)
class TagEntry:
    """The tags of one content key, with source and confidence.

    Attributes
    ----------
    tags : tuple of (str, float)
        IAB id and weight in (0, 1], strongest first; empty for infrastructure and denied.
    source : str
        Where it is from, for example ``v2fly:netflix``.
    confidence : float
        0..1, how sure.
    infrastructure : bool
        Known to be machinery: weighs nothing.
    editor : bool
        Set by a person of the operator; wins over everything else.
    audience : str
        ``all`` or ``children``.
    """

    tags: tuple[Tag, ...]
    source: str
    confidence: float
    infrastructure: bool = False
    editor: bool = False
    audience: str = ALL

    @property
    def denied(self) -> bool:
        """Whether it is known and sensitive: not to be tagged, not to be learned from."""
        return not self.infrastructure and not (self.tags and self.audience == ALL)

    @property
    def told(self) -> tuple[Tag, ...]:
        """The tags that count: none of infrastructure, none of what is denied."""
        return () if self.infrastructure or self.denied else self.tags


def encode(key: str, entry: TagEntry) -> bytes:
    """Value of a content-tags record; the same entry always gives the same bytes."""
    record: dict[str, Any] = {
        "schema": SCHEMA,
        "key": key,
        "tags": [{"id": interest, "weight": weight} for interest, weight in entry.tags],
        "source": entry.source,
        "confidence": entry.confidence,
        "infrastructure": entry.infrastructure,
        "editor": entry.editor,
    }
    if entry.audience != ALL:
        record["audience"] = entry.audience
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()


def decode(value: bytes) -> tuple[str, TagEntry]:
    """Key and entry of a content-tags record.

    Tags that this taxonomy denies or doesn't have are left out: a record may be newer than the
    worker that reads it. One that reveals a minor makes the content one for children, and so does
    a word for the audience that this version doesn't know.

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
    return checked_key(record.get("key")), _shared(
        tuple([_pair(item) for item in tags]),
        source,
        checked_weight("confidence", record.get("confidence", 1.0)),
        _flag(record, "infrastructure"),
        _flag(record, "editor"),
        _audience(record),
    )


@lru_cache(maxsize=100_000)
def _shared(
    tags: tuple[Tag, ...],
    source: str,
    confidence: float,
    infrastructure: bool,
    editor: bool,
    audience: str,
) -> TagEntry:
    """One object for equal entries: a worker holds millions, most of them a few thousand kinds."""
    kept = tuple(_one(*tag) for tag in admissible(tags))
    made_for = audience if audience != ALL else audience_of(tags)
    return TagEntry(kept, source, confidence, infrastructure, editor, made_for)


@lru_cache(maxsize=100_000)
def _one(interest: str, weight: float) -> Tag:
    return interest, weight


def admissible(tags: Iterable[Tag]) -> tuple[Tag, ...]:
    """Tags without sensitive and unknown ids, strongest first."""
    tree = taxonomy.load()
    return join([[tag for tag in tags if not tree.is_sensitive(tag[0])]])


def audience_of(tags: Iterable[Tag]) -> str:
    """The audience of content with such tags: children, if one of them reveals a minor."""
    tree = taxonomy.load()
    return CHILDREN if any(tree.reveals_minor(interest) for interest, _ in tags) else ALL


def checked_weight(field: str, value: object) -> float:
    """A weight or confidence in 0..1, or `TagError` naming the field."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise TagError(field, f"{value!r}: expected a number from 0 to 1")
    return float(value)


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


def _audience(record: Mapping[str, Any]) -> str:
    value = record.get("audience", ALL)
    if not isinstance(value, str):
        raise TagError("audience", "expected a word")
    return ALL if value == ALL else CHILDREN


def _flag(record: Mapping[str, Any], name: str) -> bool:
    value = record.get(name, False)
    if not isinstance(value, bool):
        raise TagError(name, "expected true or false")
    return value
