"""The slow twin of the graph of related interests: dictionaries, every pair of every day."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

from features.config import Config
from features.tags.exact import STRUCTURAL, TagEntry, expand
from features.tags.taxonomy import Taxonomy
from tests.oracle.arithmetic import text_hash
from tests.oracle.partition import Partition

_FULL = 2**64


class Watched(Partition):
    """A partition's twin that counts what was there together when a day closes.

    Attributes
    ----------
    pairs : dict of (int, int) to float
        Decayed counts, the lesser interest first.
    mass : dict of int to float
    households : dict of (int, int) to set of str
        Accounts that a pair was ever met in.
    """

    def __init__(
        self, config: Config, tree: Taxonomy, table: Mapping[str, TagEntry], most: int, least: float
    ) -> None:
        super().__init__(config, tree, table)
        self.most, self.least = most, least
        self.raised = {
            tuple(sorted(pair))
            for interest in tree.ids
            for pair in combinations([i for i, _ in expand([(interest, 1.0)], tree)], 2)
        }
        self.pairs: dict[tuple[int, int], float] = {}
        self.mass: dict[int, float] = {}
        self.households: dict[tuple[int, int], set[str]] = {}

    def _learn(self, day: int) -> None:
        super()._learn(day)
        fade, offset = 2.0 ** (-1.0 / 28.0), self.config.day_offset_ms
        self.pairs = {pair: count * fade for pair, count in self.pairs.items()}
        self.mass = {i: mass * fade for i, mass in self.mass.items()}
        for key, subject in self.subjects.items():
            there = [
                i
                for i, row in subject.rows.items()
                if day in row.days(offset)
                and not self.tree.sensitive[i]
                and self.tree.ids[i] not in STRUCTURAL
            ]
            there = sorted(there, key=lambda i: _rank(key, day, i))[: self.most]
            for pair in combinations(sorted(there), 2):
                if pair in self.raised:
                    continue
                share = 1.0 / (len(there) - 1)
                self.pairs[pair] = self.pairs.get(pair, 0.0) + share
                self.households.setdefault(pair, set()).add(key.partition("/")[0])
                for i in pair:
                    self.mass[i] = self.mass.get(i, 0.0) + share
        self.pairs = {pair: count for pair, count in self.pairs.items() if count >= self.least}


def _rank(key: str, day: int, interest: int) -> int:
    """Hash by which of many interests of a day some are taken (finaliser of MurmurHash3)."""
    x = text_hash(key.encode()) ^ ((day * 65_536 + interest) * 0x9E3779B97F4A7C15 % _FULL)
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        x = (x ^ (x >> 33)) * factor % _FULL
    return x ^ (x >> 33)
