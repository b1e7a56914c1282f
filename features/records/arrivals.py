"""Says when records came, by the log's own word: whoever reads it later finds the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from features.records.decoder import FACTS
from features.records.inputs import TS_END, TS_MIN

#: Stands for an arrival that is not known.
UNKNOWN = -1


def known(given: ArrayLike | None, n: int) -> NDArray[np.int64]:
    """Arrival of each of n records, ms; `UNKNOWN` for what is no time that can be."""
    came = np.broadcast_to(np.asarray(UNKNOWN if given is None else given, np.int64), n)
    return np.where((came >= TS_MIN) & (came < TS_END), came, UNKNOWN)


def believed(stamps: NDArray[np.int64], kinds: NDArray[np.uint8], now: int) -> NDArray[np.int64]:
    """Take the arrivals of records from their time stamps in the log.

    A stamp may be its producer's clock. For an event that is all there is to go by, whenever the
    log is read. A fact that protects somebody does not wait for that clock: for facts it is not
    later than the reader's `now`, which also stands for a time that can't be one.

    Parameters
    ----------
    stamps, kinds
        Time stamps, ms, int64[n]; kinds as in `features.records.decoder`, uint8[n].
    now
        The reader's time, ms.
    """
    came = known(stamps, stamps.size)
    facts = np.where(came == UNKNOWN, now, np.minimum(came, now))
    return np.where(kinds == FACTS, facts, came)
