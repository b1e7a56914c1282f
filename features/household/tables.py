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

from features.tags.taxonomy import Taxonomy

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
#: Landmark of the forward decay, 2018-01-01.
LANDMARK_DAY = 17_532
#: Lines of a home that are told apart; more share the posterior of nobody.
MOST_LINES = 16
#: Viewers: the lines, then the child's slot, then the slot of who refused.
MOST_CANDIDATES = MOST_LINES + 2
CHILD, REFUSED = -1, -2

#: Buckets of the salted sketch of contents, and cells of presence: 24 hours of two kinds of day.
BUCKETS, CELLS = 256, 48
#: A day on which a bucket or an hour was touched counts four; counts are halved every 60 days.
STEP, EPOCH_DAYS = 4, 60

#: Share of a household's interest that falls to a slot from which on it is somebody else's.
SOMEBODY_ELSE = 0.5

#: Signals of a candidate, in the order of the weights.
SIGNALS: Final = ("taste", "contents", "presence", "activity", "silence")
N_SIGNALS = len(SIGNALS)
#: Bands of the greatest posterior of a person, in the figures.
BANDS = 5

#: What is known of one own line. ``r`` is the chain's posterior, if it is of the home's ``step``;
#: ``act``, ``mass`` and ``kids`` are decayed events, decayed mass and decayed mass of children's
#: contents: of the opening, of ``day``, of the next. ``hours`` has a bit for each hour of the day
#: that saw an event, ``there`` so many of them; ``touched`` and ``present`` are the sums of sketch
#: and presence (of open days the number of buckets), ``seen`` is the last active day before
#: ``day``; 0 is no day. ``next`` links lines that are free.
LINE: Final = np.dtype([
    ("r", "f8"),
    ("act", "f8"), ("act_0", "f8"), ("act_1", "f8"),
    ("mass", "f8"), ("mass_0", "f8"), ("mass_1", "f8"),
    ("kids", "f8"), ("kids_0", "f8"), ("kids_1", "f8"),
    ("hours_0", "u4"), ("hours_1", "u4"), ("touched", "u4"), ("present", "u4"),
    ("step", "u4"), ("next", "i4"),
    ("touched_0", "u2"), ("touched_1", "u2"), ("day", "u2"), ("seen", "u2"),
    ("there_0", "u1"), ("there_1", "u1"),
], align=True)  # fmt: skip

#: What is known of the shared screen of one home: the chain's time, ``step`` and posteriors of the
#: slots; ``child`` is the mass that fell to the child's slot, laid out as in a line.
HOME: Final = np.dtype([
    ("last_ts", "i8"), ("child_r", "f8"), ("refused_r", "f8"),
    ("child", "f8"), ("child_0", "f8"), ("child_1", "f8"),
    ("step", "u4"), ("next", "i4"), ("day", "u2"),
], align=True)  # fmt: skip

#: Learning of a partition: labels of the open day and of the next, those scored and their loss; how
#: many posteriors were said, and the sum of their entropies in nats.
CLOCK: Final = np.dtype([
    ("open_day", "i8"), ("labels_0", "f8"), ("labels_1", "f8"), ("scored", "i8"), ("loss", "f8"),
    ("said", "i8"), ("entropy", "f8"),
], align=True)  # fmt: skip


class AttributionRules(NamedTuple):
    """Constants of the attribution; times in milliseconds.

    Chosen on the development part of merged homes (`interest-streams quality --households`); the
    five weights are where learning begins.
    """

    lateness: int = 7_200_000
    offset: int = 0  # of the local day
    half_life: float = 60.0  # days, of tastes
    salt: int = 0x9E3779B97F4A7C1  # below 2**63: a Python int is an int64 to the kernels
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


#: Animation: of what is counted at all, what children watch. Contents made for them never are.
_CHILDRENS: Final = ("641",)


def childrens_contents(tree: Taxonomy) -> NDArray[np.float64]:
    """Array with 1 for each interest that a child at the screen raises, shape (interests,).

    Of a taxonomy that lacks those ids, none.
    """
    found = np.zeros(len(tree))
    for name in _CHILDRENS:
        if name not in tree:
            continue
        index = tree.index(name)
        found[[index, *tree.descendants(index)]] = 1.0
    return found


class Attributing(NamedTuple):
    """Constants that decide the attribution of shared screens."""

    rules: AttributionRules
    childrens: NDArray[np.float64]  # (interests,), as of `childrens_contents`


class LineTables(NamedTuple):
    """Lines and homes, but for tastes, which lie where interests are counted."""

    lines: Any  # of LINE
    homes: Any  # of HOME
    clock: Any  # of CLOCK, shape (1,)
    sketch: NDArray[np.uint8]  # (lines, BUCKETS)
    touched: NDArray[np.uint8]  # (lines, 2, BUCKETS / 8), bits of the open days
    presence: NDArray[np.uint8]  # (lines, CELLS)
    childrens: NDArray[np.float64]  # (interests,), 1 for children's contents
    weights: NDArray[np.float64]  # (N_SIGNALS,)
    gradient: NDArray[np.float64]  # (2, N_SIGNALS), of the open day and of the next
    bands: NDArray[np.int64]  # (BANDS,), posteriors by fifth of the greatest of a person


class Showing(NamedTuple):
    """One event as the model asks about it; its interests stand in `Viewers`."""

    home: int
    ts: int
    content: Any  # uint64
    tags: int  # how many interests
    kids: float  # share of children's contents
    children: bool  # whether the home has registered children


class Viewers(NamedTuple):
    """Viewers of one event: line or slot, tastes, signals, evidence, posterior."""

    who: NDArray[np.int32]  # (MOST_CANDIDATES,)
    subject: NDArray[np.int32]  # (MOST_CANDIDATES,), whose line it is, for who keeps subjects
    interest: NDArray[np.uint16]  # (tags,), of the event
    weight: NDArray[np.float64]  # (tags,)
    level: NDArray[np.float64]  # (MOST_CANDIDATES, tags), own mass as the event's day began
    x: NDArray[np.float64]  # (MOST_CANDIDATES, N_SIGNALS)
    evidence: NDArray[np.float64]  # (MOST_CANDIDATES,)
    r: NDArray[np.float64]  # (MOST_CANDIDATES,)


def new_viewers(tags: int) -> Viewers:
    """Room for the candidates of one event of so many interests."""
    return Viewers(
        np.zeros(MOST_CANDIDATES, np.int32),
        np.zeros(MOST_CANDIDATES, np.int32),
        np.zeros(tags, np.uint16),
        np.zeros(tags),
        np.zeros((MOST_CANDIDATES, tags)),
        np.zeros((MOST_CANDIDATES, N_SIGNALS)),
        np.zeros(MOST_CANDIDATES),
        np.zeros(MOST_CANDIDATES),
    )


def new_lines(
    lines: int, homes: int, childrens: NDArray[np.float64], rules: AttributionRules
) -> LineTables:
    """Empty tables of so many lines and homes."""
    clock = np.zeros(1, CLOCK)
    clock["open_day"] = -1
    return LineTables(
        np.zeros(lines, LINE),
        np.zeros(homes, HOME),
        clock,
        np.zeros((lines, BUCKETS), np.uint8),
        np.zeros((lines, 2, BUCKETS // 8), np.uint8),
        np.zeros((lines, CELLS), np.uint8),
        childrens,
        np.array([rules.taste, rules.contents, rules.presence, rules.activity, rules.silence]),
        np.zeros((2, N_SIGNALS)),
        np.zeros(BANDS, np.int64),
    )
