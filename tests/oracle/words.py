"""How single words are put in order by the slow twin, and which of them forbid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Doc = Mapping[str, Any]
FOREVER = float("inf")


def bounds(doc: Doc) -> bool:
    """Whether a word on a purpose is anything but a grant without an end."""
    return doc["status"] != "granted" or doc.get("expires_at") is not None


def place(doc: Doc) -> tuple[Any, ...]:
    """Event time; of one time what forbids more comes later and so wins."""
    forbids = (
        (doc["kind"] == "consent" and doc["status"] != "granted")
        or doc.get("stance") == "dislike"
        or doc.get("status") == "opened"
        or doc.get("adult") is False
        or (doc["kind"] == "purchase" and not doc.get("returned"))
    )
    return doc["ts"], forbids, -doc.get("expires_at", FOREVER), doc["event_id"]
