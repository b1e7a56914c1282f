"""Keeps the tables of own lines and shared screens: makes room, learns, to bytes and back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from features.household.tables import (
    Attributing,
    AttributionRules,
    LineTables,
    Viewers,
    new_lines,
    new_viewers,
)
from features.state import aside_kernel as aside
from features.state import layout as lay
from features.state import snapshots
from features.state.apart_kernel import ALL_INTERESTS, take_apart
from features.state.arrays import as_bytes, longer
from features.state.changelog_keys import SCREENS, IncompatibleState, kept_aside
from features.state.packing_kernel import read_heads
from features.state.shared_screen_kernel import free_line, learn_days

#: Words for how many own lines a home has, and for the bands of a posterior.
LINES: Final = ("1", "2", "3", "4", "5+")
BANDS_SAID: Final = ("below 0.2", "0.2", "0.4", "0.6", "0.8")
_FIRST = 1 << 10
_NOT_ASIDE: Final = 255 - lay.D_ASIDE
_BY_LINE: Final = ("lines", "sketch", "touched", "presence")
_LEARNED: Final = ("weights", "gradient", "bands")
_COUNTED: Final = ("scored", "said")
_SUMMED: Final = ("labels_0", "labels_1", "loss", "entropy")


class Holder(Protocol):
    """The store whose tables these are."""

    live: lay.Live

    @property
    def clock(self) -> lay.Clock: ...

    @property
    def counters(self) -> lay.Counters: ...

    @property
    def subjects(self) -> lay.Subjects: ...

    def find(self, account: bytes, member: bytes = b"") -> int: ...

    def key(self, sid: int) -> bytes: ...

    def members(self, account: int) -> list[int]: ...

    def mark(self, sid: int, what: int) -> None: ...


class Attributed(NamedTuple):
    """Figures of the attribution of a partition.

    Attributes
    ----------
    labels : int
        Events of known persons that the evidence was scored on before it learned from them.
    log_loss : float
        Its mean on them, NaN before the first.
    posteriors : tuple of int
        Shared events by band of the greatest posterior of a member.
    entropy : float
        Mean of their posteriors, nats, NaN before the first.
    homes : mapping of str to int
        Accounts by the number of own lines that are told apart.
    """

    labels: int
    log_loss: float
    posteriors: tuple[int, ...]
    entropy: float
    homes: Mapping[str, int]


class SharedScreens:
    """Tables of own lines and shared screens, in a store.

    Parameters
    ----------
    store : Holder
        Holds the tables, and the rows in which tastes and attributed mass lie.
    """

    def __init__(self, store: Holder) -> None:
        self._store = store
        self._written = b""
        self._gone: set[bytes] = set()  # keys whose record in the changelog is of nobody any more

    @staticmethod
    def tables(on: int, of: Attributing) -> tuple[LineTables, Viewers, AttributionRules]:
        """Empty tables, without any room where attribution is off; and what goes with them."""
        room = _FIRST if on else 0
        lines = new_lines(room, room, of.childrens, of.rules)
        return lines, new_viewers(lay.MOST_INTERESTS), of.rules

    def make_room(self, lines: int, homes: int) -> None:
        """Grow the tables so that they can take so many more."""
        c, known = self._store.counters, self._store.live.known
        if not self._store.clock.attribution:
            return
        need = int(c["lines"]) + lines
        if need > len(known.lines):
            grown = {name: longer(getattr(known, name), 2 * need) for name in _BY_LINE}
            known = known._replace(**grown)
        need = int(c["homes"]) + homes
        if need > len(known.homes):
            known = known._replace(homes=longer(known.homes, 2 * need))
        self._store.live = self._store.live._replace(known=known)

    def close_day(self, day: int) -> None:
        """Learn what the days before `day` have shown."""
        if self._store.clock.attribution:
            learn_days(self._store.live, day)

    def take_fresh(self) -> list[int]:
        """Subjects that may have a new row with suppressions; all of a home for one attributed."""
        fresh = int(self._store.counters["fresh"])
        self._store.counters["fresh"] = 0
        return [fresh - 1] if fresh > 0 else self._store.members(-1 - fresh)

    def forget(self, sid: int) -> None:
        """Forget a subject's line, or home; what the changelog holds goes with the next commit."""
        s = self._store.subjects
        if s["line"][sid]:
            free_line(self._store.live, sid)
        if s["dirty"][sid] & lay.D_ASIDE:
            s["dirty"][sid] &= _NOT_ASIDE
            self._gone.add(self._store.key(sid))

    def withdraw(self, sid: int) -> None:
        """Forget a member's line, and take out of his rows what was seen on shared screens."""
        if self._store.clock.attribution:
            self.forget(sid)
            take_apart(self._store.live, sid, ALL_INTERESTS)

    def disown(self, sid: int, interests: Iterable[int]) -> None:
        """Take out of a member's rows of some interests what was seen on shared screens."""
        for interest in interests if self._store.clock.attribution else ():
            take_apart(self._store.live, sid, interest)

    def nbytes(self) -> int:
        """Bytes in use, without what arrays hold in reserve."""
        if not self._store.clock.attribution:
            return 0
        c, known = self._store.counters, self._store.live.known
        a_line: int = sum(getattr(known, name)[:1].nbytes for name in _BY_LINE)
        a_home: int = known.homes.itemsize
        apart = int(c["rows_end"]) * lay.APART.itemsize
        return int(c["lines"]) * a_line + int(c["homes"]) * a_home + apart

    def figures(self) -> Attributed | None:
        """Figures of the attribution; None where it is off."""
        if not self._store.clock.attribution:
            return None
        s, clock = self._store.subjects, self._store.live.known.clock[0]
        count = int(self._store.counters["subjects"])
        of_member = (s["line"][:count] > 0) & (s["account"][:count] != np.arange(count))
        lines = np.unique(s["account"][:count][of_member], return_counts=True)[1]
        homes = np.bincount(np.minimum(lines, len(LINES)), minlength=len(LINES) + 1)[1:].tolist()
        scored, said = int(clock["scored"]), int(clock["said"])
        return Attributed(
            scored,
            float(clock["loss"]) / scored if scored else np.nan,
            tuple(self._store.live.known.bands.tolist()),
            float(clock["entropy"]) / said if said else np.nan,
            dict(zip(LINES, homes, strict=True)),
        )

    # -- bytes ---------------------------------------------------------------------------

    def records(self, sids: NDArray[np.int32], names: Sequence[bytes]) -> dict[bytes, bytes | None]:
        """Changelog records of subjects, and tombstones of those that have none any more."""
        if not self._store.clock.attribution:
            return {}
        state = dict[bytes, bytes | None](dict.fromkeys(map(kept_aside, sorted(self._gone))))
        self._gone.clear()
        marks = self._store.subjects["dirty"]
        for sid, name, value in zip(sids.tolist(), names, self.packed(sids), strict=True):
            if value or marks[sid] & lay.D_ASIDE:
                state[kept_aside(name)] = value or None
                marks[sid] = marks[sid] & _NOT_ASIDE | (lay.D_ASIDE if value else 0)
        return state

    def packed(self, sids: NDArray[np.int32]) -> list[bytes]:
        """The record of each subject, empty where nothing is known."""
        if not self._store.clock.attribution:
            return [b""] * len(sids)
        live, s = self._store.live, self._store.subjects
        heads = np.zeros(len(sids), aside.ASIDE)
        heads["format"] = aside.FORMAT
        own, at = s["account"][sids] == sids, s["line"][sids] - 1
        lines = _fields(live.known.lines, np.where(own, -1, at), aside.LINE_RECORD)
        homes = _fields(live.known.homes, np.where(own, at, -1), aside.HOME_RECORD)
        used = s["used"][sids].astype(np.int64)
        out = np.empty(int((aside.MOST_BYTES + aside.ROW_ASIDE * used).sum()), np.uint8)
        ends = np.zeros(len(sids), np.int64)
        raw = self._raw(as_bytes(heads), as_bytes(lines), as_bytes(homes))
        aside.pack_aside(live, sids, raw, out, ends)
        view, bounds = out.data, [0, *ends.tolist()]
        return [bytes(view[a:b]) for a, b in zip(bounds, bounds[1:], strict=False)]

    def _raw(
        self, heads: NDArray[np.uint8], lines: NDArray[np.uint8], homes: NDArray[np.uint8]
    ) -> aside.Raw:
        live = self._store.live
        tables = (as_bytes(live.rows.apart), as_bytes(live.known.lines), as_bytes(live.subjects))
        return aside.Raw(heads, lines, homes, *tables)

    def load(self, records: Collection[tuple[bytes, bytes]]) -> None:
        """Load records into a store whose subjects are there.

        Raises
        ------
        IncompatibleState
            Where a record is of another format, or not as long as it says.
        """
        held = [(self._store.find(*_parts(name)), value) for name, value in records]
        self._gone.update(name for name, _ in records if self._store.find(*_parts(name)) < 0)
        held = [(sid, value) for sid, value in held if sid >= 0]
        if not held:
            return
        sids = np.array([sid for sid, _ in held], np.int32)
        blob = np.frombuffer(b"".join(value for _, value in held), np.uint8)
        at = np.cumsum([0, *(len(value) for _, value in held)]).astype(np.int64)
        heads = np.zeros(len(held), aside.ASIDE)
        if int(np.diff(at).min()) < aside.ASIDE.itemsize:
            raise IncompatibleState("a record of a line is shorter than its header")
        read_heads(blob, at[:-1], np.full(len(held), aside.ASIDE.itemsize), as_bytes(heads))
        if np.any(heads["format"] != aside.FORMAT):
            raise IncompatibleState(f"records of lines are not of format {aside.FORMAT}")
        begins = self._place(sids, blob, at, heads)
        none = np.zeros((0, 0), np.uint8)
        raw = self._raw(none, none, none)
        if aside.read_aside(self._store.live, sids, blob, at, heads, begins, raw):
            raise IncompatibleState("a record of a line is not as long as it says")
        self._store.subjects["dirty"][sids] |= lay.D_ASIDE

    def _place(
        self,
        sids: NDArray[np.int32],
        blob: NDArray[np.uint8],
        at: NDArray[np.int64],
        heads: NDArray[np.void],
    ) -> NDArray[np.int64]:
        """Give lines and homes their places and stored fields; says where those end."""
        ends = at[:-1] + aside.ASIDE.itemsize
        counts = [int(np.count_nonzero(heads["known"] == kind)) for kind in (1, 2)]
        self.make_room(*counts)
        kinds = ((aside.A_LINE, aside.LINE_RECORD), (aside.A_HOME, aside.HOME_RECORD))
        tables = self._store.live.known.lines, self._store.live.known.homes
        for (kind, stored), table, name in zip(kinds, tables, ("lines", "homes"), strict=True):
            of = np.flatnonzero(heads["known"] == kind)
            first = int(self._store.counters[name])
            places = np.arange(first, first + len(of), dtype=np.int32)
            self._store.subjects["line"][sids[of]] = places + 1
            self._store.counters[name] = first + len(of)
            fields, behind = np.zeros(len(of), stored), ends[of]
            aside.read_words(blob, ends[of], as_bytes(fields), behind)
            ends[of] = behind
            for field in set(stored.names or ()) - {"_"}:
                table[field][places] = fields[field]
        return ends

    # -- learning ------------------------------------------------------------------------

    def learned(self) -> dict[bytes, bytes | None]:
        """The record of what was learned, where it changed since it was last written."""
        found = self.snapshot()
        if found.get(SCREENS, b"") == self._written:
            return {}
        self._written = found[SCREENS]
        return dict(found)

    def snapshot(self) -> dict[bytes, bytes]:
        """The record of what was learned; none where attribution is off."""
        if not self._store.clock.attribution:
            return {}
        known = self._store.live.known
        value = snapshots.pack(
            {"sketch": self._sketch_mark()},
            {name: getattr(known, name) for name in _LEARNED}
            | {name: known.clock[name] for name in (*_COUNTED, *_SUMMED)},
        )
        return {SCREENS: value}

    def restore(self, records: Mapping[bytes, bytes]) -> None:
        """Go on from what was learned; sketches of another salt say nothing."""
        live = self._store.live
        live.known.clock["open_day"] = self._store.counters["open_day"]
        if not self._store.clock.attribution or SCREENS not in records:
            return
        head, arrays = snapshots.unpack(records[SCREENS])
        for name in _LEARNED:
            getattr(live.known, name)[...] = arrays[name]
        for name in (*_COUNTED, *_SUMMED):
            live.known.clock[name] = arrays[name]
        if head["sketch"] != self._sketch_mark():
            for name in ("sketch", "touched"):
                getattr(live.known, name)[...] = 0
            for name in ("touched", "touched_0", "touched_1"):
                live.known.lines[name] = 0
        self._written = records[SCREENS]

    def _sketch_mark(self) -> int:
        """A few bits that tell salts apart, and tell nothing of them."""
        return (self._store.live.attribution.salt * 0x9E3779B97F4A7C15 % 2**64) >> 44


def _parts(name: bytes) -> tuple[bytes, bytes]:
    account, _, member = name.partition(b"/")
    return account, member


def _fields(table: NDArray[np.void], places: NDArray[Any], of: Any) -> NDArray[np.void]:
    """Stored fields of some places of a table; zeros for a place below 0."""
    found = np.zeros(len(places), of)
    held = places >= 0
    for name in set(of.names or ()) - {"_"}:
        found[name][held] = table[name][places[held]]
    return found
