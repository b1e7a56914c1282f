"""Measures how far a group is behind, per input partition, from outside and without joining it.

Behind are the records between the committed offset and the *high watermark*: a transaction that
hangs open hides them from a reader, but not from here. The age is that of the first of them, by its
own time stamp.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, TopicPartition
from confluent_kafka.admin import OffsetSpec

from streams.kafka import clients
from streams.kafka.consumer_group import Group, GroupError
from streams.kafka.offsets import Spot, list_offsets
from streams.settings import Settings

_TIMEOUT_S = 5.0
#: While a record was first seen later than this ago, the time it was seen at will do for its age:
#: a look is cheap, and fetching the first record of every input each second is not.
_SEEN_S = 3.0
_FETCH_S = 2.0


@dataclass(frozen=True)
class Behind:
    """An input partition's lag.

    Attributes
    ----------
    committed, end : int
        Next offset of the group, -1 where it has none; offset behind the last record.
    records : int
        Offsets between them.
    since_ms : int
        When the first of these records came, ms since 1970; 0 where there is none.
    """

    topic: str
    partition: int
    committed: int
    end: int
    records: int
    since_ms: int

    def seconds(self, now_ms: float) -> float:
        """Age of the oldest record that is not committed, 0 where there is none."""
        return max(0.0, (now_ms - self.since_ms) / 1000.0) if self.since_ms else 0.0


class LagMeter:
    """Measures a group's lag, now and again.

    Parameters
    ----------
    settings : Settings
    group : str
        The deployment's own unless given.
    """

    def __init__(self, settings: Settings, group: str = "") -> None:
        self._settings = settings
        self._group = Group(settings, group)
        self._admin = clients.admin(settings, role="group")
        self._fetcher: Consumer | None = None
        #: When an input was first seen to end where it did, as far as that is not committed.
        self._ends: dict[Spot, deque[tuple[int, int]]] = {}
        self._looked: dict[Spot, int] = {}
        self._first: dict[Spot, tuple[int, int]] = {}  # offset and time of the first one behind

    def close(self) -> None:
        """Close the connections."""
        self._group.close()
        if self._fetcher is not None:
            self._fetcher.close()

    def partitions(self) -> list[Spot]:
        """List the partitions of the inputs.

        Raises
        ------
        GroupError
        """
        return self._group.spots()

    def measure(self, spots: Sequence[Spot]) -> list[Behind]:
        """Measure the lag of input partitions.

        Raises
        ------
        GroupError
            Where the cluster does not answer.
        """
        if not spots:
            return []
        now_ms = int(time.time() * 1000)
        what = f"lag of {self._group.name}"
        # The ends first: a commit between the two looks must not seem to go beyond the end.
        ends, starts = (
            list_offsets(self._admin, spots, spec, _TIMEOUT_S, what, GroupError)
            for spec in (OffsetSpec.latest(), OffsetSpec.earliest())
        )
        committed = self._group.committed([TopicPartition(*spot) for spot in spots])
        first = {spot: max(committed.get(spot, 0), starts[spot]) for spot in spots}
        late = {spot: at for spot, at in first.items() if ends[spot] > at}
        since = self._since(late, ends, now_ms)
        return [
            Behind(
                *spot,
                committed.get(spot, -1),
                ends[spot],
                max(0, ends[spot] - first[spot]) if since.get(spot, 1) else 0,
                since.get(spot, 0),
            )
            for spot in spots
        ]

    def _since(self, late: dict[Spot, int], ends: dict[Spot, int], now_ms: int) -> dict[Spot, int]:
        """When the first record behind came, for each input that has one."""
        found: dict[Spot, int] = {}
        for spot, end in ends.items():
            late_look = now_ms - self._looked.get(spot, 0) > 1000 * _SEEN_S
            self._looked[spot] = now_ms
            seen = self._ends.setdefault(spot, deque())
            while seen and seen[0][1] <= late.get(spot, end):
                seen.popleft()
            if spot not in late:
                continue
            if not seen or seen[-1][1] < end:
                seen.append((now_ms, end))
            known = self._first.get(spot, (-1, 0))[0] == late[spot]
            if not known and (late_look or now_ms - seen[0][0] > 1000 * _SEEN_S):
                self._first[spot] = (late[spot], self._time_of(spot, late[spot]))
                known = True
            found[spot] = self._first[spot][1] if known else seen[0][0]
        return found

    def _time_of(self, spot: Spot, offset: int) -> int:
        """Time stamp of the first record from an offset on, committed or not; 0: there is none."""
        if self._fetcher is None:
            self._fetcher = clients.consumer("fetcher", self._settings)
        self._fetcher.assign([TopicPartition(*spot, offset)])
        deadline = time.monotonic() + _FETCH_S
        try:
            while time.monotonic() < deadline:
                message = self._fetcher.poll(0.1)
                if message is None or (message.topic(), message.partition()) != spot:
                    continue
                error = message.error()
                if error is None:
                    return message.timestamp()[1]
                if error.code() == KafkaError._PARTITION_EOF:
                    return 0
        finally:
            self._fetcher.unassign()
        raise GroupError(f"{spot[0]}[{spot[1]}]", TimeoutError())


def worst_of(measured: Iterable[Behind], now_ms: float) -> float:
    """Greatest age of all, in seconds."""
    return max((item.seconds(now_ms) for item in measured), default=0.0)
