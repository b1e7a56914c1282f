"""Lays out live state in memory: records, tables, counters, and the one tuple kernels take.

Two open days of a row suffice because the allowed lateness is at most a day.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from features.household.tables import AttributionRules, LineTables, Viewers
from features.vocabulary import Outcome

DAY_MS = 86_400_000

#: One row: a subject's engagement with one interest, 96 bytes, which go to the changelog as they
#: lie here. All is relative to the row's own ``day`` (local days since 1970). Of ``bits``, the
#: active days, bit 0 is ``day + 1``, bit 1 is ``day``, bit *n* is ``day + 1 - n``. ``active`` is
#: the number of active days ever, ``known`` what was declared (``F_...``). Masses by half-life are
#: as of the start of ``day``: ``level`` of all events before it, ``today`` of its own; those of the
#: day after, ``tomorrow``, are as of that day's start. With the longest half-life, as of the start
#: of ``day``: ``part`` by day-part (weekday night, morning, afternoon, evening, then weekend),
#: ``tv`` and ``app`` (network is the rest); and ``abroad``, of earlier days that were.
ROW: Final = np.dtype([
    ("bits", "<u8"), ("day", "<u2"), ("first", "<u2"), ("active", "<u2"), ("known", "<u2"),
    ("level", "<f4", 3), ("today", "<f4", 3), ("tomorrow", "<f4", 3), ("part", "<f4", 8),
    ("tv", "<f4"), ("app", "<f4"), ("abroad", "<f4"),
])  # fmt: skip

#: What the profile published last says of a row: its score in 1/255, its stance, and the local day
#: since which it has been that stance without a break; 0 where the row is not in that profile.
SHOWN: Final = np.dtype([("score", "u1"), ("stance", "u1"), ("since", "<u2")])
#: Of a row, what is kept apart of its mass with the longest half-life, laid out as there: of a
#: member's what was seen on a shared screen, of a household's what fell to a child.
#: ``days`` are those of ``bits`` that are active by what was attributed alone.
APART: Final = np.dtype([
    ("level", "<f4"), ("today", "<f4"), ("tomorrow", "<f4"), ("days", "<u8"),
])  # fmt: skip

#: Whole days whose decay is looked up instead of computed.
DECAY_DAYS = 128

#: Row flags: what is known about a subject and an interest; and, decided at the close of a day,
#: whether it was to be engaged that morning, and of how many mornings more it surely is, times
#: `F_MORNING`.
F_LIKE, F_DISLIKE, F_QUIET, F_ENGAGED, F_MORNING = 1, 2, 4, 8, 16
F_MORNINGS = 15 * F_MORNING
#: Flags that a close sets, and facts leave.
F_REMEMBERED = F_ENGAGED | F_MORNINGS
#: Flags that facts set.
F_TOLD = F_LIKE | F_DISLIKE | F_QUIET

#: Kinds of interests, two bits of eight each, of which an account says whether facts flag them. By
#: one bit each, three of four new rows for which the fold stopped got no flag.
FLAGGED: Final = np.array([1 << i | 1 << k for i in range(8) for k in range(i)], np.uint8)
#: All kinds.
ALL_FLAGGED: Final = 255
#: Minutes east of UTC of an event that does not say.
NO_ZONE: Final = -32768

#: Status of a subject: gone for good; a care case is open; no offers for another reason; an
#: account in which some person or device has a word of its own (`Spans`); facts may flag its rows;
#: an account whose unknown persons and devices have to be asked about, for it has children; a
#: member who agreed to attribution; an account with somebody who did not, and may not be in it.
S_GONE, S_CARE, S_HOLD, S_KIN, S_SUPPRESSIONS, S_ASK, S_AGREED, S_OTHERS = (
    1, 2, 4, 8, 16, 32, 64, 128,
)  # fmt: skip

#: Marks of a subject: dirty since the last commit, of which those that stay on are the last, that
#: the changelog holds a record of its line.
D_STATE, D_PROFILE, D_LISTED, D_ASIDE = 1, 2, 4, 8

#: What became of an event.
(
    PENDING, COUNTED, UNTAGGED, FACT, DUPLICATE, NO_CONSENT, SUPPRESSED, LATE, IDLE, MALFORMED,
    OVER_LIMIT,
) = map(int, Outcome)  # fmt: skip

#: The reasons for which `apply` returns.
(
    DONE, NEED_CLOSE, NEED_ROOM, NEED_FACT, NEED_ACCOUNT, NEED_DUE, NEED_FLAGS, NEED_PERSON,
    NEED_TAG,
) = range(9)  # fmt: skip

#: Numbers that kernels change: ends of tables, the clock of the sequence, and what the caller of
#: `features.state.fold_kernel.apply` must know. ``fresh`` is 1 + sid of a subject with suppressions
#: that got a new row, or -1 - sid of an account in which one did by attribution, ``due`` the
#: watermark at which something limited in time ends, ``erasures`` the number of erased accounts and
#: members, one more where accounts are held out: who is not known has to be asked about.
#: ``free_line`` and ``free_home`` are 1 + the place of the first line and home that is free.
COUNTERS: Final = np.dtype([(name, "i8") for name in (
    "subjects", "live", "gone", "rows_end", "rows_live", "keys_end", "dirty", "seq", "max_ts",
    "open_day", "target_day", "ids", "ids_logged", "erasures", "due", "fresh",
    "lines", "homes", "free_line", "free_home",
)])  # fmt: skip

#: Totals in the partition record: so many events by outcome, then as many seconds by source.
OUTCOME_TOTALS, SOURCE_TOTALS = 16, 8

#: Slots of the content map: no tags known; nothing to tell (infrastructure, denied); for children.
#: Those of interests begin behind them.
CONTENT_UNKNOWN, CONTENT_IDLE, CONTENT_CHILDREN = range(3)
FIRST_SLOT: Final = 3

#: Most rows of a subject that a setting allows, and most interests that a content raises.
MAX_ROWS, MOST_INTERESTS = 1024, 8


def slab_after(size: int) -> int:
    """Size of the slab that a full one of `size` rows grows to: an eighth more, and even."""
    return size + max(2, (size >> 4) << 1)


def _largest_slab() -> int:
    size = 0
    while size < MAX_ROWS:
        size = slab_after(size)
    return size


#: The largest slab that `MAX_ROWS` rows grow to.
LARGEST_SLAB: Final = _largest_slab()
#: Free lists, one per size: sizes are even, so that a subject of n rows wastes at most one.
FREE_CLASSES: Final = LARGEST_SLAB // 2 + 1
assert LARGEST_SLAB < 2**16  # `cap`, `used`

#: What one event may take: an account and its member, both of a key, and a slab per interest.
ROOM_SUBJECTS, ROOM_KEY_BYTES, ROOM_ROWS = 2, 256, MOST_INTERESTS * LARGEST_SLAB

#: One subject; its number (sid) is its index. What an event needs of a subject lies in two cache
#: lines. An account is the subject whose key has no member part; every subject points to it, and
#: the subjects of an account form a chain by ``sibling``, and back by ``previous``, that starts at
#: the account, which counts its ``members``. ``days`` is the active-day bitmap, bit 0 is ``day``.
#: ``flagged`` of an account has the bits of each kind of interests, by the rest of their number, of
#: which a new row may get flags (`FLAGGED`).
#: ``line`` is 1 + the place of a member's own line, or of an account's home, 0 where there is none.
#: Of where it is: ``country`` and ``zone`` (minutes east of UTC, or `NO_ZONE`) are those of the
#: latest event that names a country, at ``placed_at`` (seconds, 0 for none); ``abroad``,
#: ``place_day`` and ``quarters`` are those of `features.state.place_kernel`.
SUBJECT: Final = np.dtype([
    ("hash", "u8"), ("key_at", "i8"), ("consent_from", "i8"), ("consent_until", "i8"),
    ("last_ts", "i8"), ("days", "u8"), ("start", "i4"), ("account", "i4"), ("events", "u4"),
    ("used", "u2"), ("cap", "u2"), ("key_len", "u2"), ("day", "u2"), ("first", "u2"),
    ("country", "u2"), ("sources", "u1"), ("status", "u1"), ("dirty", "u1"), ("flagged", "u1"),
    ("published", "u2"), ("quarters", "u2"),
    ("digest", "u8"), ("sibling", "i4"), ("seq", "u4"), ("version", "u4"),
    ("previous", "i4"), ("members", "u4"), ("line", "i4"),
    ("abroad", "u8"), ("placed_at", "u4"), ("place_day", "u2"), ("zone", "i2"),
], align=True)  # fmt: skip
assert SUBJECT.itemsize == 128  # two cache lines

#: The subject table, an array of `SUBJECT`. One, not one per column, for kernels hand it on by its
#: few words. A plain one: as a `numpy.recarray` it takes Python twenty times as long to read a
#: column, and six times to call a kernel with.
Subjects: TypeAlias = Any
#: An array of one record of `COUNTERS`.
Counters: TypeAlias = Any


class Rows(NamedTuple):
    """The rows' windows (records of `ROW`), what goes with each row, and free slabs by size."""

    windows: NDArray[np.void]
    interest: NDArray[np.uint16]
    shown: NDArray[np.void]  # of SHOWN
    apart: NDArray[np.void]  # of APART; none where there is no attribution
    free: NDArray[np.int32]


