"""What one run of a contender measured, and what repeats of it come to."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

MILLION = 1e6


@dataclass(frozen=True)
class Run:
    """One run of one contender.

    Attributes
    ----------
    contender : str
    events : int
        Events of its input.
    seconds, counted : float, int
        Time from the start of reading until `counted` events were done (committed, where the
        contender commits), the first such moment past 95 % of the input: what comes after is
        waiting for a timer, not work.
    own_s, broker_s : float
        Processor seconds in that time.
    peak_bytes : int
        Highest resident size.
    profiles, out : int
        Records in the profile topic, and in all its output topics.
    profile_bytes, state_bytes : int
        Keys and values of profiles, and of the changelog, before compression.
    levels : str
        "same", or how the levels differ from the exact recomputation.
    floor_rate : float
        Events per second of the floor in the same repeat, 0 where it did not run.
    """

    contender: str
    events: int
    seconds: float
    counted: int
    own_s: float
    broker_s: float
    peak_bytes: int
    profiles: int = 0
    out: int = 0
    profile_bytes: int = 0
    state_bytes: int = 0
    levels: str = ""
    floor_rate: float = 0.0

    @property
    def rate(self) -> float:
        """Events per second."""
        return self.counted / self.seconds if self.seconds > 0 else 0.0

    @property
    def own_per_million(self) -> float:
        """The contender's processor seconds per million events."""
        return self.own_s * MILLION / max(1, self.counted)

    @property
    def broker_per_million(self) -> float:
        """The broker's processor seconds per million events."""
        return self.broker_s * MILLION / max(1, self.counted)

    @property
    def out_per_event(self) -> float:
        """Messages written per event read."""
        return self.out / max(1, self.events)


@dataclass
class Row:
    """All repeats of a contender, with its latency where it was measured (seconds)."""

    label: str
    note: str
    runs: list[Run] = field(default_factory=list)
    latency: dict[str, float] = field(default_factory=dict)
    failed: str = ""

    def rates(self) -> tuple[float, float, float]:
        """Lowest, median and highest events per second."""
        found = sorted(run.rate for run in self.runs)
        return found[0], statistics.median(found), found[-1]

    def median(self, name: str) -> float:
        """Median of an attribute over the repeats."""
        return statistics.median(float(getattr(run, name)) for run in self.runs)

    def ratio(self) -> float:
        """Median over the repeats of its rate over the floor's of the same repeat."""
        found = [run.rate / run.floor_rate for run in self.runs if run.floor_rate]
        return statistics.median(found) if found else 0.0

    def levels(self) -> str:
        """What the check of the levels said, the worst repeat's."""
        said = {run.levels for run in self.runs}
        return next(
            (s for s in sorted(said) if s not in ("same", "")), "same" if said - {""} else ""
        )

    def as_json(self) -> dict[str, Any]:
        """Everything, for the JSON file."""
        summary: dict[str, Any] = {}
        if self.runs:
            low, middle, high = self.rates()
            summary = {
                "events_per_s": {"min": low, "median": middle, "max": high},
                "ratio_to_floor": self.ratio(),
                "core_s_per_million": self.median("own_per_million"),
                "broker_core_s_per_million": self.median("broker_per_million"),
                "messages_out_per_event": self.median("out_per_event"),
                "peak_bytes": self.median("peak_bytes"),
                "levels": self.levels(),
            }
        return {
            "label": self.label,
            "note": self.note,
            "failed": self.failed,
            "latency_s": self.latency,
            **summary,
            "runs": [asdict(run) for run in self.runs],
        }


def best_window(
    marks: Sequence[tuple[float, int]], begin: float, events: int, share: float = 0.95
) -> tuple[float, int]:
    """Seconds from `begin` to the first mark past `share` of the events, and its count.

    Raises
    ------
    ValueError
        Where no mark gets there.
    """
    for at, done in marks:
        if done >= share * events:
            return max(1e-6, at - begin), done
    raise ValueError(f"{marks[-1][1] if marks else 0} of {events} events done")
