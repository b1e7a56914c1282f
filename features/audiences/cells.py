"""Profiles counted into cells that identify nobody: interests, pairs, day-parts, life-style groups.

What is counted is *accounts* (households), each once per cell, and only those whose profiles
do not say that they must not be counted. Three rules guard a cell:

1. *Small cells.* A count below *k* is never said.
2. *Differencing in time.* A cell is said anew (or withdrawn) only when at least *k* accounts
   entered or left it since it was last said, each account counted once, whatever the net
   change. So whoever compares two publications, or one with silence, learns something about no
   fewer than *k* accounts; and a published count is wrong by less than *k*.
3. *Differencing in space.* A cell that lies within another (a pair in its interests, an interest
   in its parent) is said only where their counts, now and as said, are at least *k* apart, so
   that neither the few in between nor "all of them" can be had by subtraction. Otherwise the
   narrower cell is withdrawn. Totals over all cells are never said, so that a missing group
   cannot be had by subtraction either.

Published counts are exact at the time they are published. State is rebuilt from the profile
topic; profiles are taken up by version, so reading one twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from features.audiences.groups import Groups
from features.tags.taxonomy import Taxonomy

K = 20
_PAIRED = 8  # strongest interests of a profile that make pairs: at most 28
_MIN_SCORE = 0.1  # weaker ones are no interest to be counted
_SPLIT = "+"


@dataclass
class Cell:
    """One cell: who is in it now, and what was said last.

    Attributes
    ----------
    count : int
        Accounts in it now.
    moved : set of str
        Accounts that are now in it and were not when it was last said, or the reverse.
    said : int
        Count of the last publication, 0 where nothing stands.
    """

    count: int = 0
    moved: set[str] = field(default_factory=set)
    said: int = 0


@dataclass(frozen=True)
class Segment:
    """A record of ``audience-segments``; `value` None withdraws it."""

    key: str
    value: dict[str, Any] | None


class Audiences:
    """Cells of all accounts.

    Parameters
    ----------
    taxonomy : Taxonomy
        Sensitive interests are not counted, whatever a profile says.
    k : int
        Least count and least change.
    """

    def __init__(self, taxonomy: Taxonomy, k: int = K) -> None:
        self.k = k
        self._taxonomy = taxonomy
        self._groups = Groups(taxonomy)
        self._versions: dict[str, tuple[int, int]] = {}
        self._subjects: dict[str, dict[str, tuple[str, ...]]] = {}  # account -> subject -> cells
        self._cells: dict[str, Cell] = {}
        self._restored: set[str] = set()  # said before a restart, of whom is not known
        self._names_of_cells: dict[str, str] = {}  # one text per cell, however many are in it
        self.as_of = 0

    # -- in ------------------------------------------------------------------------------

    def apply(self, subject: str, profile: Mapping[str, Any] | None) -> bool:
        """Take up a profile, or None: forget the subject. Returns whether anything changed."""
        account = subject.partition("/")[0]
        if profile is None:
            self._versions.pop(subject, None)
            return self._set(account, subject, ())
        version, as_of = int(profile["version"]), int(profile["as_of"])
        held = self._versions.get(subject)
        if held is not None and version <= held[0] and as_of <= held[1]:
            return False
        self._versions[subject] = version, as_of
        self.as_of = max(self.as_of, as_of)
        return self._set(account, subject, self._cells_of(profile))

    def restore(self, key: str, value: Mapping[str, Any] | None) -> None:
        """Take up what was said by another, or before a restart.

        Who was in the cell then is not known any more, so it counts as said of others: the cell
        is said anew once its count differs by *k* or more.
        """
        said = 0 if value is None else int(value["accounts"])
        cell = self._cells.setdefault(key, Cell())
        if said != cell.said:
            cell.said = said
            self._restored.add(key)

    def count(self, key: str) -> int:
        """Accounts in a cell now; for the guard and for tests, never for publication."""
        cell = self._cells.get(key)
        return 0 if cell is None else cell.count

    # -- out -----------------------------------------------------------------------------

    def publish(self) -> list[Segment]:
        """What may be said now; wider cells come first."""
        found: list[Segment] = []
        withdrawn: set[str] = set()
        # A cell within another may have to go because that one is said anew, so by width.
        for key in sorted(self._cells, key=lambda name: (len(_wider(name, self._taxonomy)), name)):
            cell = self._cells[key]
            changed = self._has_moved(key, cell)
            sayable = cell.count >= self.k and self._apart(key, cell.count)
            if changed and sayable:
                found.append(Segment(key, self._value(key, cell.count)))
                cell.said = cell.count
                cell.moved.clear()
                self._restored.discard(key)
            elif cell.said and ((changed and not sayable) or not self._apart(key, cell.said)):
                found.append(Segment(key, None))
                cell.said = 0
                withdrawn.add(key)
                self._restored.discard(key)
            if not cell.count and not cell.said:
                del self._cells[key]  # nobody in it, nothing said: as if it had never been
                self._restored.discard(key)
        self._begin_anew(withdrawn)
        return found

    def _has_moved(self, key: str, cell: Cell) -> bool:
        if key in self._restored:
            return abs(cell.count - cell.said) >= self.k
        return len(cell.moved) >= self.k

    def _apart(self, key: str, count: int) -> bool:
        """Whether a count can stand beside the cells around it."""
        for wider in _wider(key, self._taxonomy):
            around = self._cells.get(wider)
            if around is None:
                continue
            if abs(around.count - count) < self.k or (
                around.said and abs(around.said - count) < self.k
            ):
                return False
        return True

    def _value(self, key: str, count: int) -> dict[str, Any]:
        kind, _, rest = key.partition("/")
        daypart, interests, name = None, [], rest
        if kind == "group":
            interests = self._groups.interests(int(rest))
            name = " & ".join(self._names(interests)) or f"group {rest}"
        elif kind == "daypart":
            daypart, _, interest = rest.partition("/")
            interests = [interest]
            name = f"{self._names(interests)[0]}, {daypart}"
        else:
            interests = rest.split(_SPLIT)
            name = " & ".join(self._names(interests))
        return {
            "schema": 1,
            "segment": key,
            "kind": kind,
            "name": name,
            "interests": interests,
            "daypart": daypart,
            "accounts": count,
            "k": self.k,
            "as_of": self.as_of,
        }

    def _names(self, interests: Iterable[str]) -> list[str]:
        return [self._taxonomy.names[self._taxonomy.index(i)] for i in interests]

    # -- cells ---------------------------------------------------------------------------

    def _cells_of(self, profile: Mapping[str, Any]) -> tuple[str, ...]:
        if any(item["scope"] == "audiences" for item in profile["suppressions"]):
            return ()
        shown = [
            item
            for item in profile["interests"]
            if item["score"] >= _MIN_SCORE and not self._taxonomy.is_sensitive(item["id"])
        ]
        if not shown:
            return ()
        ids = [item["id"] for item in shown]
        cells = [f"interest/{interest}" for interest in ids]
        cells += [f"pair/{_SPLIT.join(sorted(pair))}" for pair in combinations(ids[:_PAIRED], 2)]
        cells += [f"daypart/{part}/{item['id']}" for item in shown for part in item["dayparts"]]
        cells.append(f"group/{self._groups.of(shown)}")
        return tuple(self._names_of_cells.setdefault(cell, cell) for cell in cells)

    def _set(self, account: str, subject: str, cells: tuple[str, ...]) -> bool:
        subjects = self._subjects.setdefault(account, {})
        before = {cell for held in subjects.values() for cell in held}
        if cells:
            subjects[subject] = cells
        else:
            subjects.pop(subject, None)
        after = {cell for held in subjects.values() for cell in held}
        if not subjects:
            del self._subjects[account]
        for key in before ^ after:
            cell = self._cells.setdefault(key, Cell())
            cell.count += 1 if key in after else -1
            cell.moved ^= {account}
        return before != after

    def _begin_anew(self, keys: set[str]) -> None:
        """From now on silence stands for these cells, and whoever is in them is news."""
        for key in keys & self._cells.keys():
            self._cells[key].moved.clear()
        for account, subjects in self._subjects.items() if keys else ():
            for key in keys.intersection(set().union(*subjects.values())):
                self._cells[key].moved.add(account)


def _wider(key: str, taxonomy: Taxonomy) -> list[str]:
    """Cells that a cell lies within."""
    kind, _, rest = key.partition("/")
    if kind == "pair":
        return [f"interest/{interest}" for interest in rest.split(_SPLIT)]
    if kind == "daypart":
        return [f"interest/{rest.partition('/')[2]}"]
    if kind == "interest":
        parent = int(taxonomy.parent[taxonomy.index(rest)])
        return [f"interest/{taxonomy.ids[parent]}"] if parent >= 0 else []
    return []
