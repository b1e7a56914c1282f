"""Lays out what is known of homes and own lines, and the constants of the attribution.

Days are local days since 1970. A line is brought forward lazily: its ``day`` is an open day,
what closed before it is the *opening*, what belongs to the day itself and to the day after is
kept apart until they close. Masses are decayed forward (Cormode et al., ICDE 2009): an event at
*t* weighs ``2 ** (t / h)`` from a fixed landmark on, so that sums do not depend on the order.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
#: Landmark of the forward decay, 2018-01-01, and the half-life of tastes.
LANDMARK_DAY, HALF_LIFE_DAYS = 17_532, 60.0
#: Lines of a home that are told apart; more share the posterior of nobody.
MOST_LINES = 16
#: Viewers: the lines, then the child's slot, then the slot of who refused.
MOST_CANDIDATES = MOST_LINES + 2
CHILD, REFUSED = -1, -2

#: Buckets of the salted sketch of contents, and cells of presence: 24 hours of two kinds of day.
BUCKETS, CELLS = 256, 48
#: A day on which a bucket or an hour was touched counts four; counts are halved every 60 days.
STEP, EPOCH_DAYS = 4, 60

#: Signals of a candidate, in the order of the weights.
SIGNALS: Final = ("taste", "contents", "presence", "activity", "silence")
N_SIGNALS = len(SIGNALS)

#: ``line`` of an event of the shared screen.
SHARED = -1

#: One event: ``line`` is the own line it came from, or `SHARED`; ``chosen`` is the line of a
#: person that the shared screen itself names (a profile that the viewer chose), else -1. Its
#: interests are ``start`` to ``end`` of the tags that come with the events.
EVENT: Final = np.dtype([
    ("ts", "i8"), ("content", "u8"), ("home", "i4"), ("line", "i4"), ("chosen", "i4"),
    ("start", "i4"), ("end", "i4"), ("mass", "f4"), ("country", "u2"),
], align=True)  # fmt: skip

#: One own line. ``r`` is the chain's posterior, ``act``, ``mass`` and ``kids`` are decayed events,
#: decayed mass and decayed mass of children's contents: of the opening, of ``day``, of the next.
#: ``hours`` has a bit for each hour of the day that saw an event, ``touched`` and ``present`` are
#: the sums of sketch and presence (of open days the number of buckets), ``seen`` is the last active
#: day before ``day``.
LINE: Final = np.dtype([
    ("home", "i4"), ("next", "i4"), ("last_ts", "i8"), ("r", "f8"),
    ("act", "f8"), ("act_0", "f8"), ("act_1", "f8"),
    ("mass", "f8"), ("mass_0", "f8"), ("mass_1", "f8"),
    ("kids", "f8"), ("kids_0", "f8"), ("kids_1", "f8"),
    ("hours_0", "u4"), ("hours_1", "u4"), ("touched", "u4"), ("present", "u4"),
    ("touched_0", "u2"), ("touched_1", "u2"),
    ("day", "u2"), ("seen", "u2"), ("country", "u2"), ("gone", "u1"),
], align=True)  # fmt: skip

#: One home. ``child`` is the mass that fell to the child's slot, laid out as in a line.
HOME: Final = np.dtype([
    ("line", "i4"), ("lines", "i4"), ("last_ts", "i8"), ("child_r", "f8"), ("refused_r", "f8"),
    ("child", "f8"), ("child_0", "f8"), ("child_1", "f8"),
    ("day", "u2"), ("country", "u2"), ("children", "u1"), ("refused", "u1"),
], align=True)  # fmt: skip

#: Clock and learning of a partition: gradients and labels of the open day and of the next.
CLOCK: Final = np.dtype([
    ("max_ts", "i8"), ("open_day", "i8"), ("labels_0", "f8"), ("labels_1", "f8"),
    ("scored", "i8"), ("loss", "f8"),
], align=True)  # fmt: skip


class AttributionRules(NamedTuple):
    """Constants of the attribution; times in milliseconds.

    Chosen on the development part of merged homes (`interest-streams quality --households`); the
    five weights are where learning begins.
    """

    lateness: int = 7_200_000
    offset: int = 0  # of the local day
    salt: int = 0x9E3779B97F4A7C15
    forget: float = 7_200_000.0  # the chain is forgotten by exp(-gap / this)
    refresh: float = 900_000.0  # evidence within a sitting counts 1 - exp(-gap / this)
    least_evidence: float = 0.1  # and this at least
    floor: float = 0.02  # share of a posterior that is spread evenly
    few: float = 2.0  # own events at which evidence counts half
    smoothing: float = 3.0  # events' worth of the home's taste in everybody's
    longest_silence: int = 30  # days
    given_from: float = 0.5  # posterior from which on a member is given anything
    rate: float = 0.006  # of learning
    child_share: float = 0.85  # children's contents among what a child sees
    child_doubt: float = 0.2  # odds of an unregistered child of whom nothing was seen
    taste: float = 0.9
    contents: float = 0.35
    presence: float = 0.1
    activity: float = 0.12
    silence: float = -0.08


class HomeTables(NamedTuple):
    """All that the kernels work on; the first axis is the line, or the home."""

    lines: Any  # of LINE
    homes: Any  # of HOME
    clock: Any  # of CLOCK, shape (1,)
    opening: NDArray[np.float64]  # (lines, interests), mass of closed days
    today: NDArray[np.float64]  # (lines, interests)
    tomorrow: NDArray[np.float64]  # (lines, interests)
    sketch: NDArray[np.uint8]  # (lines, BUCKETS)
    touched: NDArray[np.uint8]  # (lines, 2, BUCKETS / 8), bits of the open days
    presence: NDArray[np.uint8]  # (lines, CELLS)
    attributed: NDArray[np.float64]  # (lines, interests), mass by way of the shared screen
    household: NDArray[np.float64]  # (homes, interests), mass of the shared screen
    slot: NDArray[np.float64]  # (homes, interests), its part that fell to a slot
    childrens: NDArray[np.float64]  # (interests,), 1 for children's contents
    weights: NDArray[np.float64]  # (N_SIGNALS,)
    gradient: NDArray[np.float64]  # (2, N_SIGNALS), of the open day and of the next


class Viewers(NamedTuple):
    """Viewers of one event: line or slot, signals, evidence, posterior."""

    who: NDArray[np.int32]  # (MOST_CANDIDATES,)
    x: NDArray[np.float64]  # (MOST_CANDIDATES, N_SIGNALS)
    evidence: NDArray[np.float64]  # (MOST_CANDIDATES,)
    r: NDArray[np.float64]  # (MOST_CANDIDATES,)


def new_viewers() -> Viewers:
    """Room for the candidates of one event."""
    return Viewers(
        np.zeros(MOST_CANDIDATES, np.int32),
        np.zeros((MOST_CANDIDATES, N_SIGNALS)),
        np.zeros(MOST_CANDIDATES),
        np.zeros(MOST_CANDIDATES),
    )


def new_tables(
    lines: int, homes: int, childrens: NDArray[np.float64], rules: AttributionRules
) -> HomeTables:
    """Empty tables of so many lines and homes."""
    n = len(childrens)
    clock = np.zeros(1, CLOCK)
    clock["open_day"] = -1
    return HomeTables(
        np.zeros(lines, LINE),
        np.zeros(homes, HOME),
        clock,
        np.zeros((lines, n)),
        np.zeros((lines, n)),
        np.zeros((lines, n)),
        np.zeros((lines, BUCKETS), np.uint8),
        np.zeros((lines, 2, BUCKETS // 8), np.uint8),
        np.zeros((lines, CELLS), np.uint8),
        np.zeros((lines, n)),
        np.zeros((homes, n)),
        np.zeros((homes, n)),
        childrens,
        np.array([rules.taste, rules.contents, rules.presence, rules.activity, rules.silence]),
        np.zeros((2, N_SIGNALS)),
    )
