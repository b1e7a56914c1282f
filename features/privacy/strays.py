"""Retracts what stands published of a partition though its state knows nothing of it.

Tombstones follow from state, so what state has forgotten (it was lost, compacted wrongly, reset,
began anew, or belonged to another owner) would stay published for ever, after an erasure too. The
published topic itself is the truth of what stands there: its keys are read once when a state
begins and after each erasure, and those that no subject answers for get a tombstone. What an
erasure waits for is in the changelog, so whoever owns the partition next looks for it; a second
receipt says what was found, where it was looked for and where it could not be.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.privacy.ledger import Ledger
from features.records.hash_kernel import hash_text
from features.state import changelog_keys as keys
from features.state import layout as lay
from features.state.store import Store


class Erased(NamedTuple):
    """An erasure that was carried out, by the mark under which it is known.

    Attributes
    ----------
    request : str
        Keyed hash of the request's event id.
    of_member : bool
    requested_at, applied_at : int
        Event times, ms.
    subjects : int
        Taken out of the state.
    """

    request: str
    of_member: bool
    requested_at: int
    applied_at: int
    subjects: int

    def receipt(self, mark: str, **more: Any) -> tuple[bytes, bytes]:
        """Key and value of a receipt; it has no identifier."""
        value = {
            "schema": 1,
            "mark": mark,
            "request": self.request,
            "scope": "member" if self.of_member else "account",
            "requested_at": self.requested_at,
            "applied_at": self.applied_at,
            "subjects": self.subjects,
            "profiles": 0,
            "facts_kept": 0,
            **more,
        }
        return mark.encode(), json.dumps(value, separators=(",", ":")).encode()

    def to_bytes(self) -> bytes:
        """The changelog record's value."""
        return json.dumps(self, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, value: bytes) -> Erased:
        """Inverse of `to_bytes`."""
        return cls._make(json.loads(value))


class Answered(NamedTuple):
    """The keys that subjects with a profile have, as they were at one place of the sequence.

    Attributes
    ----------
    hashes : ndarray of uint64
        Of the keys, ascending; the greatest number ends them, so that every key has a place.
    """

    hashes: NDArray[np.uint64]

    def unknown(self, published: Sequence[bytes]) -> list[int]:
        """Places of the keys that nobody answers for."""
        found = np.fromiter(map(hash_text, published), np.uint64, len(published))
        at = np.minimum(np.searchsorted(self.hashes, found), len(self.hashes) - 1)
        return [int(i) for i in np.flatnonzero(self.hashes[at] != found)]


class Strays:
    """Published keys that the state does not know.

    Attributes
    ----------
    unswept : dict of str to Erased
        Erasures after which nobody has looked yet, by mark.
    changed : set of bytes
        Keys of their records that changed since the last commit.
    """

    def __init__(self, store: Store, ledger: Ledger) -> None:
        self._store = store
        self._ledger = ledger
        self._found: list[bytes] = []
        self.unswept: dict[str, Erased] = {}
        self.changed: set[bytes] = set()

    def __len__(self) -> int:
        """Published keys that wait for their tombstones."""
        return len(self._found)

    @property
    def waiting(self) -> bool:
        """Whether there is something to write."""
        return bool(self._found or self.changed)

    def erased(self, mark: str, erased: Erased) -> None:
        """Have the published keys of somebody looked for who was erased just now."""
        self.unswept[mark] = erased
        self.changed.add(keys.unswept(mark))

    def answered(self) -> Answered:
        """The keys that are answered for now, to look with while the engine goes on."""
        s = self._store.subjects[: int(self._store.counters["subjects"])]
        held = (s["version"] > 0) & ((s["status"] & np.uint8(lay.S_GONE)) == 0)
        return Answered(np.append(np.sort(s["hash"][held]), np.uint64(2**64 - 1)))

    def found(
        self,
        published: Iterable[bytes],
        marks: Collection[str],
        looked_in: Sequence[str],
        not_looked_in: Sequence[str],
    ) -> list[tuple[bytes, bytes]]:
        """Take back what nobody answers for; gives receipts for the erasures that waited.

        Parameters
        ----------
        published : iterable of bytes
            Keys that stand published; those that a subject has are left alone.
        marks : collection of str
            Of the erasures that were waiting when the look began.
        looked_in, not_looked_in : sequence of str
            For people.
        """
        strays = [key for key in published if not self._answers(key)]
        self._found += strays
        of = [{*self._marks(key)} for key in strays]
        receipts = []
        for mark in sorted(marks & self.unswept.keys()):
            self.changed.add(keys.unswept(mark))
            receipt = self.unswept.pop(mark).receipt(
                mark,
                swept_at=self._store.now,
                keys_found=sum(mark in names for names in of),
                looked_in=list(looked_in),
                not_looked_in=list(not_looked_in),
            )
            receipts.append(receipt)
        return receipts

    def take_found(self) -> list[bytes]:
        """Published keys to write tombstones for, since the last call."""
        found, self._found = self._found, []
        return found

    def take_changed(self) -> Iterator[tuple[bytes, bytes | None]]:
        """Records that changed since the last call, None for erasures that wait no more."""
        changed, self.changed = self.changed, set()
        for key in sorted(changed):
            erased = self.unswept.get(key[2:].decode())
            yield key, None if erased is None else erased.to_bytes()

    def restore(self, key: bytes, value: bytes) -> None:
        """Load the record of an erasure that waits."""
        self.unswept[key[2:].decode()] = Erased.from_bytes(value)

    def _answers(self, key: bytes) -> bool:
        account, _, member = key.partition(b"/")
        sid = self._store.find(account, member)
        return sid >= 0 and int(self._store.subjects["version"][sid]) > 0

    def _marks(self, key: bytes) -> Iterator[str]:
        """The marks under which the subject of a key would have been erased."""
        account, _, member = key.decode("utf-8", "replace").partition("/")
        yield from self._ledger.mark_names(account.encode())
        if member:
            yield from self._ledger.mark_names(account.encode(), member)
