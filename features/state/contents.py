"""Looks up the interests that a piece of content raises: its tags once, then by hash.

The tag table is small talk for Python (dictionaries, domain rules); the hot path only ever sees
a hash map from content hash to a slot, filled with the contents that events really name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from features.records.batch import Batch
from features.state import layout as lay
from features.state.contents_map_kernel import put_contents
from features.tags import exact
from features.tags.entry import ALL, Tag
from features.tags.exact import TagEntry
from features.tags.taxonomy import Taxonomy

_FIRST = 1 << 14
_MOST = 1 << 22  # contents remembered; beyond it the map starts afresh
_MOST_TOLD = 1 << 14  # combinations of tags whose interests are remembered
assert exact.MAX_EXPANDED <= lay.MOST_INTERESTS  # room is made for so many rows an event


class Contents:
    """Tags by content key, and the map the kernels read.

    Parameters
    ----------
    taxonomy : Taxonomy
        Names the dense interests; what it calls sensitive never gets into a slot.
    table : mapping of str to TagEntry
        Exact knowledge to start from.
    """

    def __init__(self, taxonomy: Taxonomy, table: Mapping[str, TagEntry] | None = None) -> None:
        self._taxonomy = taxonomy
        self._table: dict[str, TagEntry] = dict(table or {})
        self._slots: dict[tuple[tuple[int, float], ...], int] = {}
        self._told: dict[tuple[Tag, ...], tuple[tuple[int, float], ...]] = {}
        self._count = 0
        self.map = lay.new_contents(_FIRST)

    def __len__(self) -> int:
        return len(self._table)

    def update(self, changes: Mapping[str, TagEntry | None]) -> None:
        """Set or (None) forget entries; contents are looked up anew from then on."""
        for key, entry in changes.items():
            if entry is None:
                self._table.pop(key, None)
            else:
                self._table[key] = entry
        if changes:
            self._forget_lookups()

    def resolve(self, batch: Batch, index: NDArray[np.int32]) -> None:
        """Resolve the contents of some events of a batch, which may be held."""
        if self._count > _MOST:
            self._forget_lookups()
        both = [batch.records[name][index] for name in ("content_hash", "content2_hash")]
        hashes, first = np.unique(np.stack(both, axis=1), return_index=True)
        hashes, first = hashes[hashes != 0], first[hashes != 0]
        order = np.argsort(first)  # slots are numbered as their contents came
        new: list[tuple[tuple[int, float], ...]] = []
        keys = batch.content_keys(index[first[order] // 2], first[order] % 2 == 1)
        slots = np.array([self._slot(key, new) for key in keys], np.int32)
        self._append(new)
        self._make_room(len(slots))
        put_contents(self.map, hashes[order], slots)
        self._count += len(slots)

    def slot_tags(self, key: str) -> tuple[tuple[int, float], ...]:
        """Dense interests and weights that a content key raises."""
        entry = exact.resolve(key, self._table)
        return () if entry is None else self._expanded(entry.told)

    def knows(self, key: str) -> bool:
        """Whether anything is known about a content key, be it only that it is sensitive."""
        return exact.resolve(key, self._table) is not None

    def _slot(self, key: str, new: list[tuple[tuple[int, float], ...]]) -> int:
        """Slot of a content key; the tags of one that is not there yet are added to `new`."""
        entry = exact.resolve(key, self._table)
        if entry is None:
            return lay.CONTENT_UNKNOWN
        if entry.audience != ALL:
            return lay.CONTENT_CHILDREN
        tags = self._expanded(entry.told)
        if not tags:  # neither counts nor asks for a tag
            return lay.CONTENT_IDLE
        slot = self._slots.get(tags)
        if slot is None:
            slot = self._slots[tags] = len(self._slots) + lay.FIRST_SLOT
            new.append(tags)
        return slot

    def _expanded(self, told: tuple[Tag, ...]) -> tuple[tuple[int, float], ...]:
        """Interests that tags raise; most contents have the tags of another."""
        found = self._told.get(told)
        if found is None:
            if len(self._told) >= _MOST_TOLD:
                self._told.clear()
            found = self._told[told] = tuple(exact.expand(told, self._taxonomy))
        return found

    def _append(self, new: Sequence[tuple[tuple[int, float], ...]]) -> None:
        """Append the interests of new slots."""
        if not new:
            return
        old, both = self.map, [tag for tags in new for tag in tags]
        ends = old.start[-1] + np.cumsum([len(tags) for tags in new], dtype=np.int32)
        self.map = old._replace(
            start=np.append(old.start, ends),
            interest=np.append(old.interest, np.array([i for i, _ in both], np.uint16)),
            weight=np.append(old.weight, np.array([w for _, w in both], np.float32)),
        )

    def _make_room(self, more: int) -> None:
        need = 2 * (self._count + more)
        if need <= self.map.hash.size:
            return
        size = 1 << (2 * need - 1).bit_length()
        old = self.map
        self.map = old._replace(hash=np.zeros(size, np.uint64), slot=np.zeros(size, np.int32))
        held = np.flatnonzero(old.hash)
        put_contents(self.map, old.hash[held], old.slot[held])

    def _forget_lookups(self) -> None:
        self.map = self.map._replace(
            hash=np.zeros(_FIRST, np.uint64), slot=np.zeros(_FIRST, np.int32)
        )
        self._count = 0