class Keys(NamedTuple):
    """Open-addressing map from subject key to sid, the arena of key bytes, and who changed."""

    slots: NDArray[np.int32]
    text: NDArray[np.uint8]
    dirty: NDArray[np.int32]


class Dedup(NamedTuple):
    """Open-addressing set of event-id hashes with the time bucket each was seen in."""

    hash: NDArray[np.uint64]
    bucket: NDArray[np.int32]
    log_hash: NDArray[np.uint64]
    log_bucket: NDArray[np.int32]


class ContentMap(NamedTuple):
    """Map from content hash to slot, and the interests of a slot (CSR)."""

    hash: NDArray[np.uint64]
    slot: NDArray[np.int32]
    start: NDArray[np.int32]
    interest: NDArray[np.uint16]
    weight: NDArray[np.float32]


#: What a span in `Spans` is of: nothing any more; a person, or a device whatever person is named;
#: a device where no person is named; a person who agreed to attribution.
SPAN_VOID, SPAN_ALWAYS, SPAN_ALONE, SPAN_AGREED = 0, 1, 2, 3

#: What the hash of a device is changed by in `Spans`, where those of persons are too.
DEVICE_SPAN: Final = 0x9E3779B97F4A7C15


class Spans(NamedTuple):
    """Open-addressing map from a person or device to the event times when it may be held, ms."""

    hash: NDArray[np.uint64]
    account: NDArray[np.uint64]
    start: NDArray[np.int64]
    until: NDArray[np.int64]
    scope: NDArray[np.uint8]


