"""What is acted on of a profile, made of the profile's document."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

#: What is new in each record, whatever else it says.
_MOVING = ("version", "as_of", "computed_at")


def offers_of(
    profiles: Iterable[tuple[bytes, bytes | None]],
) -> Iterator[tuple[bytes, dict[str, Any] | None]]:
    """The records of offers that belong to those of profiles: of each that says something new."""
    stands: dict[bytes, dict[str, Any]] = {}
    for key, value in profiles:
        if value is None:
            stands.pop(key, None)
            yield key, None
            continue
        document = json.loads(value)
        said = {n: item for n, item in _whole(document).items() if n not in _MOVING}
        if stands.get(key) != said:
            yield key, offers(document)
        stands[key] = said


def offers(document: dict[str, Any]) -> dict[str, Any]:
    """What of a profile is acted on: all of it in less than 400 bytes, else what has room."""
    whole = _whole(document)
    if _size(whole) < 400:
        return whole
    engage, avoid = ([item["id"] for item in whole[stance]] for stance in ("engage", "avoid"))
    said = whole["suppressions"]
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

    cut = [whole | first(kept) | {"more": count - kept} for kept in range(count)]
    return [record for record in cut if _size(record) < 400][-1]


def _whole(document: dict[str, Any]) -> dict[str, Any]:
    """All that a record would say if it had the room."""
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
        {name: text for name, text in item.items() if name not in ("name", "since")}
        for item in document["suppressions"]
        # One channel that is closed is acted on; what holds for all is said by `contactable`.
        if may["value"] and ("channel" in item or item["scope"] not in ("all", "audiences"))
    ]
    return about | _lists(engage, avoid, said)


def _lists(engage: list[str], avoid: list[str], said: list[Any]) -> dict[str, Any]:
    ids = {
        stance: [{"id": interest} for interest in of]
        for stance, of in (("engage", engage), ("avoid", avoid))
    }
    return {**ids, "suppressions": said}


def _size(record: dict[str, Any]) -> int:
    return len(json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode())
