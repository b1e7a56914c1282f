"""Has the world changed? ADWIN on the champion's daily log-loss, per source.

The day is the unit, for the rows of a day go together; the days are few, so ADWIN is run anew
over those since the last alarm, and a list of numbers is all there is to store.
Bifet and Gavaldà, "Learning from time-changing data with adaptive windowing", SDM 2007.
"""

from __future__ import annotations

from river import drift

SOURCES = ("network", "tv", "app")

_MOST_DAYS = 180
_LEAST_ROWS = 50  # a day with fewer is too noisy to say anything
_DELTA = 0.002  # ADWIN's own default: chance of a false alarm


class Drift:
    """Daily log-losses by source since the last alarm.

    Attributes
    ----------
    days : dict of int to list of float
        By source number.
    """

    def __init__(self) -> None:
        self.days: dict[int, list[float]] = {source: [] for source in range(len(SOURCES))}

    def add(self, source: int, rows: int, loss: float) -> bool:
        """Take up a day's mean log-loss of a source; whether it got worse for good."""
        if rows < _LEAST_ROWS:
            return False
        days = self.days[source]
        days.append(loss)
        del days[:-_MOST_DAYS]
        detector = drift.ADWIN(delta=_DELTA, clock=1, grace_period=10, min_window_length=5)
        width = 0.0
        for value in days:
            # ADWIN wants values in [0, 1]: a daily mean above ln 2 is worse than a coin
            detector.update(min(value, 1.0))
            width = detector.width
        if not detector.drift_detected:
            return False
        kept = days[-max(1, int(width)):]
        before = days[: len(days) - len(kept)]
        worse = bool(before) and sum(kept) / len(kept) > sum(before) / len(before)
        self.days[source] = kept
        return worse
