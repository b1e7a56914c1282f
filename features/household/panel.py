"""Runs homes that stand alone: feeds their events to the kernels, says what they come to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.household.lines_kernel import faded
from features.household.panel_kernel import fold_panel
from features.household.panel_tables import new_panel
from features.household.tables import (
    MOST_CANDIDATES,
    SIGNALS,
    SOMEBODY_ELSE,
    AttributionRules,
    new_viewers,
)

#: In `Posteriors.who`: no candidate.
NO_CANDIDATE = -3


class Posteriors(NamedTuple):
    """Holds who was at the screen, event by event; events of own lines have no candidates.

    Attributes
    ----------
    who : ndarray of int32, shape (events, candidates)
        A line, or a slot: `features.household.tables.CHILD`, `REFUSED`; `NO_CANDIDATE` for none.
    r : ndarray of float64, shape (events, candidates)
        Probabilities; those of a shared event sum to 1.
    """

    who: NDArray[np.int32]
    r: NDArray[np.float64]

    def of_lines(self, lines: int) -> NDArray[np.float64]:
        """Posterior by line, shape (events, lines); what a slot took is missing from the sum."""
        found = np.zeros((len(self.who), lines))
        event, candidate = np.nonzero(self.who >= 0)
        found[event, self.who[event, candidate]] = self.r[event, candidate]
        return found

    def given(self, lines: int, rules: AttributionRules) -> NDArray[np.float64]:
        """Share of each event that each line is given, shape (events, lines).

        What is beyond chance, and nothing where it was more likely not he.
        """
        r = self.of_lines(lines)
        n = (self.who != NO_CANDIDATE).sum(1, keepdims=True)
        chance = 1.0 / np.maximum(2, n)
        return np.where((r >= rules.given_from) & (n > 1), (r - chance) / (1.0 - chance), 0.0)


class Attribution:
    """Attribution of shared events, for a fixed number of homes and own lines.

    Parameters
    ----------
    homes_of_lines : sequence of int
        The home of each own line.
    childrens : ndarray of bool, shape (interests,)
        Which interests are children's contents.
    """

    def __init__(
        self,
        homes_of_lines: Sequence[int],
        childrens: NDArray[np.bool_],
        rules: AttributionRules | None = None,
    ) -> None:
        self.rules = rules or AttributionRules()
        homes = max(homes_of_lines, default=-1) + 1
        self.panel = new_panel(len(homes_of_lines), homes, childrens.astype(np.float64), self.rules)
        self.panel.places["line"] = -1
        for line in reversed(range(len(homes_of_lines))):
            home = homes_of_lines[line]
            self.panel.people["home"][line] = home
            self.panel.people["next"][line] = self.panel.places["line"][home]
            self.panel.places["line"][home] = line

    def register(self, home: int, children: int = 0, refused: int = 0) -> None:
        """Say that people without a line live in a home: they are possible viewers."""
        self.panel.places["children"][home] = children
        self.panel.places["refused"][home] = refused

    def drop_line(self, line: int) -> None:
        """Forget a person: line, sketch, presence, posterior, attributed mass."""
        p, known = self.panel, self.panel.known
        for of_line in (p.opening, p.today, p.tomorrow, known.sketch, known.touched):
            of_line[line] = 0
        p.attributed[line], known.presence[line] = 0.0, 0
        known.lines[line] = np.zeros((), known.lines.dtype)
        p.people["placed_at"][line] = p.people["country"][line] = 0
        p.people["gone"][line] = 1

    def fold(
        self, events: NDArray[np.void], interest: NDArray[np.uint16], weight: NDArray[np.float32]
    ) -> Posteriors:
        """Take events in sequence and say who was there.

        Parameters
        ----------
        events : ndarray of EVENT, shape (n,)
        interest, weight : ndarray, shape (tags,)
            Interests of all events; an event has ``start`` to ``end`` of them.
        """
        who = np.full((len(events), MOST_CANDIDATES), NO_CANDIDATE, np.int32)
        r = np.zeros((len(events), MOST_CANDIDATES))
        most = int((events["end"] - events["start"]).max(initial=1))
        fold_panel(self.panel, events, (interest, weight), self.rules, new_viewers(most), who, r)
        return Posteriors(who, r)

    def weights(self) -> dict[str, float]:
        """Learned weight of each signal."""
        return dict(zip(SIGNALS, self.panel.known.weights.tolist(), strict=True))

    def label_loss(self) -> float:
        """Mean log-loss on events whose person is known, each scored before it was learned."""
        clock = self.panel.known.clock[0]
        return float(clock["loss"] / max(1, clock["scored"]))

    def attributed(self, day: int) -> NDArray[np.float64]:
        """Mass by way of the shared screen by line and interest, as of the start of `day`."""
        return self.panel.attributed * float(faded(day, self.rules))

    def somebody_else(self) -> NDArray[np.bool_]:
        """Interests by home whose mass is mostly a slot's, shape (homes, interests)."""
        p = self.panel
        found: NDArray[np.bool_] = p.slot > SOMEBODY_ELSE * p.household
        return found

    def state(self) -> dict[str, Any]:
        """Everything that a posterior depends on, as arrays by name."""
        held: dict[str, Any] = self.panel._asdict()
        known: dict[str, Any] = held.pop("known")._asdict()
        return known | held

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave."""
        for name, values in self.state().items():
            values[...] = state[name]
