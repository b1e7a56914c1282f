"""Has an engine take merged models where a worker took them, by what the changelog says."""

from __future__ import annotations

import json
import zlib
from base64 import b64decode
from collections.abc import Iterable

from features.engine import Engine
from features.models.adoption import Adoption, Adoptions
from features.records.facts import SharedPart
from features.state import snapshots

#: What the workers wrote behind the facts of a partition, ticks and parts of shared models, each
#: with its time stamp, ms.
Ticks = tuple[tuple[bytes, int], ...]
#: Running times at which a partition took merged models, ms, and their names.
Places = tuple[tuple[int, str], ...]


def follow(engine: Engine, ticks: Ticks, places: Places) -> None:
    """Have an engine take merged models where a worker took them, whenever their parts came."""
    parts: dict[str, dict[str, bytes]] = {}
    said: dict[str, tuple[int, int]] = {}
    for value, _ in ticks:
        record = json.loads(value)
        if record["kind"] == SharedPart.kind:
            said[record["of"]] = record["day"], record["until"]
            parts.setdefault(record["of"], {})[record["part"]] = b64decode(record["data"])
    engine.adoptions = Adoptions(None)  # which waits for no parts
    engine.adoptions.waiting = [
        Adoption(place, of, *said[of], parts[of]) for place, of in places if of in said
    ]
    engine.accounts.standing.wake(engine.adoptions.place)


def places_of(learned: Iterable[bytes]) -> Places:
    """Find where merged models were taken, in all snapshots of what a partition learned."""
    found: dict[tuple[int, str], None] = {}
    for data in learned:
        head, _ = snapshots.unpack(zlib.decompress(data))
        found |= dict.fromkeys((place, of) for place, of in head["adopted"])
    return tuple(found)
