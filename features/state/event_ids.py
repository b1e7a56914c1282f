"""Bounds how many event ids a partition remembers; which ones follows from its sequence alone.

An id is remembered in a time bucket, a sixteenth of the horizon. Where a bucket ends with more ids
than may be held, the oldest buckets go, before the first event of the next one counts. Then the
changelog lets go of the same (`features.checkpoint`), so that a restore brings none of them back.
Where a single bucket has far too many, for event time stands still, all go with a commit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.state import event_ids_kernel
from features.state import layout as lay
from features.state.arrays import longer

_NEVER, _NO_BUCKET = 2**62, 2**31 - 1


class EventIds:
    """Says when ids have to go, and makes the tables without them and with room for more.

    Parameters
    ----------
    clock : layout.Clock
        Event-time constants.
    most : int
        Ids that may be held when a bucket ends.

    Attributes
    ----------
    due : int
        Watermark, ms, at which the fold has to stop for `forget`.
    forgotten : int
        Bucket before which all ids went, -1 where none did.
    """

    def __init__(self, clock: lay.Clock, most: int) -> None:
        self.most = most
        self.due = _NEVER
        self.forgotten = -1
        self._clock = clock

    @property
    def near(self) -> bool:
        """Whether too many may come together in the batch at hand."""
        return self.due < _NEVER

    def oldest(self, counters: lay.Counters) -> int:
        """Oldest time bucket whose event ids still count as seen."""
        return int((counters[0]["max_ts"] - self._clock.horizon) // self._clock.bucket)

    def expect(self, counters: lay.Counters, events: int) -> None:
        """Set `due` before so many events: only where there may come too many ids.

        What has expired may be counted still; then `forget` looks in vain.
        """
        many = int(counters[0]["ids"]) + events > self.most
        self.due = self._bucket_end(counters) if many else _NEVER

    def with_room(self, live: lay.Live, events: int) -> lay.Live:
        """Tables that can take so many events' ids; what has expired may be left out."""
        dedup, counters = live.dedup, live.counters
        log = int(counters[0]["ids_logged"]) + events
        if log > dedup.log_hash.size:
            dedup = dedup._replace(
                log_hash=longer(dedup.log_hash, 2 * log),
                log_bucket=longer(dedup.log_bucket, 2 * log),
            )
        if 2 * (int(counters[0]["ids"]) + events) > dedup.hash.size:
            oldest = self.oldest(counters)
            held = int(np.count_nonzero(dedup.bucket[dedup.hash != 0] >= oldest))
            dedup = _kept(dedup, counters, oldest, 1 << (4 * (held + events)).bit_length())
        return live._replace(dedup=dedup)

    def forget(self, live: lay.Live) -> lay.Live:
        """Tables without the ids of the oldest buckets, where more are held than may be."""
        dedup, counters = live.dedup, live.counters
        oldest = self.oldest(counters)
        held = dedup.bucket[(dedup.hash != 0) & (dedup.bucket >= oldest)]
        if (over := held.size - self.most) > 0:
            oldest = self.forgotten = int(np.partition(held, over - 1)[over - 1]) + 1
        self.due = self._bucket_end(counters)
        return live._replace(dedup=_kept(dedup, counters, oldest, dedup.hash.size))

    def forget_all(self, live: lay.Live) -> lay.Live:
        """Tables of the same size without an id."""
        kept = _kept(live.dedup, live.counters, _NO_BUCKET, live.dedup.hash.size)
        return live._replace(dedup=kept)

    def _bucket_end(self, counters: lay.Counters) -> int:
        """Watermark, ms, at the first event of the next bucket."""
        width = self._clock.bucket
        return (int(counters[0]["max_ts"]) // width + 1) * width - self._clock.lateness


def ids_between(
    dedup: lay.Dedup, first: int, last: int
) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
    """The ids of buckets from `first` to `last`, and the bucket of each, in their order."""
    found = np.flatnonzero((dedup.hash != 0) & (dedup.bucket >= first) & (dedup.bucket <= last))
    found = found[np.argsort(dedup.bucket[found], kind="stable")]
    return dedup.hash[found], dedup.bucket[found]


def _kept(dedup: lay.Dedup, counters: lay.Counters, oldest: int, size: int) -> lay.Dedup:
    """Tables of so many places with the ids of buckets from `oldest` on."""
    fresh = lay.new_dedup(size)
    made = dedup._replace(hash=fresh.hash, bucket=fresh.bucket)
    counters["ids"] = 0
    event_ids_kernel.remember(made, counters, dedup.hash, dedup.bucket, oldest)
    return made
