"""Recognises devices whose clock is off, by the time stamps that their records have in the log.

What becomes of an event is decided by the logs alone, whosever device it is: what says a time
later than its record's stamp by more than ``future_tolerance_ms`` is quarantined (a dead letter,
`future`), what is later than ``lateness_ms`` behind event time is `late`, and what lies between
counts at the time that it says. One clock moves nobody else's time (``watermark_accounts``). So to
know that a device is off changes no state: it is told, for people to mend the device.

*Rejected:* to count such a device's events at their stamps. What was told of it before would decide
what an event is, so that a fold of the inputs in another order, or a state that forgot the device,
would be another one (I5, I11); and who sends a day's events at night would be taken for one.

A device is off when all of its events are, by about the same, for an hour. What is delivered late
is not: its distance shrinks while it is delivered. Where half of the records of a poll are off, a
history is being loaded, or a feed is behind, and nothing is learned of devices.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.records.dead_letter import DeadLetter
from features.records.devices import Device, devices_of, refused_device
from features.vocabulary import Refusal
from streams import metrics

log = logging.getLogger(__name__)

_MOST_DEVICES = 10_000
_MOST_LOOKED_AT = 1_000  # events that are off, of a poll
_LEAST_EVENTS = 20
_HOUR_MS = 3_600_000
_RECENT = 10_000  # events by which it is judged whether all of the feed is off


class _Seen(NamedTuple):
    """An event that is off: its device, by how much, and its record's stamp."""

    device: Device
    off_ms: int
    came_ms: int


@dataclass(slots=True)
class _Clock:
    """What a device's events were, all of them off."""

    since_ms: int
    least_ms: int
    greatest_ms: int
    events: int = 0
    off: bool = False


class Clocks:
    """Looks at what was polled; bounded, and forgotten with the process.

    Parameters
    ----------
    tolerance_ms : int
        By which an event may be off.
    """

    def __init__(self, tolerance_ms: int) -> None:
        self._tolerance_ms = tolerance_ms
        self._clocks: OrderedDict[Device, _Clock] = OrderedDict()
        self._recent = self._recent_off = 0

    def look(
        self, records: NDArray[Any], refused: Mapping[int, DeadLetter], came: NDArray[np.int64]
    ) -> None:
        """Learn from a poll.

        Parameters
        ----------
        records
            Those accepted, of `features.records.batch.EVENT`.
        refused
            The others, by their number in the poll.
        came
            Stamps of all that was polled, ms.
        """
        known = records[(records["device_hash"] != 0) & (records["arrival"] >= 0)]
        late = np.abs(known["ts"] - known["arrival"]) > self._tolerance_ms
        off = [*_accepted(known[late]), *islice(_future(refused, came), _MOST_LOOKED_AT)]
        self._count(len(known) + len(off) - int(late.sum()), len(off))
        for device in self._right(known[~late]):
            self._set(self._clocks.pop(device), off=False)
        if 2 * self._recent_off <= self._recent:
            for seen in off[:_MOST_LOOKED_AT]:
                self._learn(seen)

    def _count(self, events: int, off: int) -> None:
        self._recent, self._recent_off = self._recent + events, self._recent_off + off
        if self._recent > _RECENT:
            self._recent, self._recent_off = self._recent // 2, self._recent_off // 2

    def _right(self, records: NDArray[Any]) -> set[Device]:
        """Devices that were off, of which an event is not."""
        if not self._clocks:
            return set()
        ours = np.array([device for _, device in self._clocks], np.uint64)
        some = records[np.isin(records["device_hash"], ours)]
        return self._clocks.keys() & set(devices_of(some))

    def _learn(self, seen: _Seen) -> None:
        clock = self._clocks.get(seen.device)
        if clock is None:
            clock = self._clocks[seen.device] = _Clock(seen.came_ms, seen.off_ms, seen.off_ms)
            if len(self._clocks) > _MOST_DEVICES:
                self._set(self._clocks.popitem(last=False)[1], off=False)
        self._clocks.move_to_end(seen.device)
        clock.least_ms = min(clock.least_ms, seen.off_ms)
        clock.greatest_ms = max(clock.greatest_ms, seen.off_ms)
        clock.events += 1
        if clock.greatest_ms - clock.least_ms > self._tolerance_ms:
            self._set(self._clocks.pop(seen.device), off=False)  # it is late, not off
        elif clock.events >= _LEAST_EVENTS and seen.came_ms - clock.since_ms >= _HOUR_MS:
            self._set(clock, off=True)

    def _set(self, clock: _Clock, *, off: bool) -> None:
        if clock.off != off:
            clock.off = off
            side = "ahead" if clock.least_ms > 0 else "behind"
            metrics.CLOCKS_OFF.labels(side).inc(1 if off else -1)
            if off:
                hours = abs(clock.least_ms) / _HOUR_MS
                log.warning("a device's clock is %.1f h %s, in all its events", hours, side)


def _accepted(records: NDArray[Any]) -> Iterator[_Seen]:
    some = records[:_MOST_LOOKED_AT]
    off, came = (some["ts"] - some["arrival"]).tolist(), some["arrival"].tolist()
    return map(_Seen, devices_of(some), off, came)


def _future(refused: Mapping[int, DeadLetter], came: NDArray[np.int64]) -> Iterator[_Seen]:
    """Events that were refused for their time alone, so that their fields are in form."""
    for number, letter in refused.items():
        if letter.reason == Refusal.FUTURE and letter.value is not None:
            if (found := refused_device(letter.value)) is not None:
                device, ts = found
                yield _Seen(device, ts - int(came[number]), int(came[number]))
