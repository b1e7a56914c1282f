"""Measures what falls to people without a line, and what a shared event costs."""

from __future__ import annotations

import random
import time

import numpy as np

from features.household import CHILD, EVENT, SHARED, Attribution, AttributionRules
from streams.evaluation import attribution
from streams.evaluation import merged_homes as homes
from streams.evaluation.people import CHILDRENS, People

_DRAWS = 6
_CHILD_SESSIONS, _CHILD_SHARE, _ADULT_SHARE, _ADULT_SITTINGS = 4, 0.6, 0.2, 6


def child_slot(viewers: People) -> dict[str, float]:
    """Put a child without a line into homes of grown-ups, and see where its events go.

    A child is who watches mostly children's channels, a grown-up hardly any. *Caught* is what the
    slot gets of a child's events on children's channels, *leaked* what it gets of members' events,
    *lost* by how much members' accuracy falls for having a slot, in homes with a child and without.
    """

    def share(person: str) -> float:
        return float(np.mean([seen.key in CHILDRENS for seen in viewers[person]]))

    children = sorted(
        p
        for p, seen in viewers.items()
        if len(seen) >= _CHILD_SESSIONS and share(p) >= _CHILD_SHARE
    )
    adults = {person: seen for person, seen in viewers.items() if share(person) < _ADULT_SHARE}
    caught, all_of, leaked, lost = [], [], [], []
    for seed in range(_DRAWS):
        rng = random.Random(seed)
        of = homes.draw(adults, _ADULT_SITTINGS, rng, (1, 2, 3))
        with_child = [rng.choice(children) if rng.random() < 0.5 else None for _ in of]
        merged = homes.merge(viewers, of, rng, without_line=with_child)
        lines = len(merged.home)
        r = attribution.attributed_homes(merged, childrens=CHILDRENS)[1]
        plain = attribution.attributed_homes(merged)[1].of_lines(lines)
        slot = (r.r * (r.who == CHILD)).sum(1)
        of_child = merged.judged & (merged.truth >= lines)
        of_member = merged.judged & (merged.truth < lines)
        first = merged.interest[np.minimum(merged.events["start"], len(merged.interest) - 1)]
        childrens = np.isin(merged.names, list(CHILDRENS))[first]
        caught.append(slot[of_child & childrens])
        all_of.append(slot[of_child])
        leaked.append(slot[of_member])
        at, truth = np.flatnonzero(of_member), merged.truth[of_member]
        best = np.maximum(r.of_lines(lines)[at].max(1), slot[at])
        lost.append(
            (plain[at, truth] >= plain[at].max(1)).astype(np.float64)
            - (r.of_lines(lines)[at, truth] >= best)
        )
    return {
        "caught": float(np.concatenate(caught).mean()),
        "caught_of_all": float(np.concatenate(all_of).mean()),
        "leaked": float(np.concatenate(leaked).mean()),
        "lost": float(np.concatenate(lost).mean()),
    }


def refused_slot(panelists: People) -> dict[str, float]:
    """Take the line from one of three, who refused, and see whom his shared events are given to.

    Share of his judged events that others are given, and how much of their own they keep, with a
    slot for him and if nobody knew of him.
    """
    rules = AttributionRules()
    found: dict[str, list[float]] = {}
    for refused in sorted(panelists):
        members = [name for name in sorted(panelists) if name != refused]
        shown = {**panelists, refused: [seen for seen in panelists[refused] if not seen.own]}
        merged = homes.merge(
            shown, [members], random.Random(0), devices=True, without_line=[refused]
        )
        lines = len(members)
        his = merged.judged & (merged.truth == lines)
        others = np.flatnonzero(merged.judged & (merged.truth < lines))
        for name, registered in (("with a slot", 1), ("without one", 0)):
            model = Attribution(merged.home, np.zeros(len(merged.names), np.bool_), rules)
            model.register(0, refused=registered)
            given = model.fold(merged.events, merged.interest, merged.weight).given(lines, rules)
            kept = given[others, merged.truth[others]]
            found.setdefault(f"given {name}", []).append(float(given[his].sum(1).mean()))
            found.setdefault(f"own kept {name}", []).append(float(kept.mean()))
    return {name: float(np.mean(values)) for name, values in found.items()}


def nanoseconds_per_event(events: int = 200_000) -> float:
    """CPU time of a shared event with three lines, warm: the least of three runs."""
    rng = np.random.default_rng(1)
    model = Attribution([0, 0, 0], np.zeros(160, np.bool_))
    interest = rng.integers(0, 160, 2 * events).astype(np.uint16)
    weight = np.full(2 * events, 0.5, np.float32)
    batch = np.zeros(events, EVENT)
    batch["content"] = rng.integers(0, 500, events)
    batch["chosen"], batch["mass"] = SHARED, 1.0
    batch["start"] = 2 * np.arange(events)
    batch["end"] = batch["start"] + 2
    least = np.inf
    for run in range(4):
        # The first run is of own lines, which gives them something to say.
        batch["line"] = rng.integers(0, 3, events) if run == 0 else SHARED
        begin = (18_000 + run) * homes.DAY_MS
        batch["ts"] = np.sort(rng.integers(begin, begin + homes.DAY_MS, events))
        started = time.process_time()
        model.fold(batch, interest, weight)
        if run:
            least = min(least, (time.process_time() - started) / events * 1e9)
    return float(least)
