"""The slow twin of what contacts change: every contact kept, one learned after the other."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from features.config import Config
from features.records.hash_kernel import hash_text
from features.tags.taxonomy import Taxonomy
from tests.oracle.arithmetic import DAY_MS, SIGNALS, local_day, signals
from tests.oracle.words import Doc

if TYPE_CHECKING:
    from tests.oracle.partition import Partition

PICKED = (
    "bias", "level_60d", "share_7d", "odds_7", "odds_28", "own_recency", "liked", "here_recency",
)  # fmt: skip
GLAD, ANNOYED = {"bought", "accepted"}, {"unsubscribed", "complained", "dismissed"}

Vector = list[float]
#: Signals, held out, propensity, fulfilled, annoyed, and whose it is.
Ended = tuple[Vector, bool, float, bool, bool, str]
_PRIME, _WORD = 0x100000001B3, 2**64 - 1


@dataclass
class Told:
    """All that was said of one contact, and the signals when it was first told."""

    made: list[Doc] = field(default_factory=list)
    answers: list[Doc] = field(default_factory=list)
    signals: Vector | None = None


class Regression:
    """Ridge regression on everything that it was told."""

    def __init__(self) -> None:
        self.seen: list[tuple[Vector, float, float]] = []
        self.clusters: list[float] = []  # how often the square of each counts; once unless here
        self._known: tuple[int, Vector] = (-1, [])

    def _matrix(self) -> list[Vector]:
        n = len(PICKED)
        return [
            [
                math.fsum(w * x[i] * x[k] for x, _, w in self.seen) + 50.0 * (i == k)
                for k in range(n)
            ]
            for i in range(n)
        ]

    def weights(self) -> Vector:
        """The coefficients."""
        if self._known[0] != len(self.seen):
            right = [math.fsum(w * x[i] * y for x, y, w in self.seen) for i in range(len(PICKED))]
            self._known = len(self.seen), _solved(self._matrix(), right)
        return self._known[1]

    def answer(self, x: Vector) -> float:
        """What is expected."""
        return math.fsum(a * b for a, b in zip(self.weights(), x, strict=True))

    def error(self, x: Vector) -> float:
        """Standard error of what is expected."""
        if not self.seen:
            return math.sqrt(_dot(x, _solved(self._matrix(), x)))
        count = math.fsum(w for _, _, w in self.seen)
        clusters = self.clusters or [1.0] * len(self.seen)
        squares = math.fsum(
            w * y * y * times for (_, y, w), times in zip(self.seen, clusters, strict=True)
        )
        known = math.fsum(w * y * self.answer(x) for x, y, w in self.seen)
        noise = max(0.0, (squares - known) / max(count, 1.0))
        return math.sqrt(noise * _dot(x, _solved(self._matrix(), x)))


class Model:
    """What contacts of one kind changed."""

    def __init__(self) -> None:
        self.without, self.with_it = Regression(), Regression()
        self.difference, self.annoyance = Regression(), Regression()

    def learn(self, ended: list[Ended], before: Counter[str]) -> None:
        """Learn all that ended at one close; what is expected is expected before any of it.

        Of each household so many ended `before`: all of them together count by their square.
        """
        told, now = [], Counter(whose for *_, whose in ended)
        for x, held_out, chance, good, _, whose in ended:
            more = (before[whose] + now[whose]) ** 2 - before[whose] ** 2
            self.difference.clusters.append(more / now[whose])
            without, with_it = self.without.answer(x), self.with_it.answer(x)
            e = min(0.99, max(0.01, chance))
            rest = good - (without if held_out else with_it)
            phi = with_it - without + ((not held_out) - e) / (e * (1 - e)) * rest
            told.append((x, phi, 4 * e * (1 - e)))
        self.difference.seen += told
        for x, held_out, _, good, bad, _ in ended:
            (self.without if held_out else self.with_it).seen.append((x, float(good), 1.0))
            if not held_out:
                self.annoyance.seen.append((x, float(bad), 1.0))


class Contacts:
    """All contacts of a partition, and what was learned at its closes."""

    def __init__(self, config: Config, tree: Taxonomy) -> None:
        policy = config.rules.contact
        self.rules, self.patience = policy.uplift, policy.answer_days * DAY_MS
        self.offset = config.day_offset_ms
        self.kinds = {i: [n, *tree.ancestors(n)][-1] for n, i in enumerate(tree.ids)}
        self.told: dict[tuple[str, str], Told] = {}
        self.models: dict[int, Model] = {}

    def take(self, key: str, doc: Doc, now: Vector | None) -> None:
        """Hear of a contact or an answer; `now` are the signals."""
        told = self.told.setdefault((key, doc["contact_id"]), Told())
        if doc["kind"] == "answer":
            told.answers.append(doc)
            return
        if not told.made and now is not None:
            named = dict(zip(SIGNALS, now, strict=True))
            told.signals = [math.floor(named[name] * 256 + 0.5) / 256 for name in PICKED]
        told.made.append(doc)

    def close(self, first: int, until: int) -> None:
        """Learn what ended on the days from `first` to before `until`."""
        found: dict[int, list[Ended]] = {}
        before: dict[int, Counter[str]] = {}
        for (key, _), told in sorted(self.told.items()):
            if self.rules is None or told.signals is None:
                continue
            made = min(told.made, key=lambda doc: (doc["ts"], doc.get("held_out", False)))
            end, whose = made["ts"] + self.patience, key.partition("/")[0]
            kind = self.kinds[made["interest"]]
            if local_day(end, self.offset) < first:
                before.setdefault(kind, Counter())[whose] += 1
            elif local_day(end, self.offset) < until:
                said = {doc["answer"] for doc in told.answers if doc["ts"] <= end}
                bad, good = bool(said & ANNOYED), bool(said & GLAD)
                found.setdefault(kind, []).append((
                    told.signals, made.get("held_out", False), made.get("propensity", 1.0),
                    good and not bad, bad, whose,
                ))  # fmt: skip
        for kind, ended in found.items():
            self.models.setdefault(kind, Model()).learn(ended, before.get(kind, Counter()))

    def gain(self, interest: str, now: Vector) -> float | None:
        """What a contact surely brings; None where too little is known."""
        model, rules = self.models.get(self.kinds[interest]), self.rules
        if rules is None or model is None:
            return None
        if min(len(model.with_it.seen), len(model.without.seen)) < rules.least_outcomes:
            return None
        named = dict(zip(SIGNALS, now, strict=True))
        x = [named[name] for name in PICKED]
        change = model.difference.answer(x) - rules.caution * model.difference.error(x)
        return change - rules.annoyance_price * min(1.0, max(0.0, model.annoyance.answer(x)))


def hear(partition: Partition, doc: Doc) -> str:
    """Take a contact or an answer: what follows is learned; whom it silences is told elsewhere."""
    account, who = doc["account_id"], doc.get("member_id")
    why = partition.known_of(account).refusal(doc, partition.tree, partition.now)
    if not why:
        key = f"{account}/{who}" if who else account
        partition.contacts.take(key, doc, _now(partition, key, doc.get("interest", "")))
    return why or "fact"


def _now(partition: Partition, key: str, interest: str) -> Vector | None:
    """What is known of an interest, as the next profile is decided by."""
    subject = partition.subjects.get(key)
    row = subject and subject.rows.get(partition.tree.index(interest) if interest else -1)
    if not subject or not row:
        return None
    config, offset = partition.config, partition.config.day_offset_ms
    day = max(local_day(subject.last_ts, offset) + 1, partition.open_day)
    rate = partition.rate(row.interest)
    return signals(subject, row, day, offset, config.half_lives, rate)


def worth_it(
    partition: Partition, key: str, interest: int, day: int, now: Vector, taken: str, decided: str
) -> tuple[str, str, float]:
    """Stance and rule, and what a contact may cost, or the chance with which it is tried."""
    contacts, rules = partition.contacts, partition.config.rules
    gain, uplift = contacts.gain(partition.tree.ids[interest], now), contacts.rules
    if taken != "engage" or gain is None or gain > 0.0 or uplift is None:
        return taken, decided, 0.0
    if _drawn(rules.holdouts.salt, key, interest, day // 7) < uplift.exploring:
        return "engage", "tried", uplift.exploring
    return "hold", "not_worth_it", -gain


def _drawn(salt: int, key: str, interest: int, week: int) -> float:
    """A number from 0 to 1 that nobody can tell without the salt, another one each week."""
    word = ((hash_text(key.encode()) ^ salt) * _PRIME + interest) * _PRIME + week
    word &= _WORD
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        word = (word ^ word >> 33) * factor & _WORD
    return ((word ^ word >> 33) >> 11) / 2.0**53


def _dot(a: Vector, b: Vector) -> float:
    return math.fsum(x * y for x, y in zip(a, b, strict=True))


def _solved(matrix: list[Vector], right: Vector) -> Vector:
    """Gauss and Jordan; the matrix is positive definite."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for i, pivot in enumerate(rows):
        pivot[:] = [value / pivot[i] for value in pivot]
        for row in rows:
            if row is not pivot:
                row[:] = [a - row[i] * b for a, b in zip(row, pivot, strict=True)]
    return [row[-1] for row in rows]
