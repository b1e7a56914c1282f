"""Detects drift: ADWIN on the champion's log-loss, per source.

The rows of a subject's day go together, so the unit is the mean over a group of subjects on a
day. ADWIN is run anew over those since the last alarm: a list of numbers is all there is to
store, and a restart changes nothing.
Bifet and Gavaldà, "Learning from time-changing data with adaptive windowing", SDM 2007.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from river import drift

from features.vocabulary import Source

_GROUPS = 8  # values a day and source
_MOST = 180 * _GROUPS  # values kept
_RECENT_DAYS = 3  # are compared with what was before, to tell worse from better
_LEAST_ROWS = 20  # a group with fewer is too noisy to count
_DELTA = 0.002  # ADWIN's own default: chance of a false alarm
_SCALE = 2.0  # ADWIN wants values in [0, 1]; a log-loss of 0.5 is already as bad as can be


class Drift:
    """Log-losses by source since the last alarm.

    Attributes
    ----------
    values : dict of int to list of float
        By source number, in order of days and groups.
    """

    def __init__(self) -> None:
        self.values: dict[int, list[float]] = {source: [] for source in range(len(Source))}

    def add(self, source: int, lost: NDArray[np.float64], rank: NDArray[np.intp]) -> bool:
        """Add a day's log-losses of a source; returns whether ADWIN found that they rose.

        Parameters
        ----------
        lost : ndarray of float64, shape (n,)
        rank : ndarray of int, shape (n,)
            Place of the row's subject among the subjects of the day.
        """
        rows = np.bincount(rank % _GROUPS, minlength=_GROUPS)
        sums = np.bincount(rank % _GROUPS, lost, _GROUPS)
        fresh = (sums[rows >= _LEAST_ROWS] / rows[rows >= _LEAST_ROWS]).tolist()
        if not fresh:
            return False
        values = self.values[source]
        values += [min(_SCALE * value, 1.0) for value in fresh]
        del values[:-_MOST]
        detector = drift.ADWIN(delta=_DELTA, clock=1)
        for value in values:
            detector.update(value)
            if detector.drift_detected:
                break
        else:
            return False
        # ADWIN has dropped what is unlike the rest; the next alarm needs evidence of its own.
        self.values[source] = []
        recent = _RECENT_DAYS * len(fresh)
        return float(np.mean(values[-recent:])) > float(np.mean(values[:-recent] or values))
