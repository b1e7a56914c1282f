"""Merges what partitions learned into one model for all of them.

A partition that closes a day writes down what the day's rows ask of the models
(`features.models.pooled_kernel`), and the counts beside them. Sums of those over days and
partitions go into the last merged model: it learns the rows of all partitions as one partition
would, and no row leaves its own. Nothing depends on which model a partition stood on, or for how
long it was alone.

What else was tried, and what it is worth, is in `features/README.md`.

A merged model is cut into parts, each of which fits a record of the facts, and is taken by itself.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.models import adpredictor, binned, ftrl, linear, measures, mixture, prior
from features.models.adpredictor import AdPredictor
from features.models.base import Model
from features.models.binned import Binned
from features.models.bins_kernel import SIZE
from features.models.comparison import MOST_DAYS
from features.models.lessons import (
    BINNED,
    CONTEST,
    FADING,
    PARTS,
    PROBITS,
    REGRESSIONS,
    ROWS,
    TRUST,
    Floats,
    Given,
    Sums,
    aged,
    asked_of_bins,
    doubts,
    names_of,
    pulled,
    rounded,
    summed,
)
from features.models.linear import Intercepts
from features.models.measures import Tally
from features.models.mixture import Mixture
from features.models.pooled_kernel import flow, sum_up
from features.models.rarity import Rarity
from features.models.signals import HABIT, LINEAR, NAMES, BaseRates, DayRows
from features.state import snapshots

_FORM: Final = 3  # of sums and parts; those of another are left alone
_HABITS: Final = len(HABIT)
_LEVEL: Final = 1  # of compression: most of what is packed is zeros
_MOST_PENDING: Final = 3  # days told apart, of those that no merged model has
_MOST_ADOPTED: Final = 8  # merged models whose places are remembered
_LONG_ALONE: Final = 7  # days after which a partition promotes by its own days


#: Told day, rows by day, log-losses by model and day, and calibration errors by model.
Judge = Callable[[int, Sequence[float], Mapping[str, Sequence[float]], Mapping[str, float]], None]


class Pool:
    """Shares what a learner learns with those of other partitions.

    Parameters
    ----------
    models : dict of str to Model
        The line-up of `features.models.registry`.
    population : BaseRates
    rarity : Rarity
    tallies : dict of str to Tally
        By model. All of these are shared, not owned.
    judge : callable
        Compares the models by the days of all partitions.

    Attributes
    ----------
    fingerprint : str
        Of all that must be the same where sums are added up.
    pending : list of Given
        What no merged model that was taken has in it yet, in order.
    taken : dict of str to int
        Day of the merged model that each part is of.
    adopted : list of (int, str)
        Where the last merged models were taken, running time in ms, and their names.
    """

    def __init__(
        self,
        models: dict[str, Model],
        population: BaseRates,
        rarity: Rarity,
        tallies: dict[str, Tally],
        judge: Judge,
    ) -> None:
        self._models, self._tallies, self._judge = models, tallies, judge
        self._population, self._rarity = population, rarity
        self._interests = len(population.hits)
        mixed, corrected = models[Mixture.id], models[Binned.id]
        regression, probit = models[Intercepts.id], models[AdPredictor.id]
        assert isinstance(mixed, Mixture) and isinstance(corrected, Binned)
        assert isinstance(regression, Intercepts) and isinstance(probit, AdPredictor)
        self._mixture, self._binned = mixed, corrected
        self._linear, self._probit = regression, probit
        start = sorted(prior.HURDLE.items()) if mixed.primed else []
        told = repr([_FORM, NAMES, SIZE, self._interests, [*models], start])
        self.fingerprint = hashlib.sha256(told.encode()).hexdigest()[:16]
        self._all = {
            CONTEST: np.zeros((2 + len(models), MOST_DAYS)),  # rows, of drifts, losses by model
            "tallies": np.zeros((3 * len(models), measures.BINS)),
        }
        self.pending: list[Given] = []
        self.taken: dict[str, int] = {}
        self.adopted: list[tuple[int, str]] = []
        self._day = -1
        self._drifts = 0  # found in the day that closes

    @property
    def base(self) -> int:
        """Day of the merged model that all parts are of, or of a later one; -1 for none."""
        return min(self.taken.get(part, -1) for part in PARTS)

    @property
    def rows(self) -> int:
        """Rows that all partitions learned lately, as far as is known here."""
        return int(self._all[CONTEST][0].sum())

    @property
    def began(self) -> bool:
        """Whether it learned anything that is not in `pending`."""
        rows = sum(float(item.sums[ROWS][0].sum()) for item in self.pending if ROWS in item.sums)
        return self._mixture.learned > rows

    def alone(self, day: int) -> bool:
        """Whether no merged model came for long, so that this partition decides for itself."""
        return day - self.taken.get(CONTEST, -_LONG_ALONE - 1) > _LONG_ALONE

    # -- what a day taught ---------------------------------------------------------------

    def relearn(self) -> None:
        """Note that the world changed: whoever merges trusts what was learned less, too."""
        self._drifts += 1

    def before(self) -> Sums:
        """Counts before a close, for `after`."""
        return {name: self.held(name).copy() for name in ("population", "rarity", TRUST)} | {
            "tallies": self._own_tallies()
        }

    def ask(self, rows: DayRows) -> Sums:
        """Sum up what the rows ask of the models as they are, and the bins before they learn."""
        first, there = rows.firsts(), rows.active_today == 1
        none = np.full(len(first), -1, np.int64)
        asked: Sums = {}
        for part in (*REGRESSIONS, *PROBITS):
            is_here = part.endswith("here")
            if is_here:
                x, y, own = rows.x[first][:, _HABITS:LINEAR], rows.active_today[first], none
            else:
                x, y = rows.x[there][:, :_HABITS], rows.y[there]
                own = rows.interest[there].astype(np.int64)
                own = own if part in REGRESSIONS else np.full(len(own), -1, np.int64)
            held = self.held(part)
            pairs, sums = np.zeros((x.shape[1], held.shape[1])), np.zeros((3, held.shape[1]))
            noise = adpredictor.NOISE if part in PROBITS else 0.0
            sum_up(np.ascontiguousarray(x), own, y, held, noise, pairs, sums)
            asked |= dict(zip(names_of(part), (pairs, sums), strict=True))
        return asked | {part: self.held(part) for part in BINNED}

    def after(
        self, day: int, before: Sums, asked: Sums, lost: Mapping[str, NDArray[np.float64]]
    ) -> None:
        """Note down a day that was closed.

        Parameters
        ----------
        before, asked : Sums
            Of `before` and `ask`; of a day without rows nothing was asked.
        lost : dict of str to ndarray
            Log-losses of the day's rows by model; none of a day without rows.
        """
        now = self.before()
        sums: Sums = {"population": now["population"] - FADING["population"] * before["population"]}
        for name in ("rarity", "tallies", TRUST):
            if not np.array_equal(now[name], before[name]):
                sums[name] = now[name] - FADING[name] * before[name]
        if asked:
            rows = len(next(iter(lost.values())))
            sums |= asked
            for part, where in BINNED.items():
                sums[part] = asked_of_bins(asked[part], self.held(part), where)
            sums[CONTEST] = np.zeros_like(self._all[CONTEST])
            counts = [float(rows), float(rows * self._drifts)]
            counts += [float(own.sum()) for own in lost.values()]
            sums[CONTEST][:, day % MOST_DAYS] = counts
            sums[ROWS] = np.zeros((2, MOST_DAYS))
            sums[ROWS][:, day % MOST_DAYS] = counts[:2]
        self._drifts = 0
        fresh = Given(day, {name: rounded(own) for name, own in sums.items()})
        for part in self._all:
            self._all[part] = self.advanced(part, self._all[part], self._day, fresh)
        self._day = day
        self.pending.append(fresh)
        if len(self.pending) > _MOST_PENDING:
            day, sums = summed(self.pending[:2])
            self.pending[:2] = [Given(day, {name: rounded(own) for name, own in sums.items()})]

    # -- merged models -------------------------------------------------------------------

    def advanced(self, part: str, held: Floats, since: int, given: Given) -> Floats:
        """A part of a model of the close of `since`, after it has learned what was given."""
        held = aged(part, held, since, given.day)
        sums = {name: given.sums[name] for name in names_of(part) if name in given.sums}
        if not sums:
            return held
        if part in FADING or part == CONTEST:
            return held + sums[part]
        held = self._doubted(part, held, doubts(given.sums))
        if part in BINNED:
            return pulled(held, sums[part], BINNED[part])
        held = np.ascontiguousarray(held, np.float64).copy()
        pairs, own = (np.ascontiguousarray(sums[name], np.float64) for name in names_of(part))
        if part in REGRESSIONS:
            flow(held, pairs, own, linear.RATES[part], ftrl.BETA)
            return held
        flow(held, pairs, own, 0.0, 0.0)
        name, names, share = PROBITS[part]
        left = (1.0 - share) ** max(1, given.day - since)
        return self._probit.part(name).forgotten(names, held, 1.0 - left)

    def _doubted(self, part: str, held: Floats, times: float) -> Floats:
        """A part of a model once the world has changed so often: `Model.relearn`, by shares."""
        weights, behind = held
        if part in PROBITS:
            left, name = (1.0 - adpredictor.DOUBT) ** times, PROBITS[part][0]
            first = 1.0 / self._probit.part(name).variance
            return np.stack([weights, left * behind + (1.0 - left) * first])
        kept = binned.DOUBT if part in BINNED else ftrl.DOUBT
        return np.stack([weights, behind * kept**times])

    def held(self, part: str) -> Floats:
        """A part of the model as it is."""
        if part == "population":
            counts = self._population
            return np.concatenate([[counts.alive], counts.hits])[np.newaxis]
        if part == "rarity":
            return self._rarity.sums
        if part == TRUST:
            return self._binned.trusted
        if part in self._all:
            return self._all[part]
        if part in REGRESSIONS:
            return self._linear.part(part).held(self._interests if part == "habit" else 0)
        if part in PROBITS:
            name, names, _ = PROBITS[part]
            return self._probit.part(name).held(names)
        return self._binned.held(BINNED[part])

    def adopt(self, place: int, of: str, day: int, until: int, held: Sums) -> bool:
        """Go on from a whole merged model, as `take` from a part of one.

        Parameters
        ----------
        place, of : int, str
            The running time, ms, and its name, to be remembered.
        """
        if day <= self.base or not all(self._fits(part, held[part]) for part in PARTS):
            return False
        for part in PARTS:
            self.take(part, day, until, held[part])
        self.adopted = [*self.adopted, (place, of)][-_MOST_ADOPTED:]
        return True

    def _fits(self, part: str, held: Floats) -> bool:
        signed = part != CONTEST and (part not in FADING or part == TRUST)  # the first line of it
        counts = held[1:] if signed else held
        least = 1e-9 if part in PROBITS else 0.0  # a precision is divided by
        return held.shape == self.held(part).shape and bool(np.all(counts >= least))

    def take(self, part: str, day: int, until: int, held: Floats) -> bool:
        """Go on from a part of a merged model, and from what was learned since.

        Parameters
        ----------
        day : int
            Of the merged model.
        until : int
            Day up to which it has what this partition gave; -1 for nothing.
        held : ndarray of float64
            As of `held`.

        Returns
        -------
        bool
            False where one as new was taken before, or the part is of another form.
        """
        if part not in PARTS or day <= self.taken.get(part, -1) or not self._fits(part, held):
            return False
        self.taken[part] = day
        names = names_of(part)
        for item in self.pending:
            for name in names if item.day <= until else ():
                item.sums.pop(name, None)
        self.pending = [item for item in self.pending if item.sums.keys() - {ROWS}]
        left = [item for item in self.pending if names[0] in item.sums]
        own = [Given(i.day, {n: i.sums[n] for n in (*names, ROWS) if n in i.sums}) for i in left]
        last = max(day, self._day)
        held = self.advanced(part, held, day, summed([*own, Given(last, {})]))
        self._hold(part, held, last)
        return True

    # -- to bytes and back ---------------------------------------------------------------

    def snapshot(self) -> bytes:
        """Everything but the model, which the learner's own records hold."""
        manifest = {
            "layout": self.fingerprint,
            "taken": self.taken,
            "adopted": self.adopted,
            "day": self._day,
            "days": [item.day for item in self.pending],
        }
        arrays: dict[str, NDArray[np.floating]] = dict(self._all)
        for k, item in enumerate(self.pending):
            arrays |= {f"{k} {name}": own.astype(np.float32) for name, own in item.sums.items()}
        return zlib.compress(snapshots.pack(manifest, arrays), _LEVEL)

    def restore(self, data: bytes) -> None:
        """Go on from a snapshot; one of another form is left, and all is learned alone again."""
        manifest, arrays = snapshots.unpack(zlib.decompress(data))
        if manifest["layout"] != self.fingerprint:
            return
        self._all = {name: arrays[name] for name in self._all}
        self.taken, self._day = manifest["taken"], manifest["day"]
        self.adopted = [(place, of) for place, of in manifest.get("adopted", ())]
        self.pending = []
        for k, day in enumerate(manifest["days"]):
            begins = f"{k} "
            own = {n.removeprefix(begins): a for n, a in arrays.items() if n.startswith(begins)}
            self.pending.append(Given(day, {n: a.astype(np.float64) for n, a in own.items()}))

    def _hold(self, part: str, held: Floats, day: int) -> None:
        if part == "population":
            self._population.alive = float(held[0, 0])
            self._population.hits = held[0, 1:].copy()
        elif part == "rarity":
            self._rarity.sums = held.copy()
        elif part == TRUST:
            self._binned.trusted = held.copy()
        elif part in self._all:
            self._all[part] = held.copy()
            self._day = day
            if part == CONTEST:
                self._settle(day)
        elif part in REGRESSIONS:
            self._linear.part(part).hold(held, self._interests if part == "habit" else 0)
        elif part in PROBITS:
            name, names, _ = PROBITS[part]
            self._probit.part(name).hold(names, held)
        else:
            self._binned.hold(held, BINNED[part])

    def _settle(self, day: int) -> None:
        """Weigh the mixture and judge challengers by the days of all partitions."""
        table = self._all[CONTEST]
        days = [d for d in range(day - MOST_DAYS + 1, day + 1) if table[0, d % MOST_DAYS] > 0.0]
        by_day = table[:, [d % MOST_DAYS for d in days]]
        names = [*self._models]
        if days:
            members = [2 + names.index(member) for member in self._mixture.members]
            fade = mixture.DECAY ** (day - np.array(days))
            drifts = np.append((by_day[1] / by_day[0])[1:], 0.0)  # after each day
            fade *= mixture.DOUBT ** np.cumsum(drifts[::-1])[::-1]
            self._mixture.hold((by_day[members] / by_day[0] * fade).sum(axis=1))
        for model in self._models.values():
            model.version = max(model.version, len(days))
        errors = {
            name: measures.binned_error(self._all["tallies"][3 * k : 3 * k + 3])
            for k, name in enumerate(names)
        }
        lost = {name: by_day[2 + k].tolist() for k, name in enumerate(names)}
        self._judge(day, by_day[0].tolist(), lost, errors)

    def _own_tallies(self) -> Floats:
        return np.concatenate([self._tallies[name].sums for name in self._models])
