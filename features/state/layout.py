"""How live state lies in memory: column numbers, counters, and the tuples kernels take.

A row (one subject's engagement with one interest) is 92 bytes of a float32 matrix that is also
viewed as uint32 and uint16, so that a subject's rows go to the changelog by one memory copy.
Everything is relative to the row's own ``day`` (local days since 1970):

===========  =========  ==============================================================
view         columns    meaning
===========  =========  ==============================================================
``u4``       0, 1       active-day bitmap, low and high word; bit 0 is ``day + 1``,
                        bit 1 is ``day``, bit *n* is ``day + 1 - n``
``u2``       4, 5, 6, 7 ``day``, first active day, active days ever, flags
``f4``       4..6       levels of all events before ``day``, as of its start
``f4``       7..9       mass of the events of ``day``, as of its start
``f4``       10..12     mass of the events of ``day + 1``, as of the start of ``day + 1``
``f4``       13..20     day-part mass (weekday night, morning, afternoon, evening, then
                        weekend), longest half-life, as of the start of ``day``
``f4``       21, 22     mass of TV and of app events, likewise (network is the rest)
===========  =========  ==============================================================

Two open days suffice because the allowed lateness is at most a day.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from features.vocabulary import Outcome

DAY_MS = 86_400_000

ROW_WORDS = 23  # float32 words of a row: 92 bytes
R_DAY, R_FIRST, R_ACTIVE, R_FLAGS = 4, 5, 6, 7  # uint16 columns
R_BASE, R_TODAY, R_NEXT, R_PART, R_TV, R_APP = 4, 7, 10, 13, 21, 22  # float32 columns

#: Whole days whose decay is looked up instead of computed.
DECAY_DAYS = 128

#: Row flags: what is known about a subject and an interest.
F_LIKE, F_DISLIKE, F_QUIET = 1, 2, 4

#: Status of a subject: gone for good; a care case is open; no offers for another reason; nothing
#: may be held; facts may flag its rows.
S_GONE, S_CARE, S_HOLD, S_BARRED, S_SUPPRESSIONS = 1, 2, 4, 8, 16

#: Dirty marks of a subject between two commits.
D_STATE, D_PROFILE, D_LISTED = 1, 2, 4

#: What became of an event.
PENDING, COUNTED, UNTAGGED, FACT, DUPLICATE, NO_CONSENT, SUPPRESSED, LATE, IDLE, MALFORMED = map(
    int, Outcome
)

#: Why `apply` came back.
DONE, NEED_CLOSE, NEED_ROOM, NEED_FACT, NEED_ACCOUNT, NEED_DUE, NEED_FLAGS = range(7)

#: Counters, an int64 vector that kernels change.
(
    C_SUBJECTS,
    C_LIVE,
    C_ROWS_END,
    C_ROWS_LIVE,
    C_KEYS_END,
    C_DIRTY,
    C_SEQ,
    C_MAX_TS,
    C_OPEN_DAY,
    C_DEDUP,
    C_DEDUP_LOG,
    C_TARGET_DAY,
    C_GONE,
    C_MARKS,  # erased accounts
    C_DUE,  # watermark at which something limited in time ends
    C_FRESH,  # 1 + sid of a subject with suppressions that got a new row
) = range(16)
COUNTERS = 16

#: Outcome counters: events, and seconds of attention without a tag by source.
O_SECONDS = 16
OUTCOME_COUNTERS = 24

CONTENT_UNKNOWN, CONTENT_IDLE = 0, 1  # slots of the content map: no tags known; infrastructure

# Slab sizes are even, so that a subject of n rows wastes at most one of them. The largest that
# 1024 rows, the most a setting allows, grow to (`tables._grow`) is 1036.
FREE_CLASSES = 1036 // 2 + 1


#: One subject; its number (sid) is its index. What an event needs of a subject lies in two cache
#: lines. An account is the subject whose key has no member part; every subject points to it, and
#: the subjects of an account form a chain by ``sibling`` that starts at the account. ``days`` is
#: the active-day bitmap, bit 0 is ``day``.
SUBJECT: Final = np.dtype([
    ("hash", "u8"), ("key_at", "i8"), ("consent_from", "i8"), ("consent_until", "i8"),
    ("last_ts", "i8"), ("days", "u8"), ("start", "i4"), ("account", "i4"), ("events", "u4"),
    ("used", "u2"), ("cap", "u2"), ("key_len", "u2"), ("day", "u2"), ("first", "u2"),
    ("country", "u2"), ("sources", "u1"), ("status", "u1"), ("dirty", "u1"), ("published", "u2"),
    ("digest", "u8"), ("sibling", "i4"), ("seq", "u4"), ("version", "u4"),
], align=True)  # fmt: skip

#: The subject table. One array, not one per column, for kernels hand it on by its few words.
Subjects: TypeAlias = "np.recarray[Any, Any]"


class Rows(NamedTuple):
    """The row matrix in its three views, what goes with each row, and free slabs by size."""

    f4: NDArray[np.float32]
    u4: NDArray[np.uint32]
    u2: NDArray[np.uint16]
    interest: NDArray[np.uint16]
    shown: NDArray[np.uint8]  # score of the profile published last, in 1/255; 0 for none
    free: NDArray[np.int32]


class Index(NamedTuple):
    """Open-addressing map from subject key to sid, and the arena of key bytes."""

    slots: NDArray[np.int32]
    keys: NDArray[np.uint8]
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


class Clock(NamedTuple):
    """Constants of a partition: event time in milliseconds and days, what sources are worth."""

    lateness: int
    offset: int
    bucket: int
    horizon: int
    default_grant: int
    max_rows: int
    rate0: float  # 1 / half-life in days
    rate1: float
    rate2: float
    decays: NDArray[np.float64]  # shape (3, DECAY_DAYS): what is left after so many whole days
    # By kind of input: what an event of a mode says at least, without time and with some; shape
    # (kinds, modes, 2). And the source under which its evidence is kept apart; shape (kinds,).
    least: NDArray[np.float64]
    source: NDArray[np.int64]


def new_subjects(capacity: int) -> Subjects:
    """Empty subject table."""
    return np.zeros(capacity, SUBJECT).view(np.recarray)


def new_rows(capacity: int) -> Rows:
    """Empty row matrix; pages are touched only as rows are used."""
    return rows_of(
        np.zeros((capacity, ROW_WORDS), np.float32),
        np.zeros(capacity, np.uint16),
        np.zeros(capacity, np.uint8),
        np.full(FREE_CLASSES, -1, np.int32),
    )


def rows_of(
    f4: NDArray[np.float32],
    interest: NDArray[np.uint16],
    shown: NDArray[np.uint8],
    free: NDArray[np.int32],
) -> Rows:
    """The three views of a row matrix."""
    return Rows(f4, f4.view(np.uint32), f4.view(np.uint16), interest, shown, free)


def new_dedup(capacity: int) -> Dedup:
    """Empty set of event ids; capacity is a power of two."""
    return Dedup(
        np.zeros(capacity, np.uint64),
        np.zeros(capacity, np.int32),
        np.zeros(1024, np.uint64),
        np.zeros(1024, np.int32),
    )
