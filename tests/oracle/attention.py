"""The slow twin of the shares of attention: a conditional logit, learned a day at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tests.oracle.arithmetic import SIGNALS

SHARE_7D, LEVEL_60D = SIGNALS.index("share_7d"), SIGNALS.index("level_60d")


def _logs(p: float, values: Sequence[float]) -> list[float]:
    return [
        math.log(p),
        math.log(values[SHARE_7D] + 1e-3),
        math.log(math.expm1(values[LEVEL_60D]) + 1e-2),
    ]


def bounds(share: float, level: float) -> tuple[float, float]:
    """Nine in ten lie above the one, nine in ten below the other."""
    spread = 1.2816 * math.sqrt(share * (1 - share) / (1.2 + 0.05 * level))
    return max(0.0, share - spread), min(1.0, share + spread)


class Attention:
    """The powers of score, share of the week and long level in the appeal of an interest."""

    def __init__(self) -> None:
        self.powers, self.sums = [0.5, 0.2, 0.3], [1.0, 1.0, 1.0]

    def shares(self, rows: Sequence[tuple[float, Sequence[float]]]) -> tuple[list[float], float]:
        """Shares of a subject's rows, given by score and signals, and its long level."""
        appeals = [
            math.exp(sum(a * b for a, b in zip(self.powers, _logs(p, values), strict=True)))
            for p, values in rows
        ]
        level = math.fsum(math.expm1(values[LEVEL_60D]) for _, values in rows)
        return [appeal / math.fsum(appeals) for appeal in appeals], level

    def learn(self, day: dict[str, list[tuple[float, Sequence[float], int]]]) -> None:
        """Learn a day from scores, signals and labels of every subject's rows."""
        slope = [0.0, 0.0, 0.0]
        for rows in day.values():
            hits = sum(label for _, _, label in rows)
            if not hits:
                continue
            shares, _ = self.shares([(p, values) for p, values, _ in rows])
            for share, (p, values, label) in zip(shares, rows, strict=True):
                for k, log in enumerate(_logs(p, values)):
                    slope[k] += (share - label / hits) * log
        self.sums = [s + g * g for s, g in zip(self.sums, slope, strict=True)]
        self.powers = [
            w - 0.1 * g / math.sqrt(s)
            for w, g, s in zip(self.powers, slope, self.sums, strict=True)
        ]
