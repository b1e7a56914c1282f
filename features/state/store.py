"""Stores the subjects and rows of one partition, changed only by the kernels.

The store knows no models, profiles or rules, but for the span of consent that stands with an
account; it folds a sequence of events, lists what changed, and goes to bytes and back.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from features.household.tables import Attributing, AttributionRules
from features.records.batch import Batch
from features.records.decoder import FACTS
from features.records.hash_kernel import gather_spans, hash_text
from features.records.leaders_kernel import new_leaders
from features.state import (
    event_ids_kernel,
    loading,
    packing_kernel,
    slabs_kernel,
    subjects_kernel,
    sweep_kernel,
)
from features.state import layout as lay
from features.state.arrays import as_bytes, longer
from features.state.event_ids import EventIds
from features.state.fold_kernel import unresolved
from features.state.folding import Fold
from features.state.shared_screens import SharedScreens
from features.state.spans import SpanTable

_FIRST_SUBJECTS = 1 << 10
_FIRST_ROWS, _FIRST_IDS = 1 << 12, 1 << 14  # rows beside what an event may take
_KEY_BYTES = 64  # expected, the arena grows where keys are longer
_GONE_SHARE = 4  # compact when one in so many subject numbers is unused
_MOST_FOUND = 1 << 14  # subjects whose numbers are remembered, by key
_NOTHING = Attributing(AttributionRules(), np.zeros(0))


class Store:
    """Subject table, rows, event ids seen, and the counters of one partition.

    Parameters
    ----------
    clock : layout.Clock
        Event-time constants.
    max_ids : int
        Most event ids remembered when a time bucket ends (`features.state.event_ids`).
    attributing : Attributing, optional
        How shared screens are attributed, where the clock says that they are.
    """

    def __init__(self, clock: lay.Clock, max_ids: int, attributing: Attributing = _NOTHING) -> None:
        self.ids = EventIds(clock, max_ids)
        self.spans = SpanTable()
        # Numbers by key: kernels add subjects, only we take them.
        self._found: dict[bytes, int] = {}
        self._fold = Fold()
        self.ticked = -1  # time of the latest `features.records.facts.Tick`, ms
        self._event_rows = lay.ROOM_ROWS * (1 + clock.attribution)
        self.totals = np.zeros(lay.OUTCOME_TOTALS + lay.SOURCE_TOTALS, np.int64)
        self.live = lay.Live(
            lay.new_subjects(_FIRST_SUBJECTS),
            lay.Keys(
                np.full(4 * _FIRST_SUBJECTS, -1, np.int32),
                np.zeros(_KEY_BYTES * _FIRST_SUBJECTS, np.uint8),
                np.zeros(_FIRST_SUBJECTS, np.int32),
            ),
            lay.new_rows(_FIRST_ROWS + self._event_rows, clock.attribution),
            lay.new_dedup(_FIRST_IDS),
            lay.new_contents(1),
            self.spans.table,
            clock,
            lay.new_counters(),
            self.totals[: lay.OUTCOME_TOTALS],
            self.totals[lay.OUTCOME_TOTALS :],
            new_leaders(clock.accounts),
            *SharedScreens.tables(clock.attribution, attributing),
        )
        self._counters = self.live.counters[0]
        self.screens = SharedScreens(self)  # what is known of own lines and shared screens

    @property
    def clock(self) -> lay.Clock:
        """Event-time constants."""
        return self.live.clock

    @property
    def counters(self) -> lay.Counters:
        """The partition's counters, to read and to write by name."""
        return self._counters

    @property
    def subjects(self) -> lay.Subjects:
        """The subject table; another one after it grew."""
        return self.live.subjects

    @property
    def rows(self) -> lay.Rows:
        """The row table; another one after it grew."""
        return self.live.rows

    @property
    def now(self) -> int:
        """Event time, ms, by which what is limited in time ends: the watermark or a later tick."""
        return max(self._watermark, self.ticked)

    @property
    def _watermark(self) -> int:
        return int(self.counters["max_ts"]) - self.clock.lateness

    # -- folding -------------------------------------------------------------------------

    def apply(
        self, batch: Batch, first: int, outcome: NDArray[np.uint8], contents: lay.ContentMap
    ) -> tuple[int, int]:
        """Fold events from `first` on; returns why it stopped (`layout`) and where."""
        if first == 0:
            self.live = self.ids.with_room(self.live, len(batch))
            self.ids.expect(self.live.counters, len(batch))
        if (told := self._told(batch, first, outcome)) >= 0:
            return lay.NEED_FACT, told  # as the kernel says, which costs more to ask
        self._read(contents)
        made, due = -1, int(self.counters["due"])
        while True:
            self.counters["due"] = min(due, self.ids.due)
            why, first = self._fold(self.live, batch, first, outcome)
            self.counters["due"] = due
            if why == lay.NEED_DUE and self._watermark >= self.ids.due:
                self.live = self.ids.forget(self.live)
                if self._watermark < due:
                    continue
            if why != lay.NEED_ROOM:
                return why, first
            assert first != made, "the room that was made is not enough"
            self.make_room(lay.ROOM_SUBJECTS, lay.ROOM_KEY_BYTES, self._event_rows)
            made = first

    def _told(self, batch: Batch, at: int, outcome: NDArray[np.uint8]) -> int:
        """Index of the next record if it is a fact or of an outcome, else -1."""
        for place in range(at, min(at + 2, len(outcome))):
            if outcome[place] == lay.PENDING:
                return -1 if FACTS < batch.kinds[place] < len(self.clock.source) else place
        return -1

    def make_room(self, subjects: int, key_bytes: int, rows: int) -> None:
        """Grow whatever could not take so many more."""
        c, s, keys, r = self.counters, self.subjects, self.live.keys, self.rows
        count = int(c["subjects"]) + subjects
        if count > s.size:
            size = max(count, 2 * s.size)
            s, keys = longer(s, size), keys._replace(dirty=longer(keys.dirty, size))
        if 2 * count > keys.slots.size:
            keys = keys._replace(slots=np.full(1 << (4 * count).bit_length(), -1, np.int32))
            subjects_kernel.reindex(s, keys, int(c["subjects"]))
        need = int(c["keys_end"]) + key_bytes
        if need > keys.text.size:
            keys = keys._replace(text=longer(keys.text, max(need, 2 * keys.text.size)))
        need = int(c["rows_end"]) + rows
        if need > len(r.windows):
            size = max(need, len(r.windows) * 3 // 2)
            grown = [longer(array, size) for array in (r.windows, r.interest, r.shown)]
            apart = longer(r.apart, size * self.clock.attribution)
            r = lay.Rows._make([*grown, apart, r.free])
        self.live = self.live._replace(subjects=s, keys=keys, rows=r)
        self.screens.make_room(1, 1)

    def oldest_bucket(self) -> int:
        """Oldest time bucket whose event ids still count as seen."""
        return self.ids.oldest(self.live.counters)

    def unresolved(self, batch: Batch, first: int, contents: lay.ContentMap) -> NDArray[np.int32]:
        """Indices of events from `first` to the next fact that wait for what their content is."""
        self._read(contents)
        out = np.empty(len(batch), np.int32)
        return out[: int(unresolved(self.live, batch.records, batch.blob, first, out))]

    def _read(self, contents: lay.ContentMap) -> None:
        """Let the kernels read these contents, and the spans as they are."""
        live, spans = self.live, self.spans.table
        if contents is not live.contents or spans is not live.spans:
            self.live = live._replace(contents=contents, spans=spans)

    # -- single subjects -----------------------------------------------------------------

    def find(self, account: bytes, member: bytes = b"") -> int:
        """Number of a subject, or -1."""
        key = account + b"/" + member if member else account
        sid = self._found.get(key, -1)
        if sid < 0:  # who is not there may come with any event
            text, h = _key(account, member)
            s, keys = self.subjects, self.live.keys
            sid = int(subjects_kernel.find_text(s, keys, text, len(account), h))
            if sid >= 0:
                self._found = self._found if len(self._found) < _MOST_FOUND else {}
                self._found[key] = sid
        return sid

    def ensure(self, account: bytes, member: bytes = b"") -> int:
        """Number of a subject, made where it is not there yet."""
        sid = self.find(account, member)
        if sid >= 0:
            return sid
        owner = self.ensure(account) if member else -1
        self.make_room(1, len(account) + len(member) + 1, 0)
        text, h = _key(account, member)
        sid = int(subjects_kernel.insert_text(self.live, text, len(account), h, owner))
        self.mark(sid, lay.D_STATE)
        return sid

    def row(self, sid: int, interest: int, day: int) -> int:
        """Row of a subject and interest, made where it is not there yet."""
        j = int(slabs_kernel.find_row(self.subjects, self.rows, sid, interest))
        if j >= 0:
            return j
        self.make_room(0, 0, lay.LARGEST_SLAB)
        return int(slabs_kernel.insert_row(self.live, sid, interest, day, day))

    def members(self, account: int) -> list[int]:
        """The subjects of an account, itself first."""
        found, siblings = [account], self.subjects["sibling"]
        while (sid := int(siblings[found[-1]])) >= 0:
            found.append(sid)
        return found

    def mark(self, sid: int, what: int) -> None:
        """Note that a subject changed since the last commit."""
        known, s = what | lay.D_LISTED, self.subjects
        if int(s["dirty"][sid]) & known != known:  # asking costs less than the kernel
            subjects_kernel.mark(s, self.live.keys, self.live.counters, sid, what)

    def key(self, sid: int) -> bytes:
        """Key of a subject: ``account`` or ``account/member``."""
        at = int(self.subjects["key_at"][sid])
        return self.live.keys.text[at : at + int(self.subjects["key_len"][sid])].tobytes()

    def keys(self, sids: NDArray[np.int32]) -> list[bytes]:
        """Keys of several subjects."""
        lengths = self.subjects["key_len"][sids].astype(np.int64)
        out = np.empty(int(lengths.sum()), np.uint8)
        packing_kernel.pack_keys(sids, self.subjects, self.live.keys, out)
        text, ends = out.tobytes(), np.cumsum(lengths).tolist()
        return [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]

    def publish(self, sids: NDArray[np.int32]) -> None:
        """Count a new version of the profiles of subjects."""
        self.subjects["version"][sids] += np.uint32(1)
        subjects_kernel.mark_all(
            self.subjects, self.live.keys, self.live.counters, sids, lay.D_STATE
        )

    def forget(self, sid: int, *, entirely: bool) -> None:
        """Drop a subject's behaviour; `entirely` also its number, for no fact refers to it."""
        sweep_kernel.forget(self.subjects, self.rows, self.live.counters, sid)
        self.screens.forget(sid)
        self.mark(sid, lay.D_STATE)
        if not entirely:
            return
        s = self.subjects
        self._found.pop(self.key(sid), None)
        account = int(s["account"][sid])
        if account != sid:
            before, after = int(s["previous"][sid]), int(s["sibling"][sid])
            s["sibling"][before] = after
            s["members"][account] -= np.uint32(1)
            if after >= 0:
                s["previous"][after] = before
        s["status"][sid] |= lay.S_GONE
        subjects_kernel.unindex(s, self.live.keys, sid)
        self.counters["live"] -= 1
        self.counters["gone"] += 1

    # -- what changed --------------------------------------------------------------------

    def dirty(self, what: int) -> NDArray[np.int32]:
        """Subjects with the mark `what`, in the order they were first marked."""
        sids = self.live.keys.dirty[: int(self.counters["dirty"])]
        found: NDArray[np.int32] = sids[(self.subjects["dirty"][sids] & what) != 0]
        return found

    def clear(self, what: int) -> None:
        """Take the mark `what` off every subject."""
        sids = self.live.keys.dirty[: int(self.counters["dirty"])]
        self.subjects["dirty"][sids] &= np.uint8(255 - what)
        if not np.any(self.subjects["dirty"][sids] & (lay.D_STATE | lay.D_PROFILE)):
            self.subjects["dirty"][sids] &= lay.D_ASIDE
            self.counters["dirty"] = 0

    def new_ids(self) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
        """Event ids remembered since the last call, with their time buckets."""
        n, dedup = int(self.counters["ids_logged"]), self.live.dedup
        self.counters["ids_logged"] = 0
        return dedup.log_hash[:n].copy(), dedup.log_bucket[:n].copy()

    @property
    def leaders(self) -> tuple[tuple[int, int], ...]:
        """Accounts that move event time, latest first: keyed bits of each, and its time in ms."""
        spoken = [(who, ts) for who, ts in self.live.leaders.tolist() if ts >= 0]
        return tuple(sorted(spoken, key=itemgetter(1, 0), reverse=True))

    @leaders.setter
    def leaders(self, known: tuple[tuple[int, int], ...]) -> None:
        for place, leader in zip(range(len(self.live.leaders)), known, strict=False):
            self.live.leaders[place] = leader

    def remember_ids(self, hashes: NDArray[np.uint64], buckets: NDArray[np.int32]) -> None:
        """Load event ids of a changelog."""
        self.live = self.ids.with_room(self.live, len(hashes))
        event_ids_kernel.remember(
            self.live.dedup, self.live.counters, hashes, buckets, self.oldest_bucket()
        )

    def forget_ids(self) -> None:
        """Forget all event ids, those of the current time bucket included."""
        self.live = self.ids.forget_all(self.live)

    # -- bytes ---------------------------------------------------------------------------

    def pack(self, sids: NDArray[np.int32]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """State records of subjects behind each other, and where each ends."""
        s = self.subjects
        heads = np.zeros(len(sids), packing_kernel.HEAD)
        heads["format"] = packing_kernel.FORMAT
        for name in packing_kernel.HEAD.names or ():
            if name != "format":
                heads[name] = s[name][sids]
        used = s["used"][sids].astype(np.int64)
        size = int((packing_kernel.HEAD_BYTES + packing_kernel.ROW_BYTES * used).sum())
        out = np.empty(size, np.uint8)
        ends = np.zeros(len(sids), np.int64)
        packing_kernel.pack(
            sids, s, self.rows, as_bytes(heads), as_bytes(self.rows.windows), out, ends
        )
        return out, ends

    def load(self, keys: Sequence[bytes], values: Sequence[bytes]) -> None:
        """Load state records into an empty store, in their order of first arrival.

        Raises
        ------
        IncompatibleState
            Where a record is of another format.
        """
        if not keys:
            return
        order, rows = loading.arrival_order(values)
        # And room for what comes next: else the first event would wait for a copy of it all.
        more = rows // 2 + _FIRST_ROWS + self._event_rows
        self.make_room(2 * len(keys), 2 * sum(map(len, keys)) + 64, rows + more)
        loading.append_subjects(self.live, keys, values, order)
        self.counters["rows_live"] = int(self.subjects["used"].sum(dtype=np.int64))

    def compact(self) -> None:
        """Give up the numbers of subjects that are gone; only between commits."""
        c, old = self.counters, self.subjects
        if int(c["gone"]) * _GONE_SHARE < int(c["subjects"]) or c["dirty"]:
            return
        self._found.clear()
        n = int(c["subjects"])
        keep = np.flatnonzero((old["status"][:n] & lay.S_GONE) == 0).astype(np.int32)
        number = np.full(n + 1, -1, np.int32)
        number[keep] = np.arange(len(keep), dtype=np.int32)
        s = longer(old[keep], max(_FIRST_SUBJECTS, 2 * len(keep)))
        for name in ("account", "sibling", "previous"):
            s[name][: len(keep)] = number[s[name][: len(keep)]]
        c["subjects"], c["gone"] = len(keep), 0
        lengths = s["key_len"][: len(keep)].astype(np.int64)
        text, s["key_at"][: len(keep)] = gather_spans(
            self.live.keys.text, s["key_at"][: len(keep)], lengths
        )
        c["keys_end"] = len(text)
        keys = lay.Keys(
            np.full(1 << (4 * len(keep) + 4096).bit_length(), -1, np.int32),
            longer(text, max(_KEY_BYTES * _FIRST_SUBJECTS, 2 * len(text))),
            np.zeros(s.size, np.int32),
        )
        subjects_kernel.reindex(s, keys, len(keep))
        self.live = self.live._replace(subjects=s, keys=keys)

    def nbytes(self) -> int:
        """Bytes of live state that are in use, without what arrays hold in reserve."""
        c = self.counters
        subjects = c["subjects"] * (lay.SUBJECT.itemsize + 4 + 8) + c["keys_end"]
        rows, ids = c["rows_end"] * packing_kernel.ROW_BYTES, 24 * c["ids"]
        return int(subjects + rows + ids + self.screens.nbytes())


def _key(account: bytes, member: bytes) -> tuple[NDArray[np.uint8], np.uint64]:
    """Both parts of a key behind each other, and the hash of the whole."""
    whole = account + b"/" + member if member else account
    return np.frombuffer(account + member, np.uint8), np.uint64(hash_text(whole))