class Clock(NamedTuple):
    """Constants of a partition: event time in milliseconds and days, what sources are worth."""

    lateness: int
    offset: int
    bucket: int
    horizon: int
    default_grant: int
    max_rows: int
    max_members: int
    accounts: int  # that have to agree before event time moves
    rate0: float  # 1 / half-life in days
    rate1: float
    rate2: float
    decays: NDArray[np.float64]  # shape (3, DECAY_DAYS): what is left after so many whole days
    # By kind of input: least evidence of an event of a mode, without time and with some; shape
    # (kinds, modes, 2). And the source under which its evidence is kept apart; shape (kinds,).
    least: NDArray[np.float64]
    source: NDArray[np.int64]
    attribution: int = 0  # whether shared screens are attributed
    home: int = 0  # country of the operator, two letters as in an event, 0 where unknown


class Live(NamedTuple):
    """All that the kernels of a partition work on.

    Inlined kernels take it for nothing. One that is not is handed every word of it at every call,
    so it is called for a batch or a day, never for an event.
    """

    subjects: Subjects
    keys: Keys
    rows: Rows
    dedup: Dedup
    contents: ContentMap
    spans: Spans
    clock: Clock
    counters: Counters
    outcomes: NDArray[np.int64]  # events by outcome
    untagged_seconds: NDArray[np.int64]  # of attention, by source
    leaders: NDArray[np.void]  # who moves event time: `features.records.leaders_kernel`
    known: LineTables  # of own lines and shared screens
    viewers: Viewers  # of the event at hand
    attribution: AttributionRules


def new_subjects(capacity: int) -> Subjects:
    """Empty subject table."""
    return np.zeros(capacity, SUBJECT)


def new_rows(capacity: int, attribution: int = 0) -> Rows:
    """Empty row table; pages are touched only as rows are used."""
    return Rows(
        np.zeros(capacity, ROW),
        np.zeros(capacity, np.uint16),
        np.zeros(capacity, SHOWN),
        np.zeros(capacity if attribution else 0, APART),
        np.full(FREE_CLASSES, -1, np.int32),
    )


def new_counters() -> Counters:
    """Counters of a partition that has seen nothing."""
    counters = np.zeros(1, COUNTERS)
    counters["open_day"], counters["due"] = -1, 2**62
    return counters


def new_dedup(capacity: int) -> Dedup:
    """Empty set of event ids; capacity is a power of two."""
    return Dedup(
        np.zeros(capacity, np.uint64),
        np.zeros(capacity, np.int32),
        np.zeros(1024, np.uint64),
        np.zeros(1024, np.int32),
    )


def new_spans(capacity: int) -> Spans:
    """Empty map of spans; capacity is a power of two."""
    return Spans(
        np.zeros(capacity, np.uint64),
        np.zeros(capacity, np.uint64),
        np.zeros(capacity, np.int64),
        np.zeros(capacity, np.int64),
        np.zeros(capacity, np.uint8),
    )


def new_contents(capacity: int) -> ContentMap:
    """Empty map of contents; capacity is a power of two."""
    return ContentMap(
        np.zeros(capacity, np.uint64),
        np.zeros(capacity, np.int32),
        np.zeros(FIRST_SLOT + 1, np.int32),
        np.zeros(0, np.uint16),
        np.zeros(0, np.float32),
    )
