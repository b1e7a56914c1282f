"""Decides, free of Kafka, what a catalogue entry is published as and who outranks whom."""

from __future__ import annotations

from typing import Any, Protocol

import orjson

from features.records.fields import Malformed
from features.tags.exact import TagEntry, TagError, decode, encode, tag_catalogue
from features.vocabulary import Refusal

#: Exact knowledge less sure than this (a domain in a package name) is not learned from.
LEARN_FROM = 0.7
#: Known texts of a kind that are learned from; beyond them only editors teach. Learning one takes
#: some 20 ms, and what it adds is small from a few thousand on.
LEARN_MOST = 5_000
#: Corrections are made by people; more of them than this is a job run with the wrong flag.
MAX_EDITED = 100_000


class Texts(Protocol):
    """The text tagger as the app uses it (`streams.apps.embedding.CatalogueTexts`)."""

    def tag(self, entry: dict[str, Any]) -> TagEntry | None:
        """Tags of an entry by its texts, None for no answer."""

    def learn(self, entry: dict[str, Any], known: TagEntry) -> None:
        """Learn an entry whose tags are known."""

    def learned(self, entry: dict[str, Any]) -> int:
        """Number of known texts learned for entries of this kind."""


def tagged(
    key: bytes | None,
    value: bytes | None,
    longest: int,
    texts: Texts | None = None,
    edited: bytes | None = None,
) -> tuple[bytes, bytes | None]:
    """Key and value of the tags of a catalogue entry.

    Parameters
    ----------
    key, value : bytes or None
        The record; its key is the content key, which the value may repeat as ``key``.
    longest : int
        Most bytes of a value.
    texts : Texts or None
        Asked where there is no exact knowledge, taught where there is.
    edited : bytes or None
        The editor's record of this key, to be learned from instead.

    Returns
    -------
    bytes, bytes or None
        The content key in lower case (ASCII) and the record of ``content-tags``, the same bytes
        for the same entry; None if nothing in the entry is known.

    Raises
    ------
    Malformed
        To be dead-lettered.
    """
    entry = _object(value, longest)
    record_key = (key or b"").lower()
    named = entry.get("key")
    if named is None:
        entry["key"] = record_key.decode(errors="replace")
    try:
        found = tag_catalogue(entry)
    except TagError as error:
        reason = Refusal.TYPE if named is not None or key else Refusal.MISSING
        raise Malformed(reason, error.field, str(error)) from None
    if entry["key"].encode(errors="replace").lower() != record_key:
        raise Malformed(Refusal.KEY_MISMATCH, "key", "the record's key is not the entry's")
    if texts is not None:
        found = _by_text(entry, found, texts, edited)
    return record_key, None if found is None else encode(record_key.decode(), found)


class Corrections:
    """The editors' records of ``content-tags`` by content key.

    Attributes
    ----------
    overridden : dict of bytes to bytes
        Corrections after which something else was written for their key; to be written again.
    """

    def __init__(self, limit: int = MAX_EDITED) -> None:
        self.overridden: dict[bytes, bytes] = {}
        self._records: dict[bytes, bytes] = {}
        self._limit = limit

    def __contains__(self, key: bytes) -> bool:
        return key in self._records

    def get(self, key: bytes) -> bytes | None:
        """The correction of a key."""
        return self._records.get(key)

    def learn(self, key: bytes, value: bytes | None) -> None:
        """Take in the next record of a key; one without value ends its correction.

        Raises
        ------
        RuntimeError
            There are more corrections than the limit.
        """
        if value is not None and not _is_edited(value):
            if key in self._records:
                self.overridden[key] = self._records[key]
            return
        self.overridden.pop(key, None)
        if value is None:
            self._records.pop(key, None)
            return
        self._records[key] = value
        if len(self._records) > self._limit:
            raise RuntimeError(f"content-tags holds more than {self._limit} editors' records")


def _by_text(
    entry: dict[str, Any], found: TagEntry | None, texts: Texts, edited: bytes | None
) -> TagEntry | None:
    if edited is not None:
        try:
            texts.learn(entry, decode(edited)[1])
        except TagError:
            pass  # a correction that can't be read teaches nothing
    elif found is None:
        return texts.tag(entry)
    elif found.confidence >= LEARN_FROM and texts.learned(entry) < LEARN_MOST:
        texts.learn(entry, found)
    return found


def _object(value: bytes | None, longest: int) -> dict[str, Any]:
    if not value:
        raise Malformed(Refusal.EMPTY, "", "the record has no value")
    if len(value) > longest:
        raise Malformed(Refusal.TOO_LARGE, "", f"{len(value)} bytes, at most {longest}")
    try:
        entry = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise Malformed(Refusal.NOT_JSON, "", str(error)) from None
    if not isinstance(entry, dict):
        raise Malformed(Refusal.NOT_OBJECT, "", "expected a JSON object")
    return entry


def _is_edited(value: bytes) -> bool:
    if b'"editor"' not in value:  # spares most records the parser
        return False
    try:
        record = orjson.loads(value)
    except orjson.JSONDecodeError:
        return False
    return isinstance(record, dict) and record.get("editor") is True
