"""Bounds the records of what is acted on: what forbids has the room first."""

from __future__ import annotations

from typing import Any, Final

import orjson

#: Every record of offers is shorter, whatever a customer said, bytes.
OFFERS_BYTES: Final = 400


def bounded(value: bytes) -> bytes:
    """Cut a record of offers that is too long; one that is not stays as it is.

    Its statements are put in a line, and of those the first are kept that have room: suppressions
    by channel, which bind what is engaged; the ids of what is not to be talked about, by stance or
    suppression; what to engage; last the suppressions of interests, for until when and why. So
    something is engaged only where all that forbids is said. ``more`` counts what is left out.

    Parameters
    ----------
    value : bytes
        JSON, with ``engage``, ``avoid`` and ``suppressions``.

    Returns
    -------
    bytes
        Less than `OFFERS_BYTES`.
    """
    if len(value) < OFFERS_BYTES:
        return value
    whole: dict[str, Any] = orjson.loads(value)
    line = _statements(whole)
    left_out = 0
    while True:
        lists: dict[str, Any] = {"engage": [], "avoid": [], "suppressions": []}
        for name, item in line:
            lists[name].append(item)
        found = orjson.dumps({**whole, **lists, "more": left_out})
        if len(found) < OFFERS_BYTES:
            return found
        line.pop()
        left_out += 1


def _statements(whole: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """What a record says, by list, that first which must not be cut for the rest."""
    binding = [item for item in whole["suppressions"] if "channel" in item]
    quiet = [item for item in whole["suppressions"] if "channel" not in item]
    ids = dict.fromkeys([item["id"] for item in whole["avoid"]] + [item["scope"] for item in quiet])
    return [
        *(("suppressions", item) for item in binding),
        *(("avoid", {"id": interest}) for interest in ids),
        *(("engage", item) for item in whole["engage"]),
        *(("suppressions", item) for item in quiet),
    ]
