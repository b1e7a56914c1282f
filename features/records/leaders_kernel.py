"""Moves event time on the word of several accounts, so that one clock ahead moves it for nobody.

The *leaders* are the accounts with the latest event times, so many as have to agree. Where the
log bears witness to an event's time (it arrived about then, or when is not known), or not so many
accounts have spoken yet, the event is believed alone. All of it is a function of the sequence.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from features.jit import as_int, inlined

#: An account, as keyed bits that name nobody, and the latest event time that it gave, ms.
LEADER: Final = np.dtype([("witness", "i8"), ("ts", "i8")])
_NOBODY: Final = -1


def new_leaders(count: int) -> NDArray[np.void]:
    """Places of so many accounts, none of which has spoken."""
    leaders = np.zeros(count, LEADER)
    leaders["ts"] = _NOBODY
    return leaders


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
    least = 0
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
