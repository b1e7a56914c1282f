"""Trains champion and challengers on every closed day, and promotes the better one.

A closed day is first scored by all models with what they knew that morning, then learned. A
challenger is promoted when its paired log-loss is better by a margin and its calibration is not
worse; a new champion is on probation, and its predecessor comes back with less.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.models.attention import Attention
from features.models.attention_kernel import share_rows
from features.models.base import Model, check, single
from features.models.comparison import CALIBRATION_SLACK, PROBATION_DAYS, Comparison
from features.models.drift import Drift
from features.models.lessons import Sums
from features.models.measures import Tally, losses
from features.models.memory_kernel import remember_engaged
from features.models.pooled import Pool
from features.models.rarity import Rarity
from features.models.registry import registered
from features.models.signals import NAMES, BaseRates, DayRows, training_rows
from features.models.stance_kernel import AVOID_LIFT, DECISION, Policy, decide_rows
from features.models.verdicts import Verdicts
from features.state import changelog_keys as keys
from features.state import snapshots
from features.state.store import Store
from features.vocabulary import Source

_MOST_NEWS = 100
_ENOUGH_ROWS = 500  # labels before a model without a prior answers instead of frequency


@dataclass(frozen=True)
class News:
    """A change of the models to report, such as a promotion.

    Attributes
    ----------
    what : str
        ``promoted``, ``demoted`` or ``drift``.
    day : int
        The local day whose close brought it.
    model, other : str
        Who answers now, and who did; for a drift the champion and the source.
    gain, error : float
        Log-loss won per row and its standard error; NaN for a drift.
    """

    what: str
    day: int
    model: str
    other: str
    gain: float = float("nan")
    error: float = float("nan")


class Learner:
    """The models of one partition.

    Parameters
    ----------
    interests : int
        How many there are.
    models : sequence of Model, optional
        The first is the champion; the default is `features.models.registry`.
    shared : bool
        Share what is learned with other partitions; with those models alone.

    Attributes
    ----------
    news : list of News
        What happened since the caller last cleared it.
    pool : Pool or None
        What is shared with other partitions; None where each has a model of its own.
    verdicts : Verdicts
        How right `engage` was.
    observer : callable or None
        Told of every day's rows and answers by model before they are learned.
    """

    def __init__(
        self, interests: int, models: tuple[Model, ...] | None = None, shared: bool = False
    ) -> None:
        self.models: dict[str, Model] = {m.id: m for m in (models or registered())}
        self.population = BaseRates(interests)
        self.news: list[News] = []
        self.observer: Callable[[DayRows, Mapping[str, NDArray[np.float64]]], None] | None = None
        self._champion = next(iter(self.models))
        self._former, self._promoted = "", 0
        self._tallies = {name: Tally() for name in self.models}
        self._comparisons = {name: Comparison() for name in self.models}
        self._drift = Drift()
        self.attention = Attention()
        self.rarity = Rarity()
        self.verdicts = Verdicts()
        self.pool = self._new_pool() if shared else None

    @property
    def champion(self) -> Model:
        """The model that answers."""
        return self.models[self._champion]

    @property
    def trained(self) -> bool:
        """Whether the champion has seen enough labels to answer, or started from a prior."""
        learned = max(self.champion.learned, self.pool.rows if self.pool else 0)
        return self.champion.primed or learned >= _ENOUGH_ROWS

    def tally(self, name: str = "") -> Tally:
        """Quality of a model's predictions, the champion's by default."""
        return self._tallies[name or self._champion]

    def policy(self) -> Policy:
        """The model and base rates that the kernels score with until the next close."""
        form = self.champion.form()
        if form is None:  # only models with a form are ever promoted
            form = single(np.zeros(len(NAMES)), product=False)
        return Policy(
            form,
            self.population.rate(),
            self.population.log_odds(),
            int(self.trained),
            self.attention.powers,
            self.rarity.limit(),
        )

    def decisions(self, rows: DayRows) -> NDArray[np.void]:
        """Decisions of a morning on rows as if nothing was declared.

        Returns
        -------
        ndarray of `features.models.stance_kernel.DECISION`, shape (len(rows),)
        """
        found = np.zeros(len(rows), DECISION)
        policy = self.policy()
        decide_rows(policy, rows.x, rows.interest, rows.evidence, rows.known, rows.bits, found)
        share_rows(policy.powers, rows.x, rows.subject, found)
        return found

    def close_day(self, store: Store, day: int, limit: int) -> None:
        """Score a day that closes, learn it, promote a challenger that is better, remember.

        Parameters
        ----------
        limit : int
            Most rows to learn; see `features.models.signals.training_rows`.
        """
        rows = training_rows(store, day, limit, self.population)
        check(rows)
        before = self.pool.before() if self.pool else {}
        asked: Sums = {}
        lost: Mapping[str, NDArray[np.float64]] = {}
        if len(rows):
            answers = {name: model.score(rows) for name, model in self.models.items()}
            if self.observer is not None:
                self.observer(rows, answers)
            lost = self._judge(rows, answers)
            if self.trained:
                said = self.decisions(rows)
                small = said["high"] < AVOID_LIFT
                self.rarity.add(said["score"][small], rows.y[small])
                self.attention.learn(rows, said)
            if self.pool:
                asked = self.pool.ask(rows)
            for model in self.models.values():
                model.learn(rows)
            if self.pool is None or self.pool.alone(day):
                self._contest(day)
            del self.news[:-_MOST_NEWS]
        self.population.close_day(store, day)
        if self.pool:
            self.pool.after(day, before, asked, lost)
        remember_engaged(store.live, day + 1, self.policy(), self.verdicts.mornings)

    def _judge(
        self, rows: DayRows, answers: Mapping[str, NDArray[np.float64]]
    ) -> dict[str, NDArray[np.float64]]:
        lost = {name: losses(p, rows.y) for name, p in answers.items()}
        champion = lost[self._champion]
        for name, p in answers.items():
            self._tallies[name].add(p, rows.y)
            if name != self._champion:
                self._comparisons[name].add(champion, lost[name])
        rank = np.cumsum(np.diff(rows.subject, prepend=rows.subject[0]) != 0)
        for source, title in enumerate(Source.words()):
            own = rows.source == source
            if self._drift.add(source, champion[own], rank[own]):
                self.news.append(News("drift", rows.day, self._champion, title))
                for model in self.models.values():
                    model.relearn()
                if self.pool:
                    self.pool.relearn()
        return lost

    def _new_pool(self) -> Pool:
        return Pool(self.models, self.population, self.rarity, self._tallies, self._judge_again)

    def _judge_again(
        self,
        day: int,
        rows: Sequence[float],
        lost: Mapping[str, Sequence[float]],
        errors: Mapping[str, float],
    ) -> None:
        """Compare champion and challengers by the days of all partitions, and promote.

        Parameters
        ----------
        rows : sequence of float
            By day, in order.
        lost : mapping of str to sequence of float
            Log-losses by model, summed by day.
        errors : mapping of str to float
            Calibration errors.
        """
        for name, comparison in self._comparisons.items():
            if name != self._champion:
                comparison.days = [*zip(rows, lost[self._champion], lost[name], strict=True)]
        self._contest(day, errors)
        del self.news[:-_MOST_NEWS]

    def _contest(self, day: int, errors: Mapping[str, float] | None = None) -> None:
        if errors is None:
            errors = {name: tally.calibration_error for name, tally in self._tallies.items()}
        best, best_gain = "", 0.0
        for name, comparison in self._comparisons.items():
            if name == self._champion or self.models[name].form() is None:
                continue
            if name == self._former and day - self._promoted <= PROBATION_DAYS:
                better = comparison.won_back()
            else:
                bound = errors[self._champion] + CALIBRATION_SLACK
                better = comparison.won() and errors[name] <= bound
            gain, _ = comparison.gain()
            if better and gain > best_gain:
                best, best_gain = name, gain
        if best:
            self._promote(best, day)

    def _promote(self, name: str, day: int) -> None:
        gain, error = self._comparisons[name].gain()
        back = name == self._former and day - self._promoted <= PROBATION_DAYS
        self.news.append(
            News("demoted" if back else "promoted", day, name, self._champion, gain, error)
        )
        self._former, self._champion, self._promoted = self._champion, name, day
        self._comparisons = {other: Comparison() for other in self.models}

    # -- to bytes and back ---------------------------------------------------------------

    def snapshot(self) -> dict[bytes, bytes]:
        """Changelog records by key."""
        found = {keys.model(name): model.snapshot() for name, model in self.models.items()}
        found[keys.POPULATION] = snapshots.pack(
            {"alive": self.population.alive}, {"hits": self.population.hits}
        )
        manifest = {
            "champion": self._champion,
            "former": self._former,
            "crowned": self._promoted,
            "drift": {str(source): own for source, own in self._drift.values.items()},
            "duels": {name: comparison.days for name, comparison in self._comparisons.items()},
            "tallies": {name: [t.loss, t.weight] for name, t in self._tallies.items()},
        }
        found[keys.CONTEST] = snapshots.pack(
            manifest,
            {f"sums.{name}": tally.sums for name, tally in self._tallies.items()}
            | {
                "rarity": self.rarity.sums,
                "attention": np.stack([self.attention.powers, self.attention.sums]),
            },
        )
        if self.pool:
            found[keys.SHARED] = self.pool.snapshot()
        return found | self.verdicts.snapshot()

    def restore(self, records: Mapping[bytes, bytes]) -> None:
        """Go on from a snapshot; models it doesn't know start fresh, others are dropped."""
        for name, model in self.models.items():
            data = records.get(keys.model(name))
            if data is not None:
                model.restore(data)
        if keys.POPULATION in records:
            head, arrays = snapshots.unpack(records[keys.POPULATION])
            self.population.hits = arrays["hits"].astype(np.float64)
            self.population.alive = float(head["alive"])
        if self.pool and keys.SHARED in records:
            self.pool.restore(records[keys.SHARED])
        self.verdicts.restore(records)
        if keys.CONTEST not in records:
            return
        head, arrays = snapshots.unpack(records[keys.CONTEST])
        if head["champion"] in self.models:
            self._champion = head["champion"]
            self._former, self._promoted = head["former"], head["crowned"]
            for name, days in head["duels"].items():
                if name in self._comparisons:
                    self._comparisons[name].days = [(a, b, c) for a, b, c in days]
        self.rarity.sums = arrays.get("rarity", self.rarity.sums)
        if "attention" in arrays:
            self.attention.powers, self.attention.sums = arrays["attention"].copy()
        for source, values in head["drift"].items():
            self._drift.values[int(source)] = values
        for name, (loss, weight) in head["tallies"].items():
            if name in self._tallies:
                tally = self._tallies[name]
                tally.loss, tally.weight, tally.sums = loss, weight, arrays[f"sums.{name}"]
