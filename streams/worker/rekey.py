"""Divides a partition's changelog among more partitions, by account.

The new number of partitions is a multiple of the old one, so each new partition has a single
source: what belongs to the partition as a whole (models, watermark, event ids, marks of erasures)
is as right for each part as it was for the whole, and nothing has to be merged. Only counts that a
report adds up over partitions go to one part alone. The graph of related interests goes there
without the bits of its households: each is of households in several parts, and who leaves is taken
out in his own part only. A pair is told again once they have come again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from features.records.facts import SharedPart, Tick
from features.records.position import Position
from features.state import changelog_keys as keys
from features.state import snapshots
from features.state.changelog_keys import IncompatibleState, Kind, Meta, Owner

#: Kinds of records of an account or a member; the account stands before the first slash.
_OF_ACCOUNTS = frozenset(
    {
        Kind.SUBJECT,
        Kind.ASIDE,
        Kind.FACTS,
        Kind.CONSENTS,
        Kind.ABOUT,
        Kind.CONTACTS,
        Kind.DEVICE,
        Kind.CASE,
    }
)
#: Kinds that any part may need: an erasure's mark does not tell whose it is.
_OF_ALL = frozenset({Kind.ERASED, Kind.UNSWEPT, Kind.EVENT_IDS, Kind.MODEL})
#: Counts, of which copies would be counted again.
_COUNTS = frozenset({keys.VERDICTS, keys.RELATED})
#: Arrays of the graph of related interests in which households set bits.
_OF_HOUSEHOLDS = frozenset({"seen", "before"})

Folded = Mapping[bytes, bytes]


class Misplaced(RuntimeError):
    """Accounts lie where the partitioner does not put them; the message tells how many."""


def children(partition: int, was: int, now: int) -> range:
    """List the partitions among `now` that the accounts of one among `was` go to.

    Examples
    --------
    >>> list(children(1, 4, 12))
    [1, 5, 9]
    """
    return range(partition, now, was)


def is_of_partition(key: bytes | None, value: bytes | None) -> bool:
    """Tell whether a fact is a worker's word to all of a partition: the time, or a model's part."""
    if key is not None:
        return False
    try:
        said = json.loads(value or b"")
    except ValueError:
        return False
    return isinstance(said, dict) and said.get("kind") in (Tick.kind, SharedPart.kind)


def account_of(key: bytes) -> bytes | None:
    """Read the account of a changelog key; None for a record that every part needs.

    Raises
    ------
    IncompatibleState
        For a kind that this release doesn't know.
    """
    found = keys.parse(key)
    if found is None or (found.kind not in _OF_ACCOUNTS | _OF_ALL and key != keys.META):
        raise IncompatibleState(f"the changelog has records {key[:2]!r} of another release")
    return keys.account_named(key) if found.kind in _OF_ACCOUNTS else None


def split(
    records: Folded, parts: Sequence[int], home: Callable[[bytes], int]
) -> dict[int, dict[bytes, bytes]]:
    """Divide a folded changelog, but for its partition record.

    Parameters
    ----------
    records : mapping of bytes to bytes
        The latest value of each key.
    parts : sequence of int
        The new partitions.
    home : callable
        New partition of an account.

    Raises
    ------
    Misplaced, IncompatibleState
    """
    found: dict[int, dict[bytes, bytes]] = {part: {} for part in parts}
    lost = 0
    for key, value in records.items():
        if key == keys.META:
            continue
        account = account_of(key)
        if account is None:
            own = _without_households(value) if key == keys.RELATED else value
            for part in parts[:1] if key in _COUNTS else parts:
                found[part][key] = own
        elif (at := home(account)) in found:
            found[at][key] = value
        else:
            lost += 1
    if lost:
        raise Misplaced(
            f"{lost} records are of accounts that lie in another partition than the setting "
            "partitioner puts them: set what the producers use, and mend those that differ"
        )
    return found


def _without_households(graph: bytes) -> bytes:
    """Take the bits of households out of a graph of related interests, which it may lack."""
    try:
        head, arrays = snapshots.unpack(graph)
    except ValueError as error:
        raise IncompatibleState(f"the graph of related interests: {error}") from None
    return snapshots.pack(head, {n: a for n, a in arrays.items() if n not in _OF_HOUSEHOLDS})


def part_meta(meta: Meta, offsets: Mapping[str, Position], owner: Owner) -> Meta:
    """Make the partition record of a part; its account of outcomes begins at its offsets."""
    began = {name: at.offset for name, at in offsets.items() if at.offset}
    nothing = (0,) * len(meta.outcomes)
    return replace(meta, offsets=offsets, owner=replace(owner, began=began), outcomes=nothing)
