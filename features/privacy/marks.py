"""Keeps what is left of whoever was erased: when, by which request, and who was a child."""

from __future__ import annotations

import json
from typing import NamedTuple


class Mark(NamedTuple):
    """The record that an erasure leaves.

    Attributes
    ----------
    at : int
        Event time up to which all is erased, ms; -1: nothing was, a child's device is known.
    request : str
        Keyed hash of the latest request's event id: it may come again.
    children : tuple of str
        Keyed hashes of the children and their devices that were known.
    """

    at: int
    request: str = ""
    children: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        """The record's value."""
        return json.dumps(self._asdict(), separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, value: bytes) -> Mark:
        """Inverse of `to_bytes`; of format 1 there is the time alone."""
        doc = json.loads(value)
        if isinstance(doc, int):
            return cls(doc)
        return cls(int(doc["at"]), str(doc["request"]), tuple(map(str, doc["children"])))
