"""The moments' slow twin: days and quarters kept as they were, every signal counted anew."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

TOLERANCE = 1e-9
_BINS, _SIGNALS = 16, 14


def _logit(p: float) -> float:
    return math.log(p / (1.0 - p))


def _bin(value: float, low: float, high: float) -> int:
    return int(min(15, max(0, math.floor((value - low) / (high - low) * 16))))


def _weekend(day: int) -> bool:
    return day % 7 in (2, 3)


@dataclass
class Forecast:
    """The twin of `features.moments.Moments`."""

    persons: Sequence[int]
    rate: float
    closed: list[int] = field(default_factory=list)  # days on which everybody was there
    hits: dict[tuple[int, int], int] = field(default_factory=dict)  # pair, day: bits of quarters
    z: dict[object, float] = field(default_factory=dict)
    n: dict[object, float] = field(default_factory=dict)

    def close(self, day: int, hit: Mapping[int, int]) -> None:
        """Learn a day, then keep it."""
        for pair in range(len(self.persons)):
            for quarter in range(4):
                if not any(p == pair for p, _ in self.hits):
                    continue
                on = self._on(pair, day, quarter)
                g = self.probability(pair, day, quarter) - (hit.get(pair, 0) >> quarter & 1)
                for key in on:
                    z, n = self.z.get(key, 0.0), self.n.get(key, 0.0)
                    w = self._weight(key)
                    self.z[key] = z + g - (math.sqrt(n + g * g) - math.sqrt(n)) / self.rate * w
                    self.n[key] = n + g * g
        self.closed.append(day)
        self.hits |= {(pair, day): bits for pair, bits in hit.items() if bits}

    def probability(self, pair: int, day: int, quarter: int) -> float:
        """Probability of a cell on the morning of `day`."""
        total = _logit(self._simple(pair, day, quarter))
        total += sum(self._weight(key) for key in self._on(pair, day, quarter))
        return 1.0 / (1.0 + math.exp(-total))

    def _weight(self, key: object) -> float:
        n = self.n.get(key, 0.0)
        return -self.z.get(key, 0.0) / ((1.0 + math.sqrt(n)) / self.rate + 1e-3)

    def _left(self, day: int) -> float:
        return float(0.5 ** ((self.closed[-1] - day) / 28.0))

    def _days(self, weekend: bool | None = None) -> float:
        return sum(self._left(d) for d in self.closed if weekend in (None, _weekend(d)))

    def _count(
        self, pairs: Sequence[int], quarter: int | None = None, weekend: bool | None = None
    ) -> float:
        """Decayed quarters in which any of the pairs was active."""
        return sum(
            self._left(d)
            for d in self.closed
            for q in (range(4) if quarter is None else [quarter])
            if weekend in (None, _weekend(d))
            and any(self.hits.get((p, d), 0) >> q & 1 for p in pairs)
        )

    def _of(self, pair: int) -> list[int]:
        return [p for p, person in enumerate(self.persons) if person == self.persons[pair]]

    def _simple(self, pair: int, day: int, quarter: int) -> float:
        of, weekend = self._of(pair), _weekend(day)
        rate = (self._count([pair]) + 0.05) / (self._days() + 1.0)
        share = self._count(of, quarter, weekend) + 0.5 * self._count(of, quarter, not weekend)
        return min(0.95, rate * (share + 0.25) / (self._count(of) + 1.0))

    def _on(self, pair: int, day: int, quarter: int) -> list[object]:
        of, weekend = self._of(pair), _weekend(day)
        active = {d for d in self.closed if (pair, d) in self.hits}
        here = {d for d in self.closed if any((p, d) in self.hits for p in of)}
        then = {d for d in active if self.hits[pair, d] >> quarter & 1}
        last = self.closed[-1] if self.closed else day - 1

        def since(days: set[int]) -> float:
            return math.log(1.0 + min([last - d for d in days], default=64))

        def recent(days: set[int], back: int) -> list[int]:
            return [d for d in days if last - d < back]

        def pattern(days: set[int]) -> int:
            return sum(1 << (last - d) for d in recent(days, 3)) + (8 if day - 1 > last else 0)

        def weekly(days: set[int]) -> int:
            return sum(day - 7 * week in days for week in range(1, 5))

        hits, days = self._count([pair]), self._days()
        in_cell = self._count([pair], quarter, weekend)
        bins = [
            _bin(_logit(min(0.99, (hits + 0.05) / (days + 1.0))), -6.0, 2.0),
            _bin(
                _logit(min(0.97, (self._count(of, quarter, weekend) + 0.2)
                           / (self._days(weekend) + 1.0))), -4.0, 3.0,
            ),
            _bin(_logit((self._count([pair], quarter) + 0.25) / (hits + 1.0)), -3.0, 3.0),
            _bin(_logit(self._simple(pair, day, quarter)), -8.0, 2.0),
            _bin(_logit(min(0.95, (in_cell + 0.02) / (self._days(weekend) + 1.0))), -6.0, 2.5),
            _bin(since(active), 0.0, 4.2),
            pattern(active),
            _bin(since(here), 0.0, 4.2),
            weekly(active) * 3 + min(2, weekly(then)),
            _bin(since(then), 0.0, 4.2),
            4 * weekend + quarter + (8 if day - min(active, default=day) < 7 else 0),
            _bin(
                _logit((len(recent(active, 28)) + 0.3) / (max(1, len(recent(here, 28))) + 1.0)),
                -4.5, 2.5,
            ),
            pattern(here),
            weekly(here) * 3 + min(2, len(recent(here, 7)) // 2),
        ]  # fmt: skip
        crosses = [("cross", a, b, bins[a], bins[b]) for a, b in ((0, 1), (4, 5))]
        return [*enumerate(bins), *crosses, "intercept"]
