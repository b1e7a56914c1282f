"""What is acted on of a profile, made of the profile's document."""

from __future__ import annotations

import json
from typing import Any


def offers(document: dict[str, Any]) -> dict[str, Any]:
    """What of a profile is acted on: all of it in less than 400 bytes, else what has room."""
    may = document["contactable"]["offers"]
    head = ("schema", "subject", "version", "as_of", "computed_at", "valid_until")
    about = {
        **{name: document[name] for name in head if name in document},
        "contactable": {"offers": may},
    }
    engage, avoid = (
        [item["id"] for item in document["interests"] if item["stance"] == stance and may["value"]]
        for stance in ("engage", "avoid")
    )
    said = [
        {name: text for name, text in item.items() if name != "name"}
        for item in document["suppressions"]
        # One channel that is closed is acted on; what holds for all is said by `contactable`.
        if may["value"] and ("channel" in item or item["scope"] not in ("all", "audiences"))
    ]
    whole = _lists(engage, avoid, said)
    if _size(about | whole) < 400:
        return about | whole
    of_channels = [item for item in said if "channel" in item]
    others = [item for item in said if "channel" not in item]
    avoid += [item["scope"] for item in others]
    avoid = sorted(set(avoid), key=avoid.index)
    count = len(of_channels) + len(avoid) + len(engage) + len(others)

    def first(kept: int) -> dict[str, Any]:
        quiet = max(0, kept - len(of_channels))
        selling = max(0, quiet - len(avoid))
        why = max(0, selling - len(engage))
        return _lists(engage[:selling], avoid[:quiet], of_channels[:kept] + others[:why])

    cut = [about | first(kept) | {"more": count - kept} for kept in range(count)]
    return [record for record in cut if _size(record) < 400][-1]


def _lists(engage: list[str], avoid: list[str], said: list[Any]) -> dict[str, Any]:
    ids = {
        stance: [{"id": interest} for interest in of]
        for stance, of in (("engage", engage), ("avoid", avoid))
    }
    return {**ids, "suppressions": said}


def _size(record: dict[str, Any]) -> int:
    return len(json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode())
