"""Live state of one partition: subjects and their rows, changed only by the kernels.

The store knows nothing of models, consent rules or profiles; it folds a sequence of events,
says what changed, and goes to bytes and back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.records.batch import Batch
from features.records.hash_kernel import gather_spans, hash_text
from features.state import (
    event_ids_kernel,
    packing_kernel,
    slabs_kernel,
    subjects_kernel,
    sweep_kernel,
)
from features.state import layout as lay
from features.state.changelog_keys import IncompatibleState
from features.state.fold_kernel import apply

_FIRST_SUBJECTS = 1 << 10
_FIRST_ROWS = 1 << 14
_FIRST_IDS = 1 << 14
_KEY_BYTES = 64  # expected, the arena grows where keys are longer
_GONE_SHARE = 4  # compact when one in so many subject numbers is unused


class Store:
    """Subject table, rows, event ids seen, and the counters of one partition.

    Parameters
    ----------
    clock : layout.Clock
        Event-time constants.
    max_ids : int
        Most event ids remembered; beyond it the oldest go first.
    """

    def __init__(self, clock: lay.Clock, max_ids: int) -> None:
        self.clock = clock
        self.max_ids = max_ids
        self.c = np.zeros(lay.COUNTERS, np.int64)
        self.o = np.zeros(lay.OUTCOME_COUNTERS, np.int64)
        self.c[lay.C_OPEN_DAY] = -1
        self.c[lay.C_DUE] = 2**62
        self.subjects = lay.new_subjects(_FIRST_SUBJECTS)
        self.rows = lay.new_rows(_FIRST_ROWS)
        self.index = self._index(4 * _FIRST_SUBJECTS, _KEY_BYTES * _FIRST_SUBJECTS)
        self.dedup = lay.new_dedup(_FIRST_IDS)

    def _index(self, slots: int, key_bytes: int) -> lay.Index:
        return lay.Index(
            np.full(slots, -1, np.int32),
            np.zeros(key_bytes, np.uint8),
            np.zeros(self.subjects.hash.size, np.int32),
        )

    # -- folding -------------------------------------------------------------------------

    def apply(
        self, batch: Batch, first: int, outcome: NDArray[np.uint8], contents: lay.ContentMap
    ) -> tuple[int, int]:
        """Fold events from `first` on; returns why it stopped (`layout`) and where."""
        if first == 0:
            self._room_for_ids(len(batch))
        while True:
            why, at = apply(
                batch.records,
                batch.blob,
                first,
                outcome,
                self.subjects,
                self.index,
                self.rows,
                self.dedup,
                contents,
                self.clock,
                self.c,
                self.o,
            )
            if why != lay.NEED_ROOM:
                return int(why), int(at)
            self.make_room(2, 512, 8 * 1026)
            first = at

    def make_room(self, subjects: int, key_bytes: int, rows: int) -> None:
        """Grow whatever could not take so many more."""
        c, s, r = self.c, self.subjects, self.rows
        count = int(c[lay.C_SUBJECTS]) + subjects
        if count > s.hash.size:
            size = max(count, 2 * s.hash.size)
            self.subjects = _longer(s, size)
            self.index = self.index._replace(dirty=_longer(self.index.dirty, size))
        if 2 * count > self.index.slots.size:
            slots = np.full(1 << (4 * count).bit_length(), -1, np.int32)
            self.index = self.index._replace(slots=slots)
            subjects_kernel.reindex(self.subjects, self.index, c)
        need = int(c[lay.C_KEYS_END]) + key_bytes
        if need > self.index.keys.size:
            keys = _longer(self.index.keys, max(need, 2 * self.index.keys.size))
            self.index = self.index._replace(keys=keys)
        need = int(c[lay.C_ROWS_END]) + rows
        if need > r.f4.shape[0]:
            size = max(need, r.f4.shape[0] * 3 // 2)
            self.rows = lay.rows_of(
                _longer(r.f4, size), _longer(r.interest, size), _longer(r.shown, size), r.free
            )

    def _room_for_ids(self, events: int) -> None:
        c, d = self.c, self.dedup
        log = int(c[lay.C_DEDUP_LOG]) + events
        if log > d.log_hash.size:
            d = d._replace(
                log_hash=_longer(d.log_hash, 2 * log), log_bucket=_longer(d.log_bucket, 2 * log)
            )
        if 2 * (int(c[lay.C_DEDUP]) + events) > d.hash.size:
            oldest = self.oldest_bucket()
            live = int(np.count_nonzero(d.bucket[d.hash != 0] >= oldest))
            if live > self.max_ids:
                buckets = np.sort(d.bucket[d.hash != 0])
                oldest = int(buckets[-self.max_ids]) + 1
                live = self.max_ids
            fresh = lay.new_dedup(1 << (4 * (live + events)).bit_length())
            d_new = d._replace(hash=fresh.hash, bucket=fresh.bucket)
            c[lay.C_DEDUP] = 0
            event_ids_kernel.remember(d_new, d.hash, d.bucket, oldest, c)
            d = d_new
        self.dedup = d

    def oldest_bucket(self) -> int:
        """Oldest time bucket whose event ids still count as seen."""
        return int((self.c[lay.C_MAX_TS] - self.clock.horizon) // self.clock.bucket)

    # -- single subjects -----------------------------------------------------------------

    def find(self, account: bytes, member: bytes = b"") -> int:
        """Number of a subject, or -1."""
        key = np.frombuffer(account + member, np.uint8)
        h = np.uint64(hash_text(account + b"/" + member if member else account))
        return int(
            subjects_kernel.find_subject(
                self.subjects, self.index, key, 0, len(account), len(account), len(member), h
            )
        )

    def ensure(self, account: bytes, member: bytes = b"") -> int:
        """Number of a subject, made where it is not there yet."""
        sid = self.find(account, member)
        if sid >= 0:
            return sid
        owner = self.ensure(account) if member else -1
        self.make_room(1, len(account) + len(member) + 1, 0)
        key = np.frombuffer(account + member, np.uint8)
        h = np.uint64(hash_text(account + b"/" + member if member else account))
        sid = int(
            subjects_kernel.insert_subject(
                self.subjects,
                self.index,
                self.c,
                key,
                0,
                len(account),
                len(account),
                len(member),
                h,
                owner,
            )
        )
        self.mark(sid, lay.D_STATE)
        return sid

    def row(self, sid: int, interest: int, day: int) -> int:
        """Row of a subject and interest, made where it is not there yet."""
        j = int(slabs_kernel.find_row(self.subjects, self.rows, sid, interest))
        if j >= 0:
            return j
        self.make_room(0, 0, 1026)
        return int(
            slabs_kernel.insert_row(
                self.subjects, self.rows, self.c, sid, interest, day, day, self.clock.max_rows
            )
        )

    def members(self, account: int) -> list[int]:
        """The subjects of an account, itself first."""
        found, sid = [account], int(self.subjects.sibling[account])
        while sid >= 0:
            found.append(sid)
            sid = int(self.subjects.sibling[sid])
        return found

    def mark(self, sid: int, what: int) -> None:
        """Note that a subject changed since the last commit."""
        subjects_kernel.mark(self.subjects, self.index, self.c, sid, what)

    def key(self, sid: int) -> bytes:
        """Key of a subject: ``account`` or ``account/member``."""
        at = int(self.subjects.key_at[sid])
        return self.index.keys[at : at + int(self.subjects.key_len[sid])].tobytes()

    def keys(self, sids: NDArray[np.int32]) -> list[bytes]:
        """Keys of several subjects."""
        lengths = self.subjects.key_len[sids].astype(np.int64)
        out = np.empty(int(lengths.sum()), np.uint8)
        packing_kernel.pack_keys(sids, self.subjects, self.index, out)
        text, ends = out.tobytes(), np.cumsum(lengths).tolist()
        return [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]

    def publish(self, sids: NDArray[np.int32]) -> None:
        """Count a new version of the profiles of subjects."""
        self.subjects.version[sids] += np.uint32(1)
        subjects_kernel.mark_all(self.subjects, self.index, self.c, sids, lay.D_STATE)

    def forget(self, sid: int, *, entirely: bool) -> None:
        """Drop a subject's behaviour; `entirely` also its number, for no fact refers to it."""
        sweep_kernel.forget(self.subjects, self.rows, self.c, sid)
        self.mark(sid, lay.D_STATE)
        if not entirely:
            return
        s = self.subjects
        account = int(s.account[sid])
        if account != sid:
            before = account
            while int(s.sibling[before]) != sid:
                before = int(s.sibling[before])
            s.sibling[before] = s.sibling[sid]
        s.status[sid] |= lay.S_GONE
        subjects_kernel.unindex(s, self.index, sid)
        self.c[lay.C_LIVE] -= 1
        self.c[lay.C_GONE] += 1

    # -- what changed --------------------------------------------------------------------

    def dirty(self, what: int) -> NDArray[np.int32]:
        """Subjects with the mark `what`, in the order they were first marked."""
        sids = self.index.dirty[: int(self.c[lay.C_DIRTY])]
        found: NDArray[np.int32] = sids[(self.subjects.dirty[sids] & what) != 0]
        return found

    def clear(self, what: int) -> None:
        """Take the mark `what` off every subject."""
        sids = self.index.dirty[: int(self.c[lay.C_DIRTY])]
        self.subjects.dirty[sids] &= np.uint8(255 - what)
        if not np.any(self.subjects.dirty[sids] & (lay.D_STATE | lay.D_PROFILE)):
            self.subjects.dirty[sids] = 0
            self.c[lay.C_DIRTY] = 0

    def new_ids(self) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
        """Event ids remembered since the last call, with their time buckets."""
        n = int(self.c[lay.C_DEDUP_LOG])
        self.c[lay.C_DEDUP_LOG] = 0
        return self.dedup.log_hash[:n].copy(), self.dedup.log_bucket[:n].copy()

    def remember_ids(self, hashes: NDArray[np.uint64], buckets: NDArray[np.int32]) -> None:
        """Take up event ids of a changelog."""
        self._room_for_ids(len(hashes))
        event_ids_kernel.remember(self.dedup, hashes, buckets, self.oldest_bucket(), self.c)

    # -- bytes ---------------------------------------------------------------------------

    def pack(self, sids: NDArray[np.int32]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """State records of subjects behind each other, and where each ends."""
        s = self.subjects
        heads = np.zeros(len(sids), packing_kernel.HEAD)
        heads["format"] = packing_kernel.FORMAT
        for name in packing_kernel.HEAD.names or ():
            if name != "format":
                heads[name] = getattr(s, name)[sids]
        used = s.used[sids].astype(np.int64)
        out = np.empty(
            int((packing_kernel.HEAD.itemsize + packing_kernel.ROW_BYTES * used).sum()), np.uint8
        )
        ends = np.zeros(len(sids), np.int64)
        packing_kernel.pack(
            sids, s, self.rows, _as_bytes(heads), _as_bytes(self.rows.f4), out, ends
        )
        return out, ends

    def load(self, keys: Sequence[bytes], values: Sequence[bytes]) -> None:
        """Take up state records into an empty store, in their order of first arrival.

        Raises
        ------
        IncompatibleState
            Where a record is of another format.
        """
        if not keys:
            return
        key_at = np.concatenate([[0], np.cumsum([len(key) for key in keys])]).astype(np.int64)
        sizes = np.fromiter(map(len, values), np.int64, len(values))
        value_at = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
        key_bytes = np.frombuffer(b"".join(keys), np.uint8)
        blob = np.frombuffer(b"".join(values), np.uint8)
        heads = np.zeros(len(values), packing_kernel.HEAD)
        if int(sizes.min()) < packing_kernel.HEAD.itemsize:
            raise IncompatibleState("a state record is shorter than its header")
        packing_kernel.read_heads(blob, value_at, _as_bytes(heads))
        used = heads["used"].astype(np.int64)
        expected = packing_kernel.HEAD.itemsize + packing_kernel.ROW_BYTES * used
        if np.any(heads["format"] != packing_kernel.FORMAT) or np.any(expected != sizes):
            raise IncompatibleState(
                f"state records are not of format {packing_kernel.FORMAT}; "
                "this release can't read them"
            )
        rows = int(((used + 1) // 2 * 2).sum())
        self.make_room(2 * len(keys), 2 * len(key_bytes) + 64, rows)
        order = np.argsort(heads["seq"], kind="stable")
        sids = np.zeros(len(keys), np.int32)
        packing_kernel.place(
            order,
            blob,
            value_at,
            key_bytes,
            key_at,
            heads["used"],
            self.subjects,
            self.index,
            self.rows,
            _as_bytes(self.rows.f4),
            self.c,
            packing_kernel.HEAD.itemsize,
            sids,
        )
        for name in packing_kernel.HEAD.names or ():
            if name not in ("format", "used"):
                getattr(self.subjects, name)[sids] = heads[name]
        self.c[lay.C_ROWS_LIVE] = int(heads["used"].astype(np.int64).sum())

    def compact(self) -> None:
        """Give up the numbers of subjects that are gone; only between commits."""
        c = self.c
        if int(c[lay.C_GONE]) * _GONE_SHARE < int(c[lay.C_SUBJECTS]) or c[lay.C_DIRTY]:
            return
        n = int(c[lay.C_SUBJECTS])
        keep = np.flatnonzero((self.subjects.status[:n] & lay.S_GONE) == 0).astype(np.int32)
        number = np.full(n + 1, -1, np.int32)
        number[keep] = np.arange(len(keep), dtype=np.int32)
        self.subjects = _longer(self.subjects[keep], max(_FIRST_SUBJECTS, 2 * len(keep)))
        self.subjects.account[: len(keep)] = number[self.subjects.account[: len(keep)]]
        self.subjects.sibling[: len(keep)] = number[self.subjects.sibling[: len(keep)]]
        c[lay.C_SUBJECTS], c[lay.C_GONE] = len(keep), 0
        s = self.subjects
        lengths = s.key_len[: len(keep)].astype(np.int64)
        keys, s.key_at[: len(keep)] = gather_spans(self.index.keys, s.key_at[: len(keep)], lengths)
        c[lay.C_KEYS_END] = len(keys)
        self.index = self.index._replace(
            keys=_longer(keys, max(_KEY_BYTES * _FIRST_SUBJECTS, 2 * len(keys))),
            slots=np.full(1 << (4 * len(keep) + 4096).bit_length(), -1, np.int32),
            dirty=np.zeros(self.subjects.hash.size, np.int32),
        )
        subjects_kernel.reindex(self.subjects, self.index, c)

    def nbytes(self) -> int:
        """Bytes of live state that are in use, without what arrays hold in reserve."""
        c = self.c
        per_subject = lay.SUBJECT.itemsize + 4 + 8
        return int(
            c[lay.C_SUBJECTS] * per_subject
            + c[lay.C_KEYS_END]
            + c[lay.C_ROWS_END] * packing_kernel.ROW_BYTES
            + 24 * c[lay.C_DEDUP]
        )


def _longer(array: Any, size: int) -> Any:
    grown = np.zeros((size, *array.shape[1:]), array.dtype).view(type(array))
    grown[: len(array)] = array
    return grown


def _as_bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    return array.view(np.uint8).reshape(len(array), array.strides[0])
