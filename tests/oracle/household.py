"""A household's slow twin: every event kept, every opening and posterior worked out anew.

Written from the formulas, in plain Python. All is float64 on both sides, but sums are taken in
another order and the kernel keeps its masses grown from a landmark, so posteriors and weights
agree to `TOLERANCE`; who is a candidate agrees exactly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from features.household import AttributionRules

TOLERANCE = 1e-9
CHILD, REFUSED = -1, -2
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Watched:
    """One event; `line` is none on the shared screen, `chosen` whom the screen itself named."""

    ts: int
    home: int
    line: int | None
    content: int
    tags: tuple[tuple[int, float], ...]
    mass: float = 1.0
    chosen: int | None = None
    country: int = 0

    def moment(self, rules: AttributionRules) -> datetime:
        """Local time."""
        return _EPOCH + timedelta(milliseconds=self.ts + rules.offset)

    def day(self, rules: AttributionRules) -> int:
        """Local days since 1970."""
        return (self.moment(rules) - _EPOCH) // _DAY

    def bucket(self, rules: AttributionRules) -> int:
        """Bucket of the sketch of contents."""
        return ((self.content ^ rules.salt) * 0xBF58476D1CE4E5B9 & (2**64 - 1)) >> 56


@dataclass
class Homes:
    """The twin of `features.household.Attribution`."""

    home_of: Sequence[int]
    interests: int
    childrens: frozenset[int]
    rules: AttributionRules = field(default_factory=AttributionRules)
    registered: dict[int, tuple[int, int]] = field(default_factory=dict)  # children, refused
    begins: bool = False  # whether a line is a candidate from its first own event on only

    def __post_init__(self) -> None:
        r = self.rules
        self.weights = [r.taste, r.contents, r.presence, r.activity, r.silence]
        self.own: list[list[Watched]] = [[] for _ in self.home_of]
        self.begun: set[int] = set() if self.begins else set(range(len(self.home_of)))
        self.since: dict[int, int] = {}  # day on which a line was first asked about
        self.max_ts, self.open_day = 0, -1
        self.last: dict[int, tuple[int, dict[int, float]]] = {}  # home: when, posterior
        self.abroad: dict[int, tuple[int, int]] = {}  # home: when, country
        self.slot: list[tuple[Watched, float]] = []
        self.steps: dict[int, list[list[float]]] = {}  # day: gradients
        self.attributed = [[0.0] * self.interests for _ in self.home_of]

    def take(self, e: Watched) -> dict[int, float]:
        """Take one event; who it was, if it was on the shared screen."""
        r = self.rules
        if e.ts > self.max_ts or self.open_day < 0:
            self.max_ts = e.ts
            watermark = Watched(e.ts - r.lateness, 0, None, 0, ()).day(r)
            for day in range(self.open_day if self.open_day >= 0 else watermark, watermark):
                self._learn(self.steps.pop(day, []))
            self.open_day = max(self.open_day, watermark)
        if e.day(r) < self.open_day or not e.tags:
            return {}
        if e.line is not None:
            self.since.setdefault(e.line, self.open_day)
            self.begun.add(e.line)
            hour = e.moment(r).replace(minute=0, second=0, microsecond=0)
            first = all(o.moment(r).replace(minute=0, second=0, microsecond=0) != hour
                        for o in self.own[e.line])  # fmt: skip
            self.own[e.line].append(e)
            if first:
                self._label(e, e.line)
            return {}
        found = self._shared(e)
        for line, share in found.items():
            if line >= 0 and len(found) > 1 and share >= r.given_from:
                chance = 1.0 / len(found)
                for k, w in e.tags:
                    self.attributed[line][k] += (
                        e.mass * w * (share - chance) / (1.0 - chance)
                        * 2.0 ** ((e.ts + r.offset) / 86_400_000 / 60.0)
                    )  # fmt: skip
        return found

    def attributed_mass(self, day: int) -> list[list[float]]:
        """Attributed mass by line and interest, as of the start of `day`."""
        return [[m * 2.0 ** (-day / 60.0) for m in of] for of in self.attributed]

    def _shared(self, e: Watched) -> dict[int, float]:
        kids = sum(w for k, w in e.tags if k in self.childrens) / sum(w for _, w in e.tags)
        if e.country:
            self.abroad[e.home] = max(self.abroad.get(e.home, (0, 0)), (e.ts, e.country))
        who = self._candidates(e.home, kids > 0.0)
        if self.begins and not any(j >= 0 for j in who):
            return {}  # the chain stands still
        if e.chosen is not None:
            self._label(e, e.chosen)
            found = {j: float(j == e.chosen) for j in self._candidates(e.home, False)}
        else:
            found = self._chain(e, self._evidence(e, who, kids))
        if e.ts >= self.last.get(e.home, (0, {}))[0]:
            self.last[e.home] = e.ts, found
        self.slot.append((e, found.get(CHILD, 0.0) * kids))
        return found

    def _candidates(self, home: int, child: bool) -> list[int]:
        children, refused = self.registered.get(home, (0, 0))
        here = self.abroad.get(home, (0, 0))[1]
        lines = []
        for line, of in enumerate(self.home_of):
            said = [(o.ts, o.country) for o in self.own[line] if o.country]
            newest = max(said, default=(0, 0))[1]
            if of == home and line in self.begun and not (here and newest and newest != here):
                self.since.setdefault(line, self.open_day)
                lines.append(line)
        return lines[:16] + [CHILD] * (child or children > 0) + [REFUSED] * (refused > 0)

    def _age(self, e: Watched, day: int) -> float:
        """What is left of an event at the start of `day`."""
        local = (e.ts + self.rules.offset) / 86_400_000
        return float(2.0 ** (-(day - local) / 60.0))

    def _counts(self, line: int, day: int) -> tuple[dict[int, int], dict[tuple[bool, int], int]]:
        """Sketch and presence, in quarters of a day: each touched day four, halved by epochs."""
        r = self.rules
        sketch: dict[int, int] = {}
        hours: dict[tuple[bool, int], int] = {}
        of = [o for o in self.own[line] if o.day(r) < day]
        for d in range(min((o.day(r) for o in of), default=day), day):
            touched = {o.bucket(r) for o in of if o.day(r) == d}
            there = {(d % 7 in (2, 3), o.moment(r).hour) for o in of if o.day(r) == d}
            for b in touched:
                sketch[b] = sketch.get(b, 0) + 4 if d >= self.open_day else min(
                    255, sketch.get(b, 0) + 4
                )  # fmt: skip
            for h in there:
                hours[h] = hours.get(h, 0) + 4 if d >= self.open_day else min(
                    255, hours.get(h, 0) + 4
                )  # fmt: skip
            if d < self.open_day and (d + 1) % 60 == 0:
                sketch = {b: n // 2 for b, n in sketch.items()}
                hours = {h: n // 2 for h, n in hours.items()}
        return sketch, hours

    def _signals(self, e: Watched, who: list[int], kids: float) -> tuple[list[list[float]], float]:
        r, day = self.rules, e.day(self.rules)
        lines = [j for j in who if j >= 0]
        old = {j: [o for o in self.own[j] if o.day(r) < day] for j in lines}
        if not lines:
            return [[0.0] * 5 for _ in who], 0.0
        level = {
            j: [sum(o.mass * w * self._age(o, day) for o in old[j] for q, w in o.tags if q == k)
                for k in range(self.interests)]
            for j in lines
        }  # fmt: skip
        acts = {j: sum(self._age(o, day) for o in old[j]) for j in lines}
        total = sum(sum(level[j]) for j in lines)
        prior = [
            (sum(level[j][k] for j in lines) + 0.5) / (total + 0.5 * self.interests)
            for k in range(self.interests)
        ]
        counts = {j: self._counts(j, day) for j in lines}
        b = e.bucket(r)
        usual = (sum(counts[j][0].get(b, 0) for j in lines) / 4 + 0.1) / (
            sum(sum(counts[j][0].values()) for j in lines) / 4 + 25.6
        )
        mean = sum(math.log(1.0 + acts[j]) for j in lines) / len(lines)
        weekend, hour = day % 7 in (2, 3), e.moment(r).hour
        found = []
        for j in who:
            if j < 0:
                at_home = sum(level[i][k] for i in lines for k in self.childrens)
                found.append(self._slot_signals(j, kids, (at_home + 0.5) / (total + 1.0)))
                continue
            s = r.smoothing
            share = sum(
                w * (level[j][k] + s * prior[k]) / (sum(level[j]) + s) for k, w in e.tags
            ) / sum(w * prior[k] for k, w in e.tags)
            sketch, hours = counts[j]
            known = (sketch.get(b, 0) / 4 + s * usual) / ((sum(sketch.values()) / 4 + s) * usual)
            near = 0.0
            for d, weight in ((-1, 0.5), (0, 1.0), (1, 0.5)):
                h = (hour + d) % 24
                same, other = hours.get((weekend, h), 0), hours.get((not weekend, h), 0)
                near += 0.5 * weight * (same + 0.5 * other) / 4
            there = (48 * near + 3.0) / (sum(hours.values()) / 4 + 3.0)
            seen = max((o.day(r) for o in old[j]), default=self.since[j] - 1)
            found.append(
                [
                    math.log(share),
                    math.log(known),
                    math.log(there),
                    math.log(1.0 + acts[j]) - mean,
                    min(r.longest_silence, day - 1 - seen),
                ]
            )
        return found, sum(acts.values()) / len(lines)

    def _slot_signals(self, slot: int, kids: float, at_home: float) -> list[float]:
        """A slot is like everybody, but for what a child sees; `at_home` is the lines' share."""
        lift = 0.0
        if slot == CHILD:
            lift = kids * math.log(self.rules.child_share / at_home)
            lift += (1.0 - kids) * math.log((1.0 - self.rules.child_share) / (1.0 - at_home))
        return [lift, 0.0, 0.0, 0.0, 1.0]

    def _evidence(self, e: Watched, who: list[int], kids: float) -> dict[int, float]:
        x, acts = self._signals(e, who, kids)
        odds = [math.exp(sum(w * v for w, v in zip(self.weights, row, strict=True))) for row in x]
        if CHILD in who and not self.registered.get(e.home, (0, 0))[0]:
            odds[who.index(CHILD)] *= self._doubt(e)
        even = self.rules.few / (self.rules.few + acts)
        share = {j: o / sum(odds) for j, o in zip(who, odds, strict=True)}
        rest = 1.0 - share.get(CHILD, 0.0)
        others = len(who) - (CHILD in who)
        return {
            j: p if j == CHILD else even * rest / others + (1.0 - even) * p
            for j, p in share.items()
        }

    def _doubt(self, e: Watched) -> float:
        """Odds of a child that nobody registered, by what had fallen to its slot."""
        day = e.day(self.rules)
        fallen = sum(
            share * s.mass * sum(w for _, w in s.tags) * self._age(s, day)
            for s, share in self.slot
            if s.home == e.home and s.day(self.rules) < day
        )
        return (fallen + self.rules.child_doubt) / (fallen + 1.0)

    def _chain(self, e: Watched, evidence: dict[int, float]) -> dict[int, float]:
        r, n = self.rules, len(evidence)
        when, last = self.last.get(e.home, (0, {}))
        gap = abs(e.ts - when) if when else 1e15
        kept = math.exp(-gap / r.forget)
        t = max(r.least_evidence, 1.0 - math.exp(-gap / r.refresh))
        q = {j: max(r.floor / n, 1 / n + (last.get(j, 0.0) - 1 / n) * kept) for j in evidence}
        total = sum(q[j] * evidence[j] ** t for j in evidence)
        return {
            j: r.floor / n + (1.0 - r.floor) * q[j] * evidence[j] ** t / total for j in evidence
        }

    def _label(self, e: Watched, line: int) -> None:
        who = self._candidates(self.home_of[line], False)
        if line not in who or len(who) < 2:
            return
        x, acts = self._signals(e, who, 0.0)
        odds = [math.exp(sum(w * v for w, v in zip(self.weights, row, strict=True))) for row in x]
        sure = 1.0 - self.rules.few / (self.rules.few + acts)
        step = [
            sure
            * (
                x[who.index(line)][f]
                - sum(o * row[f] for o, row in zip(odds, x, strict=True)) / sum(odds)
            )
            for f in range(5)
        ]
        self.steps.setdefault(e.day(self.rules), []).append(step)

    def _learn(self, steps: list[list[float]]) -> None:
        for f in range(5):
            if steps:
                w = self.weights[f] + self.rules.rate * sum(s[f] for s in steps) / math.sqrt(
                    len(steps)
                )
                self.weights[f] = min(0.0, w) if f == 4 else max(0.0, w)
