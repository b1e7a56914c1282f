"""Counts profiles in cells that identify nobody: interests, pairs, day-parts, groups.

What is counted is *accounts* (households), each once per cell and in few cells
(`features.audiences.household`), and only those whose profiles do not say that they must not be
counted, for as long as they are valid. What is published of them:

1. *Seldom.* Counts are published in releases, one per `release_ms` at most, whenever people
   come and go. In between, cells are only withdrawn.
2. *Noise.* Each count of a release gets noise of its own, calibrated to a budget
   (`features.audiences.budget`); no release goes beyond it. A release is drawn once: what a
   restart interrupted waits for the next. Everything below is decided by counts with noise, so
   it tells nothing more. The account of releases only grows: whatever order, partition, clock or
   instance it is read from, none of it is taken back.
3. *Rounding.* Counts are rounded down to multiples of k, so what one gets by adding and
   subtracting published counts is nothing or at least k.
4. *Small cells.* A count below k is never published; with noise, none below k and a margin.
5. *Subtraction.* Cells are published together only where nothing small is left between them
   (`features.audiences.lattice`).
6. *Change.* Without noise, a cell is published anew or left out only when at least k accounts
   entered or left it since it was last published, each counted once, whatever the net change.
7. *Retraction.* A cell goes at once, between releases too, when fewer than k of its published
   accounts are left in it; with noise, when the count with noise less those who left is below k
   and half the margin. So does every cell that was published before a restart by a smaller k.

State is rebuilt from profiles, counted by version: reading one twice changes nothing.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from features.audiences import groups, household, lattice, segments
from features.audiences.budget import Budget, Noise
from features.audiences.segments import RELEASE, Segment, Terms
from features.tags.taxonomy import Taxonomy

K = 20
RELEASE_MS = 86_400_000


@dataclass
class Cell:
    """One cell: the accounts in it now, and the count published last.

    Attributes
    ----------
    count : int
        Accounts in it now.
    moved : set of str
        Accounts that are now in it and were not when it was last published, or the reverse.
    said : int
        The count published last, 0 where none stands.
    measured : int
        The count that `said` was rounded from, with its noise; never leaves.
    restored : bool
        Published before a restart: the accounts are not known, so `measured` is `said`.
    k : int
        The least count that it was published by.
    """

    count: int = 0
    moved: set[str] = field(default_factory=set)
    said: int = 0
    measured: int = 0
    restored: bool = False
    k: int = 0


class Audiences:
    """Counts accounts in cells, and decides what to publish.

    Parameters
    ----------
    taxonomy : Taxonomy
        Sensitive interests are not counted, whatever a profile says.
    k : int
        Least count, least change, and what counts are rounded to.
    release_ms : int
        Least time between two releases, milliseconds.
    contribution : int
        Most cells that an account is counted in.
    noise : Noise, optional
        Without it counts are exact before they are rounded: then whoever knows all others in a
        cell can tell the one that took it over a multiple of k.

    Raises
    ------
    ValueError
        `contribution` leaves no room for an interest.
    """

    def __init__(
        self,
        taxonomy: Taxonomy,
        k: int = K,
        release_ms: int = RELEASE_MS,
        contribution: int = household.CONTRIBUTION,
        noise: Noise | None = None,
    ) -> None:
        if contribution < household.LEAST_CONTRIBUTION:
            raise ValueError(f"contribution = {contribution}: at least an interest and its cells")
        self.k = k
        self.as_of = 0
        self.budget = noise and Budget(noise.epsilon, contribution, release_ms)
        self._draw = noise and noise.draw
        self._taxonomy = taxonomy
        self._release_ms = release_ms
        self._contribution = contribution
        self._versions: dict[str, tuple[int, int]] = {}
        self._until: dict[str, int] = {}  # subject -> when its profile ceases to be valid
        self._expiring: list[tuple[int, str]] = []  # the same, earliest first
        self._subjects: dict[str, dict[str, tuple[household.Entry, ...]]] = {}  # by account
        self._counted: dict[str, list[str]] = {}  # account -> its cells
        self._cells: dict[str, Cell] = {}
        self._names: dict[str, str] = {}  # one text per cell, however many are in it
        self._groups: tuple[groups.Group, ...] = ()
        self._followed = False  # cells were restored, so the groups may be others
        self._release = -1  # time of the latest one
        self._spent: dict[int, float] = {}  # time of a release -> rho

    def apply(self, subject: str, profile: Mapping[str, Any] | None) -> bool:
        """Count a profile, or None: forget the subject. Returns whether anything changed."""
        if profile is None:
            self._versions.pop(subject, None)
            self._until.pop(subject, None)
            return self._set(subject, ())
        version, as_of = int(profile["version"]), int(profile["as_of"])
        held = self._versions.get(subject)
        if held is not None and version <= held[0] and as_of <= held[1]:
            return False
        self._versions[subject] = version, as_of
        self.as_of = max(self.as_of, as_of)
        until = household.counted_until(profile)
        self._until.pop(subject, None)
        if until is not None:
            self._until[subject] = until
            heapq.heappush(self._expiring, (until, subject))
        most = household.most_interests(self._contribution)
        return self._set(subject, household.entries(profile, self._taxonomy, most))

    def restore(self, key: str, value: Mapping[str, Any] | None) -> None:
        """Read a cell that another instance published, or this one before a restart.

        Who was in the cell then is not known any more. Without noise it counts as published of
        others, and is published anew once its count differs by *k* or more. What was published by
        a smaller *k* goes, by a larger one is published anew.
        """
        if value is not None:
            self._release = max(self._release, int(value.get("release", -1)))
        if key == RELEASE:
            for at, rho in () if value is None else value["budget"]["releases"]:
                self._spent[int(at)] = max(float(rho), self._spent.get(int(at), 0.0))
            return
        cell = self._cells.setdefault(key, Cell())
        cell.said = cell.measured = 0 if value is None else int(value["accounts"])
        cell.restored, cell.k = cell.said > 0, 0 if value is None else int(value.get("k", 0))
        self._followed = True

    def count(self, key: str) -> int:
        """Accounts in a cell now; for the guard and for tests, never for publication."""
        cell = self._cells.get(key)
        return 0 if cell is None else cell.count

    def publish(self, now: int | None = None) -> list[Segment]:
        """Records to publish now: a release where one is due, else withdrawals.

        Parameters
        ----------
        now : int, optional
            Epoch milliseconds; by default the event time of the latest profile.
        """
        now = self.as_of if now is None else now
        self._expire(now)
        if self._followed:
            self._followed = False
            self._regroup(groups.standing(self._said(), self._taxonomy))
        release = now // self._release_ms * self._release_ms
        return self._released(release) if self._may_release(release) else self._retracted()

    def budget_needed(self, now: int) -> float:
        """Share of the privacy budget that releases up to now take, with the one that stands or
        is due; above 1 it cannot be made."""
        release = now // self._release_ms * self._release_ms
        return 0.0 if self.budget is None else self.budget.needed(self._spent, release)

    def _may_release(self, release: int) -> bool:
        # One from further ahead than the next was made by a clock that was wrong.
        due = not release <= self._release <= release + self._release_ms
        if self.budget is None or not due:
            return due
        return release not in self._spent and self.budget.allows(self._spent, release)

    def _released(self, release: int) -> list[Segment]:
        self._release = release
        self._regroup(groups.formed(self._said(), self._taxonomy))
        found: list[Segment] = []
        # Not the moment of the latest event: that is one household's.
        as_of = self.as_of // self._release_ms * self._release_ms
        terms = Terms(release, as_of, self.k, self.budget.sigma if self.budget else 0.0)
        if self.budget is not None:
            self._spent = self.budget.remembered(self._spent, release)
            self._spent[release] = self.budget.each
            found.append(segments.ledger(self.budget, self._spent, terms))
        counts = {key: cell.count for key, cell in self._cells.items()}
        measured = self._measured(counts)
        views = (measured,) if self.budget else ({**counts}, {**counts, **measured})
        kept = lattice.sayable(measured, views, self.k, self._taxonomy)
        withdrawn = set()
        for key in sorted(self._cells, key=lambda name: (name not in kept, name)):
            cell = self._cells[key]
            if key in kept and (self.budget or self._has_moved(cell)):
                cell.said = measured[key] // self.k * self.k
                cell.measured, cell.restored, cell.k = measured[key], False, self.k
                cell.moved.clear()
                found.append(segments.cell(key, cell.said, terms, self._taxonomy))
            elif key not in kept and cell.said:
                withdrawn.add(key)
        return found + self._withdraw(withdrawn)

    def _said(self) -> dict[str, int]:
        return {key: cell.said for key, cell in self._cells.items() if cell.said}

    def _measured(self, counts: Mapping[str, int]) -> dict[str, int]:
        """Counts that a release is decided by, of cells large enough to be published."""
        if self.budget is None or self._draw is None:
            return {
                key: count if self._has_moved(cell) else cell.measured
                for key, cell in self._cells.items()
                if (count := counts[key]) >= self.k
                and (self._has_moved(cell) or (cell.said and not self._is_hollow(key)))
            }
        keys = sorted(key for key, count in counts.items() if count >= self.k)
        drawn = self._draw([counts[key] for key in keys], self.budget.sigma)
        least = self.k + self.budget.margin
        return {key: n for key, n in zip(keys, drawn, strict=True) if n >= least}

    def _retracted(self) -> list[Segment]:
        """Cells that too few of their published accounts are still in."""
        return self._withdraw({key for key, cell in self._cells.items() if self._is_hollow(key)})

    def _is_hollow(self, key: str) -> bool:
        cell = self._cells[key]
        if not cell.said:
            return False
        if cell.restored:
            return cell.count < self.k or cell.k < self.k
        left = sum(key not in self._counted.get(account, ()) for account in cell.moved)
        # Half way: well above k for the noise, and so far below what was published that a multitude
        # has to go, not one household.
        return cell.measured - left < self.k + (self.budget.margin // 2 if self.budget else 0)

    def _has_moved(self, cell: Cell) -> bool:
        if cell.restored:  # or what was published by another k, or exactly
            return abs(cell.count - cell.said) >= self.k or cell.k != self.k
        return len(cell.moved) >= self.k

    def _withdraw(self, keys: set[str]) -> list[Segment]:
        """Say nothing of cells from now on: silence stands, and whoever is in them is news."""
        for key in keys:
            cell = self._cells[key]
            cell.said, cell.measured, cell.restored = 0, 0, False
            cell.moved.clear()
        for account, held in self._counted.items() if keys else ():
            for key in keys.intersection(held):
                self._cells[key].moved.add(account)
        for key in [key for key, cell in self._cells.items() if not cell.count and not cell.said]:
            del self._cells[key]  # nobody in it, nothing published: as if it had never been
        return [Segment(key, None) for key in sorted(keys)]

    def _expire(self, now: int) -> None:
        while self._expiring and self._expiring[0][0] <= now:
            until, subject = heapq.heappop(self._expiring)
            if self._until.get(subject) == until:
                del self._until[subject]
                self._set(subject, ())

    def _set(self, subject: str, entries: tuple[household.Entry, ...]) -> bool:
        account = subject.partition("/")[0]
        subjects = self._subjects.setdefault(account, {})
        if entries:
            subjects[subject] = entries
        else:
            subjects.pop(subject, None)
        changed = self._recount(account)
        if not subjects:
            del self._subjects[account]
        return changed

    def _recount(self, account: str) -> bool:
        """Count an account in its cells, and no more in others; whether that changed anything."""
        subjects = self._subjects.get(account, {}).values()
        found = household.cells(subjects, self._contribution, self._groups, self._taxonomy)
        before = self._counted.pop(account, [])
        if found:
            self._counted[account] = [self._names.setdefault(name, name) for name in found]
        for key in set(before) ^ set(found):
            cell = self._cells.setdefault(key, Cell())
            cell.count += 1 if key in found else -1
            cell.moved ^= {account}
        return set(before) != set(found)

    def _regroup(self, formed: tuple[groups.Group, ...]) -> None:
        if formed != self._groups:
            self._groups = formed
            for account in self._subjects:
                self._recount(account)
