"""Moves event time on the word of several accounts, so that one clock ahead moves it for nobody.

The *leaders* are the accounts with the latest event times, so many as have to agree. Where the
log bears witness to an event's time (it arrived about then, or when is not known), or not so many
accounts have spoken yet, the event is believed alone. All of it is a function of the sequence.
"""

from __future__ import annotations

from operator import itemgetter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from features.jit import as_int, bare, inlined
from features.records.position import Leaders

#: An account, as keyed bits that name nobody, and the latest event time that it gave, ms.
LEADER: Final = np.dtype([("witness", "i8"), ("ts", "i8")])
_NOBODY: Final = -1


def new_leaders(count: int) -> NDArray[np.void]:
    """Places of so many accounts, none of which has spoken."""
    leaders = np.zeros(count, LEADER)
    leaders["ts"] = _NOBODY
    return leaders


def filled(count: int, known: Leaders) -> NDArray[np.void]:
    """Places of so many accounts, with the latest of those that are known."""
    leaders = new_leaders(count)
    for place, leader in zip(range(count), known, strict=False):
        leaders[place] = leader
    return leaders


def spoken_of(leaders: NDArray[np.void]) -> Leaders:
    """The accounts that have spoken, latest first."""
    spoken = [(who, ts) for who, ts in leaders.tolist() if ts >= 0]
    return tuple(sorted(spoken, key=itemgetter(1, 0), reverse=True))


@bare
def advance_all(
    leaders: NDArray[np.void],
    records: NDArray[np.void],
    now: int,
    slack: int,
    running: NDArray[np.int64],
) -> int:
    """Event time behind each record of a log, int64[n] to fill; returns the last."""
    for i in range(records.shape[0]):
        if records[i].ts > now:
            now = advanced(leaders, records[i], now, slack)
        running[i] = now
    return now


@inlined
def advanced(leaders: Any, e: Any, now: int, slack: int) -> int:
    """Event time after an event that is later than `now`, ms.

    Parameters
    ----------
    leaders : ndarray of LEADER
        Changed in place.
    e : record of `features.records.batch.EVENT`
    now : int
        Event time before it.
    slack : int
        How far an event's time may be from its arrival for that to bear witness.
    """
    if e.arrival < 0 or abs(e.arrival - e.ts) <= slack:
        return as_int(e.ts)
    place = least = 0
    for k in range(1, leaders.shape[0]):
        ts = leaders[k].ts
        if ts < leaders[least].ts or (
            ts == leaders[least].ts and leaders[k].witness < leaders[least].witness
        ):
            least = k
    place = least
    for k in range(leaders.shape[0]):
        if leaders[k].ts >= 0 and leaders[k].witness == as_int(e.witness):
            place = k
    alone = leaders[least].ts < 0
    if e.ts > leaders[place].ts:
        leaders[place].witness = as_int(e.witness)
        leaders[place].ts = e.ts
    if alone:
        return as_int(e.ts)
    agreed = leaders[0].ts
    for k in range(1, leaders.shape[0]):
        agreed = min(agreed, leaders[k].ts)
    return as_int(max(now, agreed))
