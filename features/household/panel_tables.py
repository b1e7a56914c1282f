"""Lays out homes that stand alone, with tastes as dense tables: those of a panel.

A deployment has the same lines and homes, but tastes lie in the rows of its subjects
(`features.state.shared_screen_kernel`).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.household.tables import AttributionRules, LineTables, new_lines

#: ``line`` of an event of the shared screen.
SHARED = -1

#: One event: ``line`` is the own line it came from, or `SHARED`; ``chosen`` is the line of a
#: person that the shared screen itself names (a profile that the viewer chose), else -1. Its
#: interests are ``start`` to ``end`` of the tags that come with the events.
EVENT: Final = np.dtype([
    ("ts", "i8"), ("content", "u8"), ("home", "i4"), ("line", "i4"), ("chosen", "i4"),
    ("start", "i4"), ("end", "i4"), ("mass", "f4"), ("country", "u2"),
], align=True)  # fmt: skip


#: Whose a line is: its home, the home's next line, in which country it was last seen and when.
PANELIST: Final = np.dtype([
    ("home", "i4"), ("next", "i4"), ("placed_at", "i8"), ("country", "u2"), ("gone", "u1"),
], align=True)  # fmt: skip

#: A home: its first line, the country of its screen and since when, and whether children or people
#: who refused live there.
PANEL_HOME: Final = np.dtype([
    ("line", "i4"), ("country", "u2"), ("children", "u1"), ("refused", "u1"), ("placed_at", "i8"),
], align=True)  # fmt: skip


class PanelTables(NamedTuple):
    """All that the kernels of homes that stand alone work on."""

    known: LineTables
    people: Any  # of PANELIST
    places: Any  # of PANEL_HOME
    time: NDArray[np.int64]  # (1,), the greatest event time
    opening: NDArray[np.float64]  # (lines, interests), mass of closed days
    today: NDArray[np.float64]  # (lines, interests)
    tomorrow: NDArray[np.float64]  # (lines, interests)
    attributed: NDArray[np.float64]  # (lines, interests), mass by way of the shared screen
    household: NDArray[np.float64]  # (homes, interests), mass of the shared screen
    slot: NDArray[np.float64]  # (homes, interests), its part that fell to a slot


def new_panel(
    lines: int, homes: int, childrens: NDArray[np.float64], rules: AttributionRules
) -> PanelTables:
    """Empty tables of so many lines and homes."""
    n = len(childrens)
    return PanelTables(
        new_lines(lines, homes, childrens, rules),
        np.zeros(lines, PANELIST),
        np.zeros(homes, PANEL_HOME),
        np.zeros(1, np.int64),
        np.zeros((lines, n)),
        np.zeros((lines, n)),
        np.zeros((lines, n)),
        np.zeros((lines, n)),
        np.zeros((homes, n)),
        np.zeros((homes, n)),
    )
