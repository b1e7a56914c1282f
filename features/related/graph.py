"""Learns a graph of interests that go together, from what subjects do on the same day.

Counts are fractional (Perianes-Rodriguez et al., *Constructing bibliometric networks: full versus
fractional counting*, Journal of Informetrics 2016): a subject that is at everything says little
about what belongs together, and nobody weighs more than another. Relatedness is normalised
pointwise mutual information (Bouma, *Normalized (pointwise) mutual information in collocation
extraction*, GSCL 2009), ``ln(c D / (d_i d_j)) / -ln(c / D)``, times ``c / (c + ENOUGH)``, a
discount for little evidence as in Pantel and Lin, *Discovering word senses from text*, KDD 2002.
Here *c* is the decayed count of the pair, *d* the sum of an interest's pairs, *D* of all *d*.

Sensitive interests are in no pair. Two graphs add up: counts are sums.

A pair is told only of so many households. How many it rests on is bounded from below by linear
counting (Whang et al., *A linear-time probabilistic counting algorithm*, TODS 1990) without its
estimate: a household sets one bit of 64, in this four weeks' word or the last's. Whoever leaves
takes the bit along, and with it those who shared it, until they come again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.records.hash_kernel import hash_text
from features.related.co_occurrence_kernel import (
    Kinship,
    Sample,
    Table,
    add_co_occurrences,
    mark_interests,
)
from features.state import snapshots
from features.state.changelog_keys import RELATED
from features.state.store import Store
from features.tags.exact import STRUCTURAL, neighbours
from features.tags.taxonomy import MAX_NODES, Taxonomy

#: Most pairs kept; beyond it the weakest go: 393 kB in the changelog. 181 interests fit fully.
MAX_PAIRS = 16_384
#: Most interests of a subject that count on a day: 120 pairs.
MOST_A_DAY = 16
#: Days in which a count halves.
HALF_LIFE_DAYS = 28.0
#: Days that a word of households is written; it is read for as long again.
PERIOD_DAYS = 28
#: Pairs below it go: one meeting in sixteen, long ago.
LEAST = 0.01
#: Evidence, in days of a subject, at which relatedness counts half.
ENOUGH = 2.0
#: Most neighbours of an interest, and what they may get of its weight together.
NEIGHBOURS, SHARE = 8, 0.15

_DECAY = 2.0 ** (-1.0 / HALF_LIFE_DAYS)


class Related:
    """The graph of one partition.

    Attributes
    ----------
    key : ndarray of uint32, shape (pairs,)
        ``1024 i + j`` with i < j, ascending.
    count : ndarray of float32, shape (pairs,)
        Decayed days of subjects.
    seen, before : ndarray of uint64, shape (pairs,)
        Bits of the households behind each pair, in this period and in the one before.
    period : int
        Number of the period, -1 before the first day.
    mass : ndarray of float64, shape (n,)
        What the pairs of each interest sum up to, those that were dropped included.
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        size = min(len(taxonomy), MAX_NODES)
        near = np.full(size, -1, np.int16)
        for one, other in neighbours(taxonomy).items():
            if max(one, other) < size:
                near[one] = other
        structural = np.array([name in STRUCTURAL for name in taxonomy.ids[:size]], np.bool_)
        self._left_out = (taxonomy.sensitive[:size] | structural).astype(np.uint8)
        self._kinship = Kinship(np.asarray(taxonomy.parent[:size]), near, self._left_out)
        self.key = np.zeros(0, np.uint32)
        self.count = np.zeros(0, np.float32)
        self.seen = self.before = np.zeros(0, np.uint64)
        self.period = -1
        self.mass = np.zeros(size)

    def close_day(self, store: Store, day: int) -> None:
        """Add a day that closes; everything before it fades."""
        period = day // PERIOD_DAYS
        if period != self.period:
            self.before = self.seen if period == self.period + 1 else np.zeros_like(self.seen)
            self.seen, self.period = np.zeros_like(self.seen), period
        held = np.zeros(len(self.mass), np.bool_)
        mark_interests(store.live, held)
        table = self._table(held)
        table.pairs[:] *= _DECAY
        self.mass *= _DECAY
        sample = Sample(np.zeros(MOST_A_DAY, np.int32), np.zeros(MOST_A_DAY, np.uint64))
        add_co_occurrences(store.live, day, self._kinship, sample, table, self.mass)
        self._keep(table)

    def forget(self, accounts: Iterable[bytes]) -> bool:
        """Take households out of what is told; returns whether anything changed."""
        gone = np.uint64(0)
        for account in accounts:
            gone |= np.uint64(1) << np.uint64(hash_text(account) & 63)
        if not np.any((self.seen | self.before) & gone):
            return False
        self.seen, self.before = self.seen & ~gone, self.before & ~gone
        return True

    def add(self, other: Related) -> None:
        """Add the graph of another partition, of which no household is in this one."""
        table, its = self._table(other._met()), other._table(self._met())
        for mine, more in ((table.seen, its.seen), (table.before, its.before)):
            mine |= more
        table.pairs[:] += its.pairs
        self.mass += other.mass
        self._keep(table)

    def _met(self) -> NDArray[np.bool_]:
        """Whether each interest is in a pair."""
        met = np.zeros(len(self.mass), np.bool_)
        met[self.key // MAX_NODES] = met[self.key % MAX_NODES] = True
        return met

    def _table(self, others: NDArray[np.bool_]) -> Table:
        """The pairs with room for those among `others`, and no more: most interests meet none."""
        met = np.flatnonzero(self._met() | others)
        place = np.full(len(self.mass), -1, np.int32)
        place[met] = np.arange(len(met), dtype=np.int32)
        at = place[self.key // MAX_NODES], place[self.key % MAX_NODES]
        shape = len(met), len(met)
        pairs, seen, before = (
            np.zeros(shape),
            np.zeros(shape, np.uint64),
            np.zeros(shape, np.uint64),
        )
        pairs[at], seen[at], before[at] = self.count, self.seen, self.before
        return Table(place, pairs, seen, before)

    def _keep(self, table: Table) -> None:
        met = np.flatnonzero(table.place >= 0)
        # Flat: numpy takes a hundred times as long to find them in two dimensions.
        i, j = np.divmod(np.flatnonzero(table.pairs >= LEAST), max(1, len(met)))
        count = table.pairs[i, j].astype(np.float32)
        if len(count) > MAX_PAIRS:
            kept = np.sort(np.argsort(-count, kind="stable")[:MAX_PAIRS])
            i, j, count = i[kept], j[kept], count[kept]
        self.key = (met[i] * MAX_NODES + met[j]).astype(np.uint32)
        self.count, self.seen, self.before = count, table.seen[i, j], table.before[i, j]

    # -- reading it ---------------------------------------------------------------------

    def neighbours(self, interest: int, households: int = 0) -> list[tuple[int, float]]:
        """Nearest interests with their relatedness, 0..1, nearest first, ties by index.

        Only what occurs together more often than by chance, in at least so many households; at
        most `NEIGHBOURS`. A sensitive interest has none.
        """
        if self._left_out[interest]:
            return []
        i, j = (self.key // MAX_NODES).astype(np.intp), (self.key % MAX_NODES).astype(np.intp)
        enough = np.bitwise_count(self.seen | self.before) >= households
        own = np.flatnonzero(((i == interest) | (j == interest)) & enough)
        total = float(self.mass.sum())
        found = []
        for k in own.tolist():
            other = int(i[k] + j[k]) - interest
            near = relatedness(
                float(self.count[k]), float(self.mass[interest]), float(self.mass[other]), total
            )
            if near > 0.0 and not self._left_out[other]:
                found.append((other, near))
        return sorted(found, key=lambda item: (-item[1], item[0]))[:NEIGHBOURS]

    def spread(self, weights: Mapping[int, float]) -> dict[int, float]:
        """Weights with what they weakly give to their neighbours.

        One step only, so that no circle feeds itself. An interest gives at most `SHARE` of its
        weight, in proportion to relatedness, and keeps its own: the sum grows by at most the
        factor ``1 + SHARE``. Sensitive interests neither give nor get.
        """
        found = {i: w for i, w in weights.items() if w > 0.0 and not self._left_out[i]}
        for i, weight in sorted(found.items()):
            near = self.neighbours(i)
            total = max(1.0, sum(share for _, share in near))
            for other, share in near:
                found[other] = found.get(other, 0.0) + SHARE * weight * share / total
        return found

    # -- to bytes and back ---------------------------------------------------------------

    def snapshot(self) -> dict[bytes, bytes]:
        """Changelog record by key."""
        return {
            RELATED: snapshots.pack(
                {"half_life": HALF_LIFE_DAYS, "period": self.period},
                {
                    "key": self.key,
                    "count": self.count,
                    "mass": self.mass,
                    "seen": self.seen,
                    "before": self.before,
                },
            )
        }

    def restore(self, records: Mapping[bytes, bytes]) -> None:
        """Go on from a snapshot; without one the graph starts empty.

        What has become sensitive since it was written is dropped; of what was written without
        households none is told until they come again.

        Raises
        ------
        ValueError
            Where the record is not what `snapshot` makes.
        """
        if RELATED not in records:
            return
        manifest, arrays = snapshots.unpack(records[RELATED])
        unknown = np.zeros(arrays["key"].shape, np.uint64)
        arrays = {"seen": unknown, "before": unknown, **arrays}
        self._check(arrays)
        self.period = int(manifest.get("period", -1))
        key, left_out = arrays["key"], self._left_out != 0
        told = ~(left_out[key // MAX_NODES] | left_out[key % MAX_NODES])
        self.key, self.count = key[told], arrays["count"][told]
        self.seen, self.before = arrays["seen"][told], arrays["before"][told]
        self.mass = np.where(left_out, 0.0, arrays["mass"])

    def _check(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        key, count, mass = arrays["key"], arrays["count"], arrays["mass"]
        if (key.dtype.str, count.dtype.str, mass.dtype.str) != ("<u4", "<f4", "<f8"):
            raise ValueError("types of the arrays")
        if key.ndim != 1 or key.shape != count.shape or mass.shape != self.mass.shape:
            raise ValueError("shapes of the arrays")
        for bits in (arrays["seen"], arrays["before"]):
            if bits.dtype.str != "<u8" or bits.shape != key.shape:
                raise ValueError("households of the pairs")
        i, j = key // MAX_NODES, key % MAX_NODES
        if np.any(np.diff(key.astype(np.int64)) <= 0) or np.any(i >= j) or np.any(j >= len(mass)):
            raise ValueError("pairs out of order or of unknown interests")
        if not (np.all(np.isfinite(count)) and np.all(np.isfinite(mass))):
            raise ValueError("counts that are no numbers")


def relatedness(count: float, one: float, other: float, total: float) -> float:
    """Share by which two interests occur together more often than by chance, 0 to 1.

    Parameters
    ----------
    count : float
        Decayed days on which they occurred together.
    one, other, total : float
        Sums of each one's pairs, and of all interests.

    Examples
    --------
    Two that occur together on 40 days of 100 each, and two that do as often as by chance:

    >>> round(relatedness(40.0, 100.0, 100.0, 10_000.0), 2)
    0.64
    >>> relatedness(1.0, 100.0, 100.0, 10_000.0)
    0.0
    """
    if count <= 0.0 or count >= total or one * other <= 0.0:
        return 0.0
    lift = count * total / (one * other)
    near = math.log(lift) / -math.log(count / total)
    return min(1.0, max(0.0, near)) * count / (count + ENOUGH)
