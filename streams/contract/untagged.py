"""Defines a record of the topic ``untagged``: one content without tags, to bytes and back."""

from __future__ import annotations

import json
from dataclasses import dataclass

SCHEMA = 1
#: A record older than this is of a worker that is gone.
STALE_MS = 2 * 86_400_000


@dataclass(frozen=True)
class Heavy:
    """One content without tags.

    Attributes
    ----------
    key : str
        Content key.
    source : str
        network, tv or app.
    seconds : float
        Attention lost, halved every day; at least so much.
    as_of : int
        Epoch milliseconds.
    """

    key: str
    source: str
    seconds: float
    as_of: int

    def value(self, worker: str) -> bytes:
        """Value of a record of the topic."""
        return json.dumps(
            {
                "schema": SCHEMA,
                "key": self.key,
                "source": self.source,
                "seconds": round(self.seconds, 1),
                "as_of": self.as_of,
                "worker": worker,
            },
            ensure_ascii=False,
            separators=(",", ":"),
        ).encode()

    @classmethod
    def from_value(cls, value: bytes | None) -> Heavy | None:
        """Decode a record; None if it has no value, or one that is not of this form."""
        try:
            record = json.loads(value or b"null")
            if not isinstance(record, dict):
                return None
            return cls(
                str(record["key"]),
                str(record["source"]),
                float(record["seconds"]),
                int(record["as_of"]),
            )
        except (ValueError, KeyError, TypeError):
            return None
